import { describe, expect, it } from "vitest";
import { dataKeyBytes, LIMITS } from "../../src/authorizedkeys/files.ts";
import { type Selection, select } from "../../src/authorizedkeys/selection.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { blobOf, CREATED, nobodysKey, type SSHKeyFacts } from "../claims/sshkeys.ts";
import { growth, LINEAR } from "../growth.ts";
import { AuthorizedKeysScene, authorizedKeysRecord, keysOf, omissionsOf } from "./scene.ts";

const FROM_PEOPLE = { from: [{ namespace: "people" }] };
const SINGLE = { ...FROM_PEOPLE, layout: "SingleFile" };

/** So many keys of a fifth as many users, the first one the oldest. */
function manyKeys(count: number, prefix = "user"): readonly SSHKeyFacts[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `k${i}`,
    user: `${prefix}${i % (count / 5)}`,
    key: nobodysKey(i + 1),
    createdAt: CREATED + i,
  }));
}

/** As the API server and etcd count. */
function bytesOf({ files }: Selection): number {
  return [...files].reduce(
    (sum, [dataKey, text]) => sum + dataKeyBytes(dataKey) + Buffer.byteLength(text),
    0,
  );
}

describe("a line", () => {
  it("has the time of its SSHKey, or of the target where that is earlier", () => {
    const expiresAt = Date.UTC(2029, 0, 1);
    const scene = new AuthorizedKeysScene([
      { name: "a", key: 1 },
      { name: "b", key: 2, expiresAt },
    ]);
    const options = ['expiry-time="20300101Z"', "restrict"];
    expect(scene.select({ ...SINGLE, options }).files.get("authorized_keys")).toBe(
      `restrict,expiry-time="20300101000000Z" ssh-ed25519 ${blobOf(1)} people/a\n` +
        `restrict,expiry-time="20290101000000Z" ssh-ed25519 ${blobOf(2)} people/b\n`,
    );
  });
});

describe("each file", () => {
  it("is empty or ends in exactly one line feed, so that files can be put together", () => {
    const scene = new AuthorizedKeysScene([
      { name: "a", key: 1 },
      { name: "b", key: 2 },
      { name: "c", user: "bob", key: 3 },
      { name: "d", user: "carol", key: 4, disabled: true },
    ]);
    const texts = [...scene.select(FROM_PEOPLE).files.values()];
    expect(texts.map((text) => text.replaceAll(/[^\n]/g, ""))).toEqual(["\n\n", "\n", ""]);
    expect(texts.filter((text) => text !== "" && !/[^\n]\n$/.test(text))).toEqual([]);
  });
});

describe("a Secret that is full", () => {
  const scene = new AuthorizedKeysScene(manyKeys(12_000));

  it.each([
    ["FilePerLogin", FROM_PEOPLE],
    ["SingleFile", SINGLE],
  ])("holds as much as the API server and etcd take, and not a line more: %s", (_, spec) => {
    const bytes = bytesOf(scene.select(spec));
    expect(bytes).toBeLessThanOrEqual(LIMITS.bytes);
    expect(bytes).toBeGreaterThan(LIMITS.bytes - 200);
  });

  it("has no room for the youngest", () => {
    const { keyCount, omitted } = scene.select(SINGLE);
    const left = omitted.map(({ reason, sshKey }) => `${reason} ${sshKey}`);
    const youngest = Array.from({ length: 12_000 - keyCount }, (_, i) => `SecretFull k${keyCount + i}`);
    expect(left.sort()).toEqual(youngest.sort());
  });
});

describe("where there is no room for all", () => {
  const old = { name: "old", namespace: "contractors", user: "old", key: 1, createdAt: CREATED - 9 };
  const young = { name: "young", user: "young", key: 2 };
  const scene = new AuthorizedKeysScene([old, young]);
  const from = [{ namespace: "people", users: ["y*", "nobody"] }, { namespace: "contractors" }];

  function within(bytes: number, emptyFiles = 0): Selection {
    return select(authorizedKeysRecord({ from }), scene.sources(), scene.policy, "WithZ", {
      bytes,
      emptyFiles,
    });
  }

  it("the last entry of from goes first, however old its keys", () => {
    const selection = within(bytesOf(within(1000)) - 1);
    expect(keysOf(selection)).toEqual({ young: ["people/young"] });
    expect(omissionsOf(selection)).toEqual(["SecretFull contractors/old/old"]);
  });

  it("a file without a key takes no room from a key", () => {
    const files = { old: ["contractors/old"], young: ["people/young"] };
    expect(keysOf(within(bytesOf(within(1000)), 1))).toEqual(files);
  });

  it("a file without a key has what room is left", () => {
    const bytes = bytesOf(within(1000)) + dataKeyBytes("nobody");
    expect(keysOf(within(bytes, 1))).toHaveProperty("nobody", []);
  });
});

describe("files without a key", () => {
  const disabled = Array.from({ length: LIMITS.emptyFiles }, (_, i) => ({
    ...{ name: `k${i}`, user: `a${i}`, key: nobodysKey(i + 1), disabled: true },
  }));
  const scene = new AuthorizedKeysScene([...disabled, { name: "key", user: "a", key: 1 }]);

  it("are so many at most, besides those with a key", () => {
    const extra = new AuthorizedKeysScene([
      ...disabled,
      { name: "b", user: "b", disabled: true },
      { name: "a", user: "a", key: 2 },
    ]);
    expect(extra.select(FROM_PEOPLE).files.size).toBe(LIMITS.emptyFiles + 1);
  });

  it("are those of users who are named first", () => {
    const from = [{ namespace: "people", users: ["*", "zoe"] }];
    expect(scene.select({ from }).files.has("zoe")).toBe(true);
  });
});

describe("what a selection costs", () => {
  it.each([
    ["a file for each login", "user", FROM_PEOPLE],
    ["a SingleFile", "user", SINGLE],
    ["lines that act as their users", "user", { ...SINGLE, options: ['command="serve %u"'] }],
    ["users by patterns", "user", { from: [{ namespace: "people", users: ["*1@*", "*r*3*", "user*"] }] }],
    ["one login for all", "user@", { ...FROM_PEOPLE, logins: { rule: "LocalPart" } }],
  ])("grows no faster than the number of keys: %s", (_, prefix, spec) => {
    const record = authorizedKeysRecord(spec);
    const [half, full] = [2500, 5000].map((count) => {
      const sources = new AuthorizedKeysScene(manyKeys(count, prefix)).sources();
      return () => select(record, sources, DEFAULT_POLICY, "WithZ");
    });
    expect(growth(half ?? Object, full ?? Object)).toBeLessThan(LINEAR);
  });
});
