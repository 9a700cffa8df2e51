import { parseRFC3339 } from "../api/time.ts";

/** A line of a container's log. */
export interface RuntimeLine {
  /** What the program wrote. */
  readonly message: string;
  /** In ms since the epoch, by the clock of the container runtime. */
  readonly writtenAt: number;
}

/**
 * Dates the lines of a container's log, as the API server sends it with `timestamps`. The time in front of a line is the
 * container runtime's, with one exception: of a line that was written in pieces, all but the first have none, and where
 * `sinceTime` falls between two pieces the program's own text stands in front. So a time counts as one between that which was
 * asked for and now.
 */
export class RuntimeLines {
  readonly #now: () => number;
  #asked = Number.NEGATIVE_INFINITY;
  #latest = Number.NEGATIVE_INFINITY;

  /** `now`: ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Where a request is to read on, as `sinceTime`: undefined for the beginning. */
  begin(): string | undefined {
    if (this.#latest === Number.NEGATIVE_INFINITY) return undefined;
    // The API server hands whole seconds to the kubelet.
    this.#asked = Math.floor(this.#latest / 1000) * 1000;
    return new Date(this.#asked).toISOString();
  }

  /** Undefined for what has no time in front, as the kubelet's own words. */
  read(line: string): RuntimeLine | undefined {
    const [prefix = "", time = ""] = TIME.exec(line) ?? [];
    const at = parseRFC3339(time);
    if (at === undefined) return undefined;
    const writtenAt = Math.max(this.#asked, Math.min(at, this.#now()));
    this.#latest = Math.max(this.#latest, writtenAt);
    return { message: line.slice(prefix.length), writtenAt };
  }
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) /;
