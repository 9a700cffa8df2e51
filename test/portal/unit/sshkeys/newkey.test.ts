import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../../../src/claims/policy.ts";
import { type Circumstances, newKey, type TypedKey } from "../../../../src/portal/sshkeys/newkey.ts";
import { toPortalKey } from "../../../../src/portal/sshkeys/portalkey.ts";
import { fingerprintSHA256 } from "../../../../src/ssh/fingerprint.ts";
import { freshDSSKey, freshKey } from "../../../operator/publickeys.ts";
import { privateKeyLookalikes, privateKeys } from "../../../ssh/privatekeys.ts";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const DAY_MS = 24 * 60 * 60 * 1000;
const KEY = freshKey();

function made(typed: Partial<TypedKey>, circumstances: Circumstances = {}, policy = DEFAULT_POLICY) {
  const whole = { key: KEY, title: "", expiresAt: undefined, options: [], ...typed };
  return newKey(whole, "alice", policy, NOW, circumstances);
}

/** Field and code of each problem. */
function problems(...given: Parameters<typeof made>): readonly string[] {
  return made(...given).problems.map(({ field, code }) => `${field}: ${code}`);
}

test("what is good becomes a spec, with the ends of texts trimmed", () => {
  expect(made({ key: ` ${KEY} alice@laptop\r\n`, title: " Laptop " })).toEqual({
    spec: { user: "alice", key: `${KEY} alice@laptop`, title: "Laptop" },
    problems: [],
  });
});

test("all that is wrong is told at once, each at its field", () => {
  const typed = { key: freshDSSKey(), title: "x\u200b", expiresAt: "2026-11-27T23:59:59Z", options: ["x"] };
  expect(problems(typed, { mayGiveOptions: true })).toEqual([
    "key: TypeNotAllowed",
    "title: InvalidTitle",
    "options: UnknownOption",
    "expiresAt: Past",
  ]);
});

describe("a private key", () => {
  const secrets = Object.entries({ ...privateKeys(), ...privateKeyLookalikes() });

  test.each(secrets)("is refused, and nothing of it is said: %s", (_, secret) => {
    const words = secret.split(/\s+/).filter((word) => word.length > 20);
    const answer = made({ key: secret });
    expect(problems({ key: secret })).toEqual(["key: PrivateKey"]);
    expect(words.filter((word) => JSON.stringify(answer).includes(word))).toEqual([]);
  });

  test.each(["title", "expiresAt"])("is found in another field: %s", (field) => {
    const [[, secret = ""] = []] = secrets;
    expect(problems({ [field]: secret })).toEqual(["key: PrivateKey"]);
  });

  test("is answered with how to make a new one of a type that is accepted", () => {
    const [[, secret = ""] = []] = secrets;
    const policy = { ...DEFAULT_POLICY, allowedTypes: ["ssh-rsa"] } as const;
    expect(made({ key: secret }, {}, policy).problems[0]?.message).toContain("ssh-keygen -t rsa -b 3072,");
  });
});

describe("what has to be looked at", () => {
  test("is offered, and sent again is taken", () => {
    const answer = made({ key: `${KEY.slice(0, 40)}\n${KEY.slice(40)}` });
    if ("spec" in answer) throw new Error("it was taken at once");
    expect(problems({ key: answer.offer.key })).toEqual([]);
  });

  test("is not praised where it will be refused", () => {
    const dss = freshDSSKey();
    const { problems: found } = made({ key: `${dss.slice(0, 80)}\n${dss.slice(80)}` });
    expect(found.map(({ code }) => code)).toEqual(["Changed", "TypeNotAllowed"]);
    expect(found[0]?.message).not.toContain("then add it");
  });
});

test("a key that an administrator has revoked is told", () => {
  const blob = Buffer.from(KEY.split(" ")[1] ?? "", "base64");
  const knowledge = { revoked: new Set([fingerprintSHA256(blob)]) };
  expect(problems({}, { knowledge })).toEqual(["key: RevokedFingerprint"]);
});

describe("several keys", () => {
  test("begin with the first, and the others wait", () => {
    const [second, third] = [freshKey(), freshKey()];
    expect(made({ key: `${KEY} a\n${second} b\n${third} c` })).toMatchObject({
      problems: [{ code: "SeveralKeys", message: expect.stringContaining("3 keys: add them one by one") }],
      offer: { key: `${KEY} a` },
      others: [`${second} b`, `${third} c`],
    });
  });
});

describe("options", () => {
  const line = `from="192.0.2.1",restrict ${KEY} alice`;

  test("before the key move to their field for who may give them", () => {
    expect(made({ key: line }, { mayGiveOptions: true })).toMatchObject({
      problems: [{ field: "options", code: "OptionsMoved" }],
      offer: { key: `${KEY} alice`, options: ['from="192.0.2.1"', "restrict"] },
    });
  });

  test("before the key are named to everybody else", () => {
    const { problems: found } = made({ key: line });
    expect(found).toMatchObject([{ field: "key", code: "OptionsLeftOut" }]);
    expect(found[0]?.message).toContain('from="192.0.2.1", restrict');
  });

  test("sent by who may not give them are refused", () => {
    expect(problems({ options: ["restrict"] })).toEqual(["options: OptionsNotAllowed"]);
  });

  test("that make an authority are refused", () => {
    expect(problems({ options: ["cert-authority"] }, { mayGiveOptions: true })).toEqual([
      "options: ForbiddenOption",
    ]);
  });
});

describe("the last day", () => {
  test.each([
    ["today, while it lasts", "2026-11-28T23:59:59Z", []],
    ["yesterday", "2026-11-27T23:59:59Z", ["expiresAt: Past"]],
    ["today, where it is over already", "2026-11-28T10:59:59Z", ["expiresAt: Past"]],
    ["29 February 2027", "2027-02-29T23:59:59Z", ["expiresAt: InvalidExpiresAt"]],
    ["29 February 2028", "2028-02-29T23:59:59Z", []],
    ["2100", "2100-12-31T23:59:59Z", []],
    ["no day at all", "soon", ["expiresAt: InvalidExpiresAt"]],
  ])("%s", (_, expiresAt, expected) => {
    expect(problems({ expiresAt })).toEqual(expected);
  });

  const limited = { ...DEFAULT_POLICY, maximumLifetime: 30 * DAY_MS };

  test.each([
    ["has to be given where keys must expire", undefined, ["expiresAt: LifetimeTooLong"]],
    ["has to be soon enough", "2027-01-31T23:59:59Z", ["expiresAt: LifetimeTooLong"]],
    ["may be the one that the message names", "2026-12-27T23:59:59Z", []],
  ])("%s", (_, expiresAt, expected) => {
    expect(problems({ expiresAt }, {}, limited)).toEqual(expected);
    if (expiresAt === undefined)
      expect(made({ expiresAt }, {}, limited).problems[0]?.message).toContain("choose 2026-12-27");
  });
});

describe("a key that the user has", () => {
  const there = toPortalKey({
    metadata: {
      name: "alice-laptop",
      uid: "1",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: { user: "alice", key: `${KEY} old comment`, title: "Laptop" },
  } as never);

  test("is told before it is stored", () => {
    expect(made({}, { own: [there] }).problems).toMatchObject([{ code: "Duplicate", holder: there }]);
  });

  test("is told with another comment, too", () => {
    expect(problems({ key: `${KEY} new comment` }, { own: [there] })).toEqual(["key: Duplicate"]);
  });

  test("is in nobody's way while it is being deleted", () => {
    expect(problems({}, { own: [{ ...there, isTerminating: true }] })).toEqual([]);
  });
});
