/** What at most comes of twice the work if its cost grows in proportion: 2, and 4 if by the square. */
export const LINEAR = 3;

/** Before this many rounds one slow measurement of the smaller work could make any growth look small. */
const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 60;
/** ms for which they go on at the least: a busy neighbour can disturb every round of a shorter time. */
const MOST_ROUNDS_MS = 5000;
/** ms of one measurement, at the least. */
const LEAST_MS = 0.3;

/**
 * How many times as much CPU time of this thread the second work costs as the first. Both are done by turns, and of
 * each the cheapest counts, so other processes, compilation and garbage collection do not. Ends when the quotient is
 * below the limit; what is above it stays above it, however often it is measured.
 */
export function growth(short: () => unknown, long: () => unknown, limit = LINEAR): number {
  const repeats = repeatsOf(short);
  const least = new LeastByTurns();
  while (!least.isEnough(limit)) least.add(cpuMs(short, repeats), cpuMs(long, repeats));
  return least.growth;
}

/** The same of works that measure themselves, because each time something has to be made ready. */
export async function growthOf(short: () => Sample, long: () => Sample, limit = LINEAR): Promise<number> {
  const least = new LeastByTurns();
  while (!least.isEnough(limit)) least.add(await short(), await long());
  return least.growth;
}

type Sample = number | Promise<number>;

class LeastByTurns {
  #short = Number.POSITIVE_INFINITY;
  #long = Number.POSITIVE_INFINITY;
  #rounds = 0;
  readonly #started = performance.now();

  add(short: number, long: number): void {
    this.#short = Math.min(this.#short, short);
    this.#long = Math.min(this.#long, long);
    this.#rounds += 1;
  }

  get growth(): number {
    return this.#long / this.#short;
  }

  isEnough(limit: number): boolean {
    if (this.#rounds < LEAST_ROUNDS) return false;
    const isTooLong = this.#rounds >= MOST_ROUNDS && performance.now() - this.#started >= MOST_ROUNDS_MS;
    return this.growth < limit || isTooLong;
  }
}

/** ms of CPU time that this thread takes to do it so often. */
export function cpuMs(run: () => unknown, repeats = 1): number {
  const started = threadCpuMs();
  for (let count = 0; count < repeats; count += 1) run();
  return threadCpuMs() - started;
}

/** ms of CPU time that this thread has used so far. */
export function threadCpuMs(): number {
  // Makes Linux bring the count of this thread up to date, which is else that of the last tick.
  process.cpuUsage();
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** So many that neither the clock's resolution nor the compilation of the first ones matters. */
function repeatsOf(run: () => unknown): number {
  if (cpuMs(run) > 30 * LEAST_MS) return 1;
  let repeats = 1;
  while (Math.min(...[1, 2, 3].map(() => cpuMs(run, repeats))) < LEAST_MS) repeats *= 2;
  return repeats;
}
