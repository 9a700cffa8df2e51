/** How many times as long the second run takes as the first; noise that comes and goes does not count. */
export function growth(short: () => unknown, long: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && least > LINEAR; attempt += 1) {
    const repeats = repeatsOf(short);
    let shortest = Number.POSITIVE_INFINITY;
    let longest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round += 1) {
      shortest = Math.min(shortest, time(short, repeats));
      longest = Math.min(longest, time(long, repeats));
    }
    least = Math.min(least, longest / shortest);
  }
  return least;
}

/** So many that the clock's resolution does not matter. */
function repeatsOf(run: () => unknown): number {
  let repeats = 1;
  while (time(run, repeats) < LEAST_MS) repeats *= 2;
  return repeats;
}

function time(run: () => unknown, repeats: number): number {
  const start = performance.now();
  for (let count = 0; count < repeats; count += 1) run();
  return performance.now() - start;
}

/** Of four times the input: 4 if linear, 16 if quadratic. */
export const LINEAR = 8;
const ATTEMPTS = 6;
const ROUNDS = 7;
const LEAST_MS = 0.3;
