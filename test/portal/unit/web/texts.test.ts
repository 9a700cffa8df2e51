import { describe, expect, test } from "vitest";
import { TEXTS } from "../../../../src/portal/web/texts.ts";

describe("the number of keys", () => {
  test.each([
    [1, 1, "1 key"],
    [2, 2, "2 keys"],
    [0, 1, "0 of 1 key"],
    [1, 3, "1 of 3 keys"],
  ])("of %i shown and %i there reads so", (shown, all, text) => {
    expect(TEXTS.list.count(shown, all)).toBe(text);
  });
});
