import fc from "fast-check";
import { expect, test } from "vitest";
import { compareResourceVersions, isKubeObject, isNewer } from "../../src/api/object.ts";

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

test.each([
  ["nothing", null],
  ["no metadata", { kind: "Thing" }],
  ["no name", { metadata: { uid: "u", resourceVersion: "1" } }],
  ["no uid", { metadata: { name: "n", resourceVersion: "1" } }],
  ["an empty uid", { metadata: { name: "n", uid: "", resourceVersion: "1" } }],
  ["no resourceVersion", { metadata: { name: "n", uid: "u" } }],
  ["a resourceVersion that is none", { metadata: { name: "n", uid: "u", resourceVersion: "x" } }],
])("a value with %s is no stored object", (_, value) => {
  expect(isKubeObject(value)).toBe(false);
});
