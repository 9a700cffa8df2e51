/** Why a request was ended from this side. */
export type EndReason = "Aborted" | "Timeout" | "Idle";

/**
 * Cancellation and timeout of one request (like a Go context): ends with the caller's signal, the limit set last, or
 * `end`. Must be closed, or its listener stays on the caller's signal.
 */
export class RequestScope {
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.end("Aborted");
  #onEnd: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #limit: { readonly ms: number; readonly reason: EndReason } | undefined;
  #reason: EndReason | undefined;

  constructor(outer?: AbortSignal) {
    this.#outer = outer;
    if (outer?.aborted) {
      this.end("Aborted");
    } else {
      // Not AbortSignal.any: a signal as old as the process would collect a dependent for every request.
      outer?.addEventListener("abort", this.#onAbort);
    }
  }

  /** Why the scope ended; undefined before that, and when it was closed instead. */
  get reason(): EndReason | undefined {
    return this.#reason;
  }

  /** Ends the scope with `reason` unless it is paused, or given another limit, within `ms` from now. */
  limit(ms: number, reason: EndReason): void {
    if (this.#reason !== undefined) {
      return;
    }
    if (this.#timer !== undefined && this.#limit?.ms === ms && this.#limit.reason === reason) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#limit = { ms, reason };
    this.#timer = setTimeout(() => this.end(reason), ms);
  }

  /** Removes the limit. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Calls `act` when the scope ends, at once if it has, never if it is closed first. */
  onEnd(act: () => void): void {
    if (this.#reason === undefined) this.#onEnd.push(act);
    else act();
  }

  /** Ends the scope; the first reason stays. */
  end(reason: EndReason): void {
    if (this.#reason !== undefined) {
      return;
    }
    this.#reason = reason;
    const ended = this.#onEnd;
    this.close();
    for (const act of ended) act();
  }

  /** To be called when the request is done: nothing ends the scope any more. */
  close(): void {
    this.pause();
    this.#onEnd = [];
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }

  /** The value of `work`, or a rejection as soon as the scope ends; the work itself goes on. */
  race<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.onEnd(() => reject(new Error(this.#reason)));
    work.then(resolve, reject);
    return promise;
  }
}
