import { ApiError } from "../kube/apierror.ts";
import { Backoff } from "../kube/backoff.ts";
import { sleep } from "../kube/sleep.ts";

export interface AbsencesOptions {
  /** Which absences that were noticed before this call can be taken at their word. Throws ApiError when that is unknown. */
  readonly judge: (signal: AbortSignal) => Promise<(createdAt: number) => boolean>;
  /** The SSHKey of this namespace and name was deleted. */
  readonly onDeleted: (namespace: string, name: string) => void;
  readonly onDoubt: (count: number, error: ApiError | undefined) => void;
}

interface Absence {
  readonly namespace: string;
  readonly name: string;
  /** When the SSHKey was made, in ms since the epoch. */
  readonly createdAt: number;
}

/**
 * SSHKeys that are no longer there, kept in force until it is certain that they were deleted: what fails or is
 * unclear must never look like a revocation of everything.
 */
export class Absences {
  readonly #o: AbsencesOptions;
  readonly #missing = new Map<string, Absence>();
  readonly #backoff = new Backoff({ initialMs: 500, maxMs: 10_000 });
  #wake = Promise.withResolvers<void>();

  constructor(options: AbsencesOptions) {
    this.#o = options;
  }

  add(absence: Absence): void {
    this.#missing.set(`${absence.namespace}/${absence.name}`, absence);
    this.#wake.resolve();
  }

  /** The SSHKey is there, again or after all. */
  cancel(namespace: string, name: string): void {
    this.#missing.delete(`${namespace}/${name}`);
  }

  /** Settles absences until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
    while (!signal.aborted) {
      if (this.#missing.size === 0) await this.#wake.promise;
      if (signal.aborted) return;
      this.#wake = Promise.withResolvers();
      if (await this.#settle(signal)) this.#backoff.reset();
      // What is in doubt must not hold up what is not.
      else await Promise.race([sleep(this.#backoff.next(), signal), this.#wake.promise]);
    }
  }

  /** Whether everything that was missing at the start of the call is settled. */
  async #settle(signal: AbortSignal): Promise<boolean> {
    const asked = [...this.#missing];
    let inDoubt = asked.length;
    let failure: ApiError | undefined;
    try {
      const isMeant = await this.#o.judge(signal);
      for (const [id, absence] of asked) {
        if (this.#missing.get(id) !== absence) inDoubt -= 1;
        else if (isMeant(absence.createdAt)) {
          inDoubt -= 1;
          this.#missing.delete(id);
          this.#o.onDeleted(absence.namespace, absence.name);
        }
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure = error;
    }
    if (inDoubt > 0 && !signal.aborted) this.#o.onDoubt(inDoubt, failure);
    return inDoubt === 0;
  }
}
