import { ApiError } from "../kube/apierror.ts";
import type { Call, Transport } from "../kube/transport.ts";

/**
 * The only road by which Secrets and statuses are written. It asks before each request, and again when a connection
 * is there to send it, whether this instance may write: a process that was paused finds out here that its lease has run
 * out, before it does anything else.
 */
export class LeaderTransport {
  readonly #transport: Transport;
  readonly #mayWrite: () => boolean;

  constructor(transport: Transport, mayWrite: () => boolean) {
    this.#transport = transport;
    this.#mayWrite = mayWrite;
  }

  /** As Transport.request; rejects with `Aborted`, nothing sent, when this instance may not write. */
  async request<T>(call: Call): Promise<T> {
    if (!this.#mayWrite()) {
      throw new ApiError({
        code: "Aborted",
        message: `${call.method} ${call.path}: not the leader any more`,
      });
    }
    return await this.#transport.request<T>({ ...call, mayBeSent: this.#mayWrite });
  }
}
