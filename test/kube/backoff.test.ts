import fc from "fast-check";
import { expect, test } from "vitest";
import { Backoff } from "../../src/kube/backoff.ts";

test("delays double up to the longest when nothing is random", () => {
  const backoff = new Backoff({ initialMs: 800, maxMs: 30_000, jitter: 0 });
  expect(Array.from({ length: 8 }, () => backoff.next())).toEqual([
    800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
  ]);
});

test("jitter takes away at most its share, also after very many attempts", () => {
  fc.assert(
    fc.property(
      fc.nat(5000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempts, random) => {
        const backoff = new Backoff({ initialMs: 5, maxMs: 300_000, jitter: 0.5, random: () => random });
        for (let made = 0; made < attempts; made += 1) {
          backoff.next();
        }
        const full = Math.min(300_000, 5 * 2 ** attempts);
        const delay = backoff.next();
        expect(delay).toBeGreaterThan(full * 0.499);
        expect(delay).toBeLessThanOrEqual(full);
      },
    ),
    { numRuns: 50 },
  );
});

test("the server's Retry-After is the least delay", () => {
  expect(new Backoff({ initialMs: 5, maxMs: 10 }).next(7000)).toBe(7000);
});

test("a reset starts over", () => {
  const backoff = new Backoff({ initialMs: 5, maxMs: 1000, jitter: 0 });
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(5);
});
