import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  attempts as attemptsOf,
  type Blocked,
  IDLE,
  wouldBeAlteredAgain,
  written,
} from "../../src/projection/delivery.ts";
import type { LiveSecret } from "../../src/projection/secret.ts";
import { desiredSecret, fileIn, files, line, liveSecret, NOW } from "./secrets.ts";

const A = line("a", 1);
const B = line("b", 2);
const C = line("c", 3);

/** The files that are tried in turn. */
function attempts(want: string, live: LiveSecret | undefined): readonly (string | undefined)[] {
  return Array.from(attemptsOf(files(want), live), fileIn);
}

describe("the files to try", () => {
  it.each([
    ["one that comes", A, B + A, [B + A]],
    ["one that comes and one that goes", A + B, A + C, [A + C, A]],
    ["the last that goes", A, "", [""]],
    ["a line that changes and one that goes", A + B, line("a", 1, "no-pty "), [line("a", 1, "no-pty "), A]],
    [
      "one that comes, one that changes, one that goes",
      A + B,
      line("a", 1, "no-pty ") + C,
      [line("a", 1, "no-pty ") + C, line("a", 1, "no-pty "), A],
    ],
    ["the key of an SSHKey replaced", A, line("a", 2), [line("a", 2), ""]],
  ])("for %s", (_, live, want, tried) => {
    expect(attempts(want, liveSecret(live))).toEqual(tried);
  });

  it("are the wanted one while there is no Secret", () => {
    expect(attempts(A, undefined)).toEqual([A]);
  });

  const one = fc.record({
    name: fc.constantFrom("a", "b", "c", "d"),
    key: fc.integer({ min: 1, max: 3 }),
    options: fc.constantFrom("", "no-pty "),
  });
  const lines = fc
    .uniqueArray(one, { selector: ({ name }) => name })
    .map((all) =>
      all
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, key, options }) => line(name, key, options)),
    );
  const keys = (all: readonly string[]) => all.map((each) => each.trim().split(" ").slice(-2).join(" "));
  const split = (file: string) =>
    file
      .split("\n")
      .slice(0, -1)
      .map((each) => `${each}\n`);

  it("begin with all that is wanted", () => {
    fc.assert(
      fc.property(
        lines,
        lines,
        (live, want) => attempts(want.join(""), liveSecret(live.join("")))[0] === want.join(""),
      ),
    );
  });

  it("never repeat", () => {
    fc.assert(
      fc.property(lines, lines, (live, want) => {
        const tried = attempts(want.join(""), liveSecret(live.join("")));
        expect(new Set(tried).size).toBe(tried.length);
      }),
    );
  });

  it("never hold a key that should be out", () => {
    fc.assert(
      fc.property(lines, lines, (live, want) => {
        for (const file of attempts(want.join(""), liveSecret(live.join(""))))
          expect(keys(want)).toEqual(expect.arrayContaining(keys(split(file ?? ""))));
      }),
    );
  });

  it("end with one that only takes out, if anything is to go", () => {
    fc.assert(
      fc.property(lines, lines, (live, want) => {
        fc.pre(keys(live).some((key) => !keys(want).includes(key)));
        const last = attempts(want.join(""), liveSecret(live.join(""))).at(-1) ?? "none";
        expect(live).toEqual(expect.arrayContaining(split(last)));
      }),
    );
  });
});

describe("how a write that was carried out changes the delivery", () => {
  const whole = desiredSecret(A + C);
  const part = desiredSecret(A);
  const before: Blocked = { at: "blocked", reason: "rejected", message: "No." };

  it("all that is wanted is written: idle", () => {
    expect(written(before, whole, whole, liveSecret(A + C), NOW)).toBe(IDLE);
  });

  it("a part of it is written: what was refused stays so", () => {
    expect(written(before, whole, part, liveSecret(A), NOW)).toMatchObject({ reason: "rejected" });
  });

  it("something else was made of it: altered", () => {
    expect(written(undefined, whole, whole, liveSecret(A), NOW)).toMatchObject({ reason: "altered" });
  });

  it("what was altered is not tried again at once", () => {
    const live = liveSecret(A, { resourceVersion: "8" });
    const altered = written(undefined, whole, whole, live, NOW);
    expect(wouldBeAlteredAgain(altered, whole, live, NOW + 1000)).toBe(true);
  });

  it.each([
    ["later", desiredSecret(A + C), "8", 60_000],
    ["when something else is wanted", desiredSecret(A), "8", 1000],
    ["when somebody changed the Secret", desiredSecret(A + C), "9", 1000],
  ])("what was altered is tried again %s", (_, wanted, resourceVersion, ms) => {
    const live = liveSecret(A, { resourceVersion: "8" });
    const altered = written(undefined, whole, whole, live, NOW);
    expect(wouldBeAlteredAgain(altered, wanted, { ...live, resourceVersion }, NOW + ms)).toBe(false);
  });
});
