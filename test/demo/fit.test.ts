import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { narrowTable, wrap } from "../../demo/fit.ts";
import { Screen } from "../../demo/screen.ts";

const TABLE = [
  "NAME           USER    FINGERPRINT                                          STATE       AGE",
  "alice-laptop   alice   SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg   Projected   0s",
  "carol          carol                                                        Invalid     0s",
];

describe("a table wider than the terminal", () => {
  test("is left without the middle of its fingerprints, its columns in line", () => {
    expect(narrowTable(TABLE, 70)).toEqual([
      "NAME           USER    FINGERPRINT                     STATE       AGE",
      "alice-laptop   alice   SHA256:gyzHUKl1eO8Bk1Cvn…tKEg   Projected   0s",
      "carol          carol                                   Invalid     0s",
    ]);
  });

  test("keeps enough of a fingerprint to tell it by", () => {
    expect(narrowTable(TABLE, 10)[1]).toContain("SHA256:gyzHUKl1…tKEg");
  });

  test("is not touched when it fits", () => {
    expect(narrowTable(TABLE, 100)).toBe(TABLE);
  });
});

describe("a wrapped line", () => {
  test("goes on under its last column", () => {
    expect(wrap("Message:   the key is cut short", 24)).toEqual([
      "Message:   the key is",
      "           cut short",
    ]);
  });

  test("loses no word and is no wider than the terminal unless a word is", () => {
    const word = fc.stringMatching(/^[a-z]{1,30}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 40, max: 120 }), (words, width) => {
        const parts = wrap(words.join(" "), width);
        expect(parts.flatMap((part) => part.trim().split(" "))).toEqual(words);
        expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

test("a terminal that does not say its width gets whole lines, and not a word in each", () => {
  let printed = "";
  const write = (text: string) => {
    printed += text;
  };
  new Screen({ write, columns: () => 0, colours: false }).step("Start a Kubernetes API server.");
  expect(printed).toContain("1. Start a Kubernetes API server.\n");
});
