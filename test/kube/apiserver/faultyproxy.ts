import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Credentials } from "../../../src/kube/credentials.ts";
import { RequestScope } from "../../../src/kube/requestscope.ts";
import { roundTrip } from "../../../src/kube/roundtrip.ts";
import { Transport } from "../../../src/kube/transport.ts";
import { kubeconfigText, listen } from "../localserver.ts";

/** An answer to give instead of asking the API server. */
export interface Refusal {
  readonly to: "list" | "next page" | "watch";
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Default: a Status for the HTTP status. */
  readonly body?: string;
}

/** A proxy before the real API server that loses, cuts and spoils answers when told to. */
export interface FaultyProxy {
  readonly url: string;
  readonly transport: Transport;
  /** Kinds of the requests that came, in order. */
  readonly requests: { readonly kind: "list" | "next page" | "watch"; readonly query: URLSearchParams }[];
  /** Answers the next request of its kind with this, once. */
  refuse(refusal: Refusal): void;
  /** The next request for a next page asks for that of a list which was begun when the cluster was. */
  age(): void;
  /** Writes `text` into every running watch. */
  inject(text: string): void;
  /** Breaks every running watch. */
  cut(): void;
  /** Ends every running watch in good order, as the server does after timeoutSeconds. */
  end(): void;
  /** Running watches get nothing more, but stay open. */
  silence(): void;
  /** How many watches are running. */
  readonly watches: number;
  stop(): Promise<void>;
}

export async function startFaultyProxy(kubeconfig: string): Promise<FaultyProxy> {
  const upstream = new Credentials({ kubeconfig });
  const requests: FaultyProxy["requests"] = [];
  const refusals: Refusal[] = [];
  let ages = false;
  const watches = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    const query = new URL(request.url ?? "", "http://proxy").searchParams;
    const kind = query.has("watch") ? "watch" : query.has("continue") ? "next page" : "list";
    requests.push({ kind, query });
    const refusal = refusals.find(({ to }) => to === kind);
    if (refusal !== undefined) {
      refusals.splice(refusals.indexOf(refusal), 1);
      const { status, headers, body } = refusal;
      response.writeHead(status, headers).end(body ?? JSON.stringify({ kind: "Status", code: status }));
      return;
    }
    const gone = new RequestScope();
    response.on("close", () => {
      watches.delete(response);
      gone.end("Aborted");
    });
    try {
      const { agent, address, headers } = await upstream.current();
      const path = ages && kind === "next page" ? aged(request.url ?? "") : (request.url ?? "");
      if (kind === "next page") ages = false;
      const outgoing = { server: address, path, method: "GET", headers, body: undefined };
      const answer = await roundTrip({ ...outgoing, mayBeSent: () => true }, agent, gone);
      response.writeHead(answer.statusCode ?? 0, { "content-type": "application/json" });
      response.flushHeaders();
      if (kind === "watch") {
        watches.add(response);
      }
      await pipeline(answer, response);
    } catch {
      // The reader went away, or the API server did: either way this connection is over.
      response.destroy();
    }
  });
  const url = await listen(server);
  const dir = mkdtempSync(join(tmpdir(), "kube-test-"));
  const file = join(dir, "kubeconfig");
  writeFileSync(file, kubeconfigText(url));
  const credentials = new Credentials({ kubeconfig: file });
  const transport = new Transport({ credentials, userAgent: "test" });
  const each = (act: (response: ServerResponse) => unknown) => {
    for (const response of [...watches]) {
      act(response);
    }
  };
  return {
    url,
    transport,
    requests,
    refuse: (refusal) => void refusals.push(refusal),
    age() {
      ages = true;
    },
    inject: (text) => each((response) => response.write(text)),
    cut: () => each((response) => response.destroy()),
    end: () => each((response) => response.end()),
    silence: () =>
      each((response) => {
        response.write = () => true;
      }),
    get watches() {
      return watches.size;
    },
    async stop() {
      await transport.close();
      await credentials.close();
      server.closeAllConnections();
      server.close();
      await upstream.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** The same request with a token of the first revision (apiserver's continue tokens are base64 of JSON). */
function aged(url: string): string {
  const at = new URL(url, "http://proxy");
  const token = JSON.parse(
    Buffer.from(at.searchParams.get("continue") ?? "", "base64url").toString("utf8"),
  ) as object;
  const old = Buffer.from(JSON.stringify({ ...token, rv: 1 })).toString("base64url");
  at.searchParams.set("continue", old);
  return `${at.pathname}${at.search}`;
}
