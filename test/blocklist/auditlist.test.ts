import { describe, expect, test } from "vitest";
import { type AuditFindings, listedModuli, renewedList } from "../../src/blocklist/auditlist.ts";
import type { Holder } from "../../src/blocklist/rsakeys.ts";
import { decodeText } from "../../src/blocklist/textlist.ts";
import { Random } from "../ssh/random.ts";
import { bigRandom, rsaBlob } from "../ssh/weakness/weakrsa.ts";

const random = new Random(7);

/** Of 1024 random bits: what the list says of a key does not depend on its primes. */
function holder(namespace: string, name: string, user = name): Holder {
  const modulus = (1n << 1023n) | bigRandom(random, 1016) | 1n;
  const base64 = rsaBlob({ modulus, exponent: 65537n }).toString("base64");
  return { namespace, name, user, base64, modulus, bits: 1024, more: 0 };
}

/** All of them share primes, and are in use but for those that are gone. */
function findings(keys: readonly Holder[], gone: readonly Holder[] = []): AuditFindings {
  return {
    found: keys.map((key) => ({ key, with: undefined })),
    chosen: { moduli: new Map(keys.map((key) => [key.modulus, [key]])) },
    gone: new Set(gone.map(({ modulus }) => modulus)),
  };
}

const LINE_BYTES = 230;
const ROOM_FOR_TEN = 10 * LINE_BYTES + 170;
const many = (namespace: string, user?: string) =>
  Array.from({ length: 30 }, (_, i) => holder(namespace, `k${i}`, user));
const namesOn = (list: string) => [...list.matchAll(/^ssh-rsa \S+ (\S+)$/gm)].map(([, name]) => name);

describe("the list of audit", () => {
  const [first, second] = [holder("team", "k1"), holder("team", "k2")];

  test("is one that is read as a list of that reason", async () => {
    const { text } = renewedList("", findings([first, second]));
    const { sections, strayCount } = await decodeText(Buffer.from(text), "BlockedKey");
    expect(sections.map(({ reason, hashes }) => [reason, hashes.size])).toEqual([["SharedFactor", 2]]);
    expect(strayCount).toBe(0);
  });

  test("keeps what is in it, a line of somebody's too", () => {
    const before = `# mine\nssh-rsa ${first.base64} old/name`;
    const { text } = renewedList(before, findings([first, second]));
    expect(text.startsWith(`${before}\n# reason: SharedFactor\n`)).toBe(true);
    expect(namesOn(text)).toEqual(["old/name", "team/k2"]);
  });

  test("stays as it is where it has everything", () => {
    const { text } = renewedList("", findings([first]));
    expect(renewedList(text, findings([first]))).toEqual({ text, unlisted: 0 });
  });

  test("is not begun where nothing was found", () => {
    expect(renewedList("", findings([])).text).toBe("");
  });

  test("has each modulus once, whatever the exponent", () => {
    const other = {
      ...first,
      base64: rsaBlob({ modulus: first.modulus, exponent: 3n }).toString("base64"),
    };
    const { text } = renewedList("", findings([first]));
    expect(renewedList(text, findings([other])).text).toBe(text);
  });

  test("keeps a key that no SSHKey has any more: its prime is known for ever", () => {
    const { text } = renewedList("", findings([first]));
    expect(namesOn(renewedList(text, findings([second], [first])).text)).toEqual(["team/k1", "team/k2"]);
  });

  test("says which moduli audit has put on it, and not those that somebody else has", () => {
    const { text } = renewedList(`ssh-rsa ${first.base64} old/name\n`, findings([second]));
    expect(listedModuli(text)).toEqual([second.modulus]);
  });
});

describe("a list without room for all", () => {
  const flood = many("flood", "mallory");
  const full = renewedList("", findings(flood), ROOM_FOR_TEN).text;

  test("is no longer than it may be, and says how many are missing", () => {
    const { text, unlisted } = renewedList("", findings(flood), ROOM_FOR_TEN);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(ROOM_FOR_TEN);
    expect([namesOn(text).length >= 10, unlisted]).toEqual([true, 30 - namesOn(text).length]);
  });

  test.each([
    ["of another namespace", holder("small", "one")],
    ["of another user of the namespace", holder("flood", "one", "alice")],
  ])("takes in the key %s, whatever one has filled it with", (_what, victim) => {
    const { text } = renewedList(full, findings([...flood, victim]), ROOM_FOR_TEN);
    expect(namesOn(text)).toContain(`${victim.namespace}/${victim.name}`);
  });

  test("takes in a key that who has filled it declares as well", () => {
    const victim = holder("small", "one");
    const { found, chosen, gone } = findings([...flood, victim]);
    const copy = { ...victim, namespace: "flood", name: "a", user: "mallory" };
    const moduli = new Map([...chosen.moduli, [victim.modulus, [copy, victim]]]);
    const { text } = renewedList(full, { found, chosen: { moduli }, gone }, ROOM_FOR_TEN);
    expect(namesOn(text)).toContain("small/one");
  });

  test("gives two namespaces the same share", () => {
    const { text } = renewedList(full, findings([...flood, ...many("other")]), ROOM_FOR_TEN);
    const others = namesOn(text).filter((name) => name?.startsWith("other/")).length;
    expect(Math.abs(namesOn(text).length - 2 * others)).toBeLessThanOrEqual(1);
  });

  test("lets keys go first that no SSHKey has any more", () => {
    const [newer] = many("flood", "mallory");
    if (newer === undefined) throw new Error("there are many");
    const { text, unlisted } = renewedList(full, findings([newer], flood), ROOM_FOR_TEN);
    expect([namesOn(text).includes("flood/k0"), unlisted]).toEqual([true, 0]);
    expect(listedModuli(text)).toContain(newer.modulus);
  });

  test("lets nothing go for keys that no SSHKey has any more", () => {
    const inUse = flood.slice(0, namesOn(full).length);
    const { text } = renewedList(full, findings(inUse, flood.slice(inUse.length)), ROOM_FOR_TEN);
    expect(text).toBe(full);
  });

  test("is the same when all is found again", () => {
    const all = [...flood, ...many("other")];
    const { text } = renewedList(full, findings(all), ROOM_FOR_TEN);
    expect(renewedList(text, findings(all), ROOM_FOR_TEN).text).toBe(text);
  });
});
