import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, Pool } from "undici";

export interface ServerAccess {
  readonly server: string;
  readonly ca: Buffer;
  readonly authorization: string;
}

/** The API server and credentials that a kubeconfig file of the control plane (JSON) names. */
export function readAccess(kubeconfig: string): ServerAccess {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, "utf8"));
  const { server, "certificate-authority-data": ca } = clusters[0].cluster;
  return { server, ca: Buffer.from(ca, "base64"), authorization: `Bearer ${users[0].user.token}` };
}

export interface ObjectList<T> {
  readonly items: T[];
  readonly resourceVersion: string;
}

/** One answer of the API server; `at` is when its last byte was read, in monotonic ms. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly at: number;
}

/** Plain requests to the API server for what is not timed, or timed one by one. */
export class Client {
  readonly #access: ServerAccess;
  readonly #agent: Agent;

  constructor(kubeconfig: string, connections = 8) {
    this.#access = readAccess(kubeconfig);
    this.#agent = new Agent({ connect: { ca: this.#access.ca }, connections, bodyTimeout: 0 });
  }

  async request(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: string,
    accept = "application/json",
  ): Promise<Answer> {
    const { server, authorization } = this.#access;
    const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const answer = await this.#agent.request({
      origin: server,
      path,
      method,
      headers: { authorization, accept, "content-type": contentType },
      body: body ?? null,
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, text, at: performance.now() };
  }

  /** As `request`, the answer decoded; throws when it is a refusal. */
  async json<T>(method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.request(
      method,
      path,
      body === undefined ? undefined : JSON.stringify(body),
    );
    if (status >= 300) throw new Error(`${method} ${path} was answered ${status}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  }

  /** Every object of a collection, page by page. */
  async list<T>(path: string, pageSize = 500): Promise<ObjectList<T>> {
    const items: T[] = [];
    for (let next = ""; ; ) {
      const position = next === "" ? "" : `&continue=${encodeURIComponent(next)}`;
      const page = await this.json<Page<T>>("GET", `${path}?limit=${pageSize}${position}`);
      for (const item of page.items) items.push(item);
      next = page.metadata.continue ?? "";
      if (next === "") return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  /**
   * Calls `onEvent` for each event of a watch from the given resourceVersion on, with the monotonic ms at which it
   * was read; resolves when the watch stands. The answer ends it.
   */
  async watch<T>(
    path: string,
    resourceVersion: string,
    onEvent: OnEvent<T>,
    accept = "application/json",
  ): Promise<() => void> {
    const { server, authorization, ca } = this.#access;
    // Of its own, so that no other request waits behind it.
    const pool = new Pool(server, { connect: { ca }, connections: 1, bodyTimeout: 0 });
    const headers = { authorization, accept };
    const query = `watch=1&resourceVersion=${resourceVersion}&timeoutSeconds=3600`;
    const { body, statusCode } = await pool.request({ method: "GET", path: `${path}?${query}`, headers });
    if (statusCode !== 200) throw new Error(`the watch of ${path} was answered ${statusCode}`);
    const reading = readEvents(body, onEvent);
    // Ends with an error when the pool is destroyed, which is how it is meant to end.
    reading.catch(() => undefined);
    return () => void pool.destroy();
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

type OnEvent<T> = (event: { readonly type: string; readonly object: T }, at: number) => void;

interface Page<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

async function readEvents<T>(body: AsyncIterable<Buffer>, onEvent: OnEvent<T>): Promise<void> {
  let rest = "";
  for await (const chunk of body) {
    const at = performance.now();
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onEvent(JSON.parse(line), at);
  }
}
