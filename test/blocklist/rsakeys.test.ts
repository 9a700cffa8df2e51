import { describe, expect, test } from "vitest";
import { addedToList, choose, condemned, type RSAKey } from "../../src/blocklist/rsakeys.ts";
import { decodeText } from "../../src/blocklist/textlist.ts";
import { honest, rsaBlob } from "../ssh/weakness/weakrsa.ts";

function key(namespace: string, name: string, modulus: bigint, bits = 100): RSAKey {
  return { namespace, name, base64: `blob-of-${modulus}`, modulus, bits };
}

const names = (keys: Iterable<RSAKey>) => Array.from(keys, ({ namespace, name }) => `${namespace}/${name}`);

describe("what is looked at together", () => {
  test("is each modulus once, whoever has it", () => {
    const { moduli } = choose([key("a", "one", 7n), key("b", "two", 7n), key("b", "three", 9n)]);
    expect([...moduli].map(([modulus, keys]) => [modulus, names(keys)])).toEqual([
      [7n, ["a/one", "b/two"]],
      [9n, ["b/three"]],
    ]);
  });

  test("has something of every namespace, however much one has", () => {
    const flood = Array.from({ length: 50 }, (_, i) => key("flood", `k${i}`, BigInt(i)));
    const { moduli, leftOut } = choose([...flood, key("small", "one", 1000n)], 500);
    expect(names([...moduli.values()].flat())).toContain("small/one");
    expect(leftOut).toHaveLength(46);
  });

  test("leaves out nobody who has a modulus that is looked at anyway", () => {
    const keys = [key("a", "one", 7n), key("a", "two", 9n), key("b", "three", 7n)];
    expect(names(choose(keys, 100).leftOut)).toEqual(["a/two"]);
  });
});

test("everybody who has a modulus that is found is told of, with one that shares a prime with it", () => {
  const chosen = choose([key("a", "one", 15n), key("a", "copy", 15n), key("b", "two", 21n)]);
  const found = condemned(chosen, {
    found: [
      { at: 0, with: 1 },
      { at: 1, with: undefined },
    ],
    open: [],
  });
  expect(found.map(({ key: { name }, with: other }) => [name, other?.name])).toEqual([
    ["one", "two"],
    ["copy", "two"],
    ["two", undefined],
  ]);
});

describe("the list", () => {
  const keys = [1, 2].map((n): RSAKey => {
    const made = honest(1024);
    return {
      ...key("team", `k${n}`, made.modulus, 1024),
      base64: rsaBlob(made).toString("base64"),
    };
  });
  const [first, second] = keys.map((each) => ({ key: each, with: undefined }));
  if (first === undefined || second === undefined) throw new Error("two were made");

  test("is one that is read as a list of that reason", async () => {
    const { sections, strayCount } = await decodeText(
      Buffer.from(addedToList("", [first, second]) ?? ""),
      "BlockedKey",
    );
    expect(sections.map(({ reason, hashes }) => [reason, hashes.size])).toEqual([["SharedFactor", 2]]);
    expect(strayCount).toBe(0);
  });

  test("keeps what is in it, a line of somebody's too", () => {
    const before = `# mine\nssh-rsa ${first.key.base64} old/name`;
    expect(addedToList(before, [first, second])).toBe(`${before}\nssh-rsa ${second.key.base64} team/k2\n`);
  });

  test("stays as it is where it has everything", () => {
    expect(addedToList(addedToList("", [first]) ?? "", [first])).toBeUndefined();
  });

  test("has each key once", () => {
    expect(addedToList("", [first, first])?.match(/ssh-rsa/g)).toHaveLength(1);
  });
});
