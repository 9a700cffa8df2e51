import { Agent, request } from "undici";
import { run } from "./run.ts";

/** What the API server answered; `body` is the parsed JSON, or the text when it is none. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** How long a connection may take on a busy machine; how long a request may is the test's affair. */
const CONNECT_MS = 120_000;

/** Requests to an API server with an administrator's credentials, over one pool of connections. */
export interface AdminClient {
  /** A string is sent as it is, anything else as JSON; any status is an answer, not an error. */
  request(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Reads the credentials of the kubeconfig's current context: a token or a client certificate. */
export async function adminClient(kubectl: string, kubeconfig: string): Promise<AdminClient> {
  const { server, connect, authorization } = await credentials(kubectl, kubeconfig);
  const agent = new Agent({
    connect: { ...connect, timeout: CONNECT_MS },
    connections: 8,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    async request(method, path, body, headers = {}) {
      const answer = await request(`${server}${path}`, {
        method,
        dispatcher: agent,
        headers: {
          accept: "application/json",
          "content-type": contentType(method),
          ...(authorization === undefined ? {} : { authorization }),
          ...headers,
        },
        body: body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body),
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: json(text) };
    },
    close: () => agent.destroy(),
  };
}

interface View {
  readonly clusters?: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  }[];
  readonly users?: readonly {
    readonly user: {
      readonly token?: string;
      readonly "client-certificate-data"?: string;
      readonly "client-key-data"?: string;
    };
  }[];
}

async function credentials(kubectl: string, kubeconfig: string) {
  const args = ["config", "view", "--raw", "--flatten", "--minify", "-o", "json"];
  const { code, stdout, stderr } = await run(kubectl, args, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  if (code !== 0) {
    throw new Error(`kubectl cannot read the kubeconfig ${kubeconfig}: ${stderr.trim()}`);
  }
  const view: View = JSON.parse(stdout);
  const cluster = view.clusters?.[0]?.cluster;
  const user = view.users?.[0]?.user;
  if (cluster === undefined || user === undefined) {
    throw new Error(`the kubeconfig ${kubeconfig} has no current context with a cluster and a user`);
  }
  const pem = {
    ca: cluster["certificate-authority-data"],
    cert: user["client-certificate-data"],
    key: user["client-key-data"],
  };
  const connect: Record<string, Buffer> = {};
  for (const [name, base64] of Object.entries(pem)) {
    if (base64 !== undefined) {
      connect[name] = Buffer.from(base64, "base64");
    }
  }
  return {
    server: cluster.server,
    connect,
    authorization: user.token === undefined ? undefined : `Bearer ${user.token}`,
  };
}

function contentType(method: Method): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
