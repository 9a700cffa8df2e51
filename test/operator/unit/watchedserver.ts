import type { KubeObject } from "../../../src/api/object.ts";
import type { Call, Transport } from "../../../src/kube/transport.ts";
import { type Answerer, failure, only, scripted, until } from "./fakes.ts";

/** The list of a collection as of the resourceVersion 100. */
export function listOf(...items: readonly unknown[]) {
  return { metadata: { resourceVersion: "100" }, items };
}

/** An API server that answers requests and lists as it is told, and shows in its watches what it is told. */
export class WatchedServer {
  readonly transport: Transport;
  readonly calls: readonly Call[];
  /** Paths that are watched, so their lists are complete. */
  readonly watched = new Set<string>();
  readonly #shown = new Map<string, string[]>();

  constructor(answer: Answerer) {
    const server = scripted(answer);
    const { watched } = this;
    const nextOf = (path: string) => this.#shown.get(path)?.shift();
    const isShown = (path: string) => (this.#shown.get(path)?.length ?? 0) > 0;
    const request = async <T>(call: Call) => await Promise.race([server.request<T>(call), aborted(call)]);
    this.calls = server.calls;
    this.transport = only<Transport>({
      request,
      async read(call, reader) {
        reader.take(Buffer.from(JSON.stringify(await request(call))));
        return reader.end();
      },
      async *stream({ path, signal }: Call, { onOpen }) {
        onOpen?.();
        watched.add(path);
        while (signal?.aborted !== true) {
          const event = nextOf(path);
          if (event !== undefined) yield event;
          await until("an event comes or it ends", () => signal?.aborted === true || isShown(path));
        }
      },
    });
  }

  /** How often this path was asked for, but for its watches. */
  countOf(path: string): number {
    return this.calls.filter((call) => call.path === path).length;
  }

  /** The watch of this path shows an event. */
  show(path: string, type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject): void {
    this.#send(path, { type, object });
  }

  /** The history of the watch of this path is too old, so that everything is listed anew. */
  expire(path: string): void {
    this.#send(path, { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
  }

  #send(path: string, event: object): void {
    this.#shown.set(path, [...(this.#shown.get(path) ?? []), JSON.stringify(event)]);
  }
}

/** Rejects when nobody waits for the answer any more, as a request does. */
function aborted({ signal }: Call): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(failure("Aborted")), { once: true });
  });
}
