import fc from "fast-check";
import { expect, test } from "vitest";
import { sshKeyName } from "../../../src/plugin/sshkeyname.ts";

const blob = Buffer.from("a key");
// printf 'a key' | sha256sum
const digits = "8fa3aab2fa";

test.each([
  ["alice", "laptop", `alice-laptop-${digits}`],
  ["alice", "alice@laptop", `alice-laptop-${digits}`],
  ["alice", "alice", `alice-${digits}`],
  ["alice", "", `alice-${digits}`],
  ["Zoë@example.com", "Büro (2. Stock)", `zoe-example-com-buro-2-stock-${digits}`],
  ["\u{1f600}", "\u{1f600}", digits],
  ["a".repeat(253), "b".repeat(255), `${"a".repeat(24)}-${"b".repeat(27)}-${digits}`],
  [`${"a".repeat(23)}.b`, "c", `${"a".repeat(23)}-c-${digits}`],
])("the key of %s called %s is named after both and its fingerprint", (user, label, name) => {
  expect(sshKeyName({ user, label, blob })).toBe(name);
});

test("every name is a DNS label, and the same each time", () => {
  const text = fc.string({ unit: "grapheme" });
  fc.assert(
    fc.property(text, text, fc.uint8Array(), (user, label, key) => {
      const name = sshKeyName({ user, label, blob: key });
      expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      expect(sshKeyName({ user, label, blob: key })).toBe(name);
    }),
  );
});

test("two keys of one user with one title have two names", () => {
  const nameOf = (key: string) => sshKeyName({ user: "alice", label: "laptop", blob: Buffer.from(key) });
  expect(nameOf("one")).not.toBe(nameOf("other"));
});
