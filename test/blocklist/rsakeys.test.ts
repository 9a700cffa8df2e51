import { describe, expect, test } from "vitest";
import { type Chosen, condemned, type RSAKey, RSAKeyChoice } from "../../src/blocklist/rsakeys.ts";

function key(namespace: string, name: string, modulus: bigint, more: Partial<RSAKey> = {}): RSAKey {
  return { namespace, name, user: name, base64: `blob-of-${modulus}`, modulus, bits: 100, ...more };
}

const names = (keys: Iterable<RSAKey>) => Array.from(keys, ({ namespace, name }) => `${namespace}/${name}`);

function choose(keys: readonly RSAKey[], mostBits?: number): Chosen {
  const choice = new RSAKeyChoice(mostBits);
  for (const each of keys) choice.add(each);
  return choice.chosen();
}

const all = ({ moduli }: Chosen) => names([...moduli.values()].flat());

describe("what is looked at together", () => {
  test("is each modulus once, whoever has it", () => {
    const { moduli } = choose([key("a", "one", 7n), key("b", "two", 7n), key("b", "three", 9n)]);
    expect([...moduli].map(([modulus, keys]) => [modulus, names(keys)])).toEqual([
      [7n, ["a/one", "b/two"]],
      [9n, ["b/three"]],
    ]);
  });

  test("is one SSHKey of each namespace with a modulus, and the number of the others", () => {
    const { moduli } = choose([key("a", "one", 7n), key("a", "two", 7n), key("a", "three", 7n)]);
    expect([...moduli.values()].flat().map(({ name, more }) => [name, more])).toEqual([["one", 2]]);
  });

  const flood = Array.from({ length: 50 }, (_, i) => key("flood", `k${i}`, BigInt(i), { user: "mallory" }));
  const long = flood.map((each) => ({ ...each, bits: 300 }));
  const victim = key("small", "one", 1000n, { user: "alice" });
  const neighbour = key("flood", "one", 1000n, { user: "alice" });

  test.each([
    ["keys of another namespace", [...flood, victim], "small/one"],
    ["keys of another namespace that come later", [victim, ...flood], "small/one"],
    ["long keys of another namespace", [...long, victim], "small/one"],
    ["keys of another user of the namespace", [...flood, neighbour], "flood/one"],
    ["the same key of another namespace", [...flood, key("flood", "z", 1000n), victim], "small/one"],
  ])("has everybody's first key, however many there are: %s", (_what, keys, kept) => {
    expect(all(choose(keys, 500))).toContain(kept);
  });

  test("counts what is left out, and what there is", () => {
    const { leftOut, seen } = choose([...flood, victim], 500);
    expect([leftOut, seen]).toEqual([46, 51]);
  });

  test("is the same whether all come at once or many were left out before", () => {
    const some = Array.from({ length: 300 }, (_, i) =>
      key(`n${i % 7}`, `k${i}`, BigInt(5000 + i), { user: `u${i % 5}` }),
    );
    const early = choose([...some, ...flood], 10_000);
    expect(all(early).length).toBe(100);
    expect(new Set(all(choose([...flood, ...some], 10_000)))).toEqual(new Set(all(early)));
  });

  test("leaves out nobody who has a modulus that is looked at anyway", () => {
    const keys = [key("a", "one", 7n), key("a", "two", 9n), key("b", "three", 7n)];
    const chosen = choose(keys, 100);
    expect([all(chosen), chosen.leftOut]).toEqual([["a/one", "b/three"], 1]);
  });
});

test("everybody who has a modulus that is found is told of, with one that shares a prime with it", () => {
  const chosen = choose([key("a", "one", 15n), key("b", "copy", 15n), key("b", "two", 21n)]);
  const found = condemned(chosen, {
    found: [
      { at: 0, with: 1 },
      { at: 1, with: undefined },
    ],
  });
  expect(found.map(({ key: { name }, with: other }) => [name, other?.name])).toEqual([
    ["one", "two"],
    ["copy", "two"],
    ["two", undefined],
  ]);
});
