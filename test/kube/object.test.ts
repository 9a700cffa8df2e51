import { expect, test } from "vitest";
import { isKubeObject } from "../../src/kube/object.ts";

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
