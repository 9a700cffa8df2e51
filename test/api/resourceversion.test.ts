import fc from "fast-check";
import { expect, test } from "vitest";
import { compareResourceVersions, isNewer } from "../../src/api/resourceversion.ts";

test("resourceVersions of any length compare as the numbers they are", () => {
  const version = fc.bigInt({ min: 1n, max: 10n ** 40n });
  fc.assert(
    fc.property(version, version, (a, b) => {
      const expected = a < b ? -1 : a > b ? 1 : 0;
      expect(Math.sign(compareResourceVersions(String(a), String(b)))).toBe(expected);
    }),
  );
});

test.each(["", "0", "01", "-1", "1.0", "1e3", " 1", "abc"])("%j is refused as a resourceVersion", (text) => {
  expect(() => compareResourceVersions(text, "1")).toThrow(RangeError);
});

test("only a greater version is newer", () => {
  const isNewerThan9 = (resourceVersion: string) => isNewer({ resourceVersion }, { resourceVersion: "9" });
  expect(["8", "9", "10"].map(isNewerThan9)).toEqual([false, false, true]);
});
