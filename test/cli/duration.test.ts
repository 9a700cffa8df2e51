import { describe, expect, it } from "vitest";
import { parseDuration } from "../../src/config/duration.ts";

describe("a duration", () => {
  it.each([
    ["500ms", 500],
    ["90s", 90_000],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["365d", 31_536_000_000],
  ])("%s is %i ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "24", "h", "-1h", "1.5h", "1h30m", " 1h", "1y", "1H"])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
