import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { validateSpec } from "../../src/api/rules.ts";
import type { SSHKeySpec } from "../../src/api/sshkey.generated.ts";
import { parseRFC3339 } from "../../src/api/time.ts";
import { PRIVATE_KEY_PATTERNS } from "../../src/ssh/privatekey.ts";
import { HOSTILE } from "../ssh/hostile.ts";
import { MUTATIONS } from "../ssh/mutations.ts";
import { HARMLESS, MANGLINGS, privateJWKs, privateKeyLookalikes, privateKeys } from "../ssh/privatekeys.ts";
import { Random } from "../ssh/random.ts";
import { samples } from "../ssh/samples.ts";
import { armor } from "../ssh/signer.ts";
import { PUBLIC_KEY, type SSHKeyClient, startSSHKeyClient } from "./sshkeyclient.ts";

const BEGIN = "-----BEGIN SSH SIGNATURE-----";

let sshKeys: SSHKeyClient;

beforeAll(async () => {
  sshKeys = await startSSHKeyClient();
});

afterAll(async () => {
  await sshKeys.stop();
});

test("the CRD has the patterns of a private key, in their order, for the proof too", async () => {
  const crd = parse(await readFile("crds/sshkeys.yaml", "utf8"));
  const rules: readonly { rule: string }[] =
    crd.spec.versions[0].schema.openAPIV3Schema.properties.spec["x-kubernetes-validations"];
  const lists = rules.slice(0, 2).map(({ rule }) => {
    return [...rule.matchAll(/text\.matches\(r'([^']+)'\)/g)].map(([, pattern]) => pattern);
  });
  // RE2 knows no \u: the CRD has the character itself.
  const plain = ({ source }: RegExp) =>
    source.replace(/\\u([0-9a-f]{4})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
  const expected = PRIVATE_KEY_PATTERNS.map(({ pattern }) => plain(pattern));
  expect(lists).toEqual([expected, expected]);
});

describe("the API server and the rules in TypeScript say the same of", () => {
  const files = { ...privateKeys(), ...privateKeyLookalikes() };

  test.each(Object.entries(files))("a private key (%s) in all its manglings", async (_format, file) => {
    for (const mangle of Object.values(MANGLINGS)) {
      await compare({ key: mangle(file) });
      await compare({ title: mangle(file).slice(0, 200) });
      await compare({ proof: mangle(file) });
    }
  });

  test("JSON Web Keys", async () => {
    for (const text of Object.values(privateJWKs())) await compare({ key: text });
  });

  test("words about private keys", async () => {
    for (const text of HARMLESS) await compare({ title: text, options: [text] });
  });

  test.each(Object.entries(HOSTILE))("a long text: %s", async (_what, make) => {
    const text = (length: number) => make(length).slice(0, length).toWellFormed();
    await compare({ key: text(16_384) });
    await compare({ user: text(253), title: text(255), options: [text(1_024)] });
    await compare({ proof: text(16_384) });
    await compare({ proof: `${BEGIN}${text(16_000)}` });
  });

  test("proofs, bent in every way", async () => {
    const proof = armor(Buffer.from("SSHSIG".padEnd(120, "x")));
    const piece = fc.oneof(
      fc.constantFrom(
        BEGIN,
        BEGIN.replace("BEGIN", "END"),
        proof,
        proof.trimEnd(),
        "U1NIU0lH",
        "=",
        "-",
        "+/",
      ),
      fc.constantFrom(" ", "\t", "\n", "\r\n", "\f", "\v", "\0", "\ufeff", "\u00a0", "\u2028", "\u0085", "é"),
    );
    const text = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(""));
    const bent = fc
      .tuple(fc.nat(proof.length), piece)
      .map(([at, put]) => proof.slice(0, at) + put + proof.slice(at));
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, bent), async (each) => {
        await compare({ proof: each });
      }),
      { numRuns: 400 },
    );
  });

  test("keys, bent in every way", async () => {
    const random = new Random(23);
    const keys = samples(random);
    for (let count = 0; count < 600; count += 1) {
      const line = random.pick(MUTATIONS).apply(random, random.pick(keys), keys);
      await compare({ key: line.toWellFormed() });
    }
  });

  test("texts of the characters that matter", async () => {
    const part = fc.constantFrom(
      ...[
        "ssh-ed25519 ",
        "AAAAC3NzaC1lZDI1NTE5",
        "AAAA",
        " ",
        "\t",
        "\n",
        "\r",
        "alice",
        "restrict ",
        "sk-x",
        '"',
      ],
      ...[
        "\u00a0",
        "\u200b",
        "\ufeff",
        "\u2028",
        "\0",
        "\u0007",
        "\u0085",
        "é",
        "\u{1f511}",
        "=",
        "BEGIN A--",
        "-",
      ],
    );
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(text, text, text, async (key, user, title) => {
        await compare({ key, user, title, options: [title] });
      }),
      { numRuns: 400 },
    );
  });

  test("every character that cannot be seen, and its neighbours", async () => {
    const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
    const isHidden = (code: number) => hidden.test(String.fromCodePoint(code));
    const codes = Array.from({ length: 0x110000 }, (_, code) => code).filter(
      (code) => (code < 0xd800 || code > 0xdfff) && code < 0x10ffff,
    );
    // Long runs of hidden ones, such as tags, are tried at both ends and here and there.
    const tried = codes.filter(
      (code) =>
        (isHidden(code) && (code < 0x10000 || code % 64 === 1)) ||
        isHidden(code) !== isHidden(code + 1) ||
        isHidden(code) !== isHidden(Math.max(0, code - 1)),
    );
    for (const code of tried) {
      const character = String.fromCodePoint(code);
      await compare({ user: `a${character}a`, title: character });
    }
    expect(tried.length).toBeGreaterThan(250);
  });

  test("dates and times, which parseRFC3339 reads if they are stored", async () => {
    const digits = (max: number, width = 2) =>
      fc.integer({ min: 0, max }).map((value) => String(value).padStart(width, "0"));
    const offset = fc.oneof(
      fc.constantFrom("Z", "z", "-00:00", "+00:00", "", "+24:00"),
      fc
        .tuple(fc.constantFrom("+", "-"), digits(25), fc.constant(":"), digits(61))
        .map((parts) => parts.join("")),
    );
    const date = fc.oneof(
      fc.tuple(digits(9999, 4), digits(13), digits(32)).map((parts) => parts.join("-")),
      fc.constantFrom(
        "2027-06-30",
        "2027-07-01",
        "2028-02-29",
        "2027-02-28",
        "2099-12-31",
        "1969-12-31",
        "9999-12-31",
      ),
    );
    const time = fc.oneof(
      fc.tuple(digits(24), digits(60), digits(61)).map((parts) => parts.join(":")),
      fc.tuple(digits(23), fc.constantFrom("59", "29"), fc.constant("60")).map((parts) => parts.join(":")),
      fc.constant("23:59:60"),
    );
    const fraction = fc.constantFrom("", "", ".5", ".123456789", ".0000000000001", ".");
    const text = fc
      .tuple(date, fc.constantFrom("T", "T", "t", " "), time, fraction, offset)
      .map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(text, async (expiresAt) => {
        const { code } = await compare({ expiresAt });
        expect(code === 201).toBe(parseRFC3339(expiresAt) !== undefined);
      }),
      { numRuns: 800 },
    );
  });
});

test("a user in another form than NFC is stored, and told by the operator alone", async () => {
  const user = "zoe\u0308";
  expect((await sshKeys.create({ user }, { dryRun: true })).code).toBe(201);
  expect(validateSpec({ user, key: PUBLIC_KEY }).map(({ field }) => field)).toEqual(["spec.user"]);
});

/** Asks both, and expects the same fields with the same words. */
async function compare(fields: Partial<SSHKeySpec>) {
  const spec: SSHKeySpec = { user: "alice", key: PUBLIC_KEY, ...fields };
  const outcome = await sshKeys.create({ ...spec }, { dryRun: true });
  const { details } = Object(outcome.object);
  const causes: readonly { field: string; message: string }[] = details?.causes ?? [];
  const theirs = causes.map(({ field, message }) => `${field}: ${message.replace(/^[A-Z][a-z ]+: /, "")}`);
  const errors = validateSpec({ ...spec, user: spec.user.normalize("NFC") });
  const ours = errors.map(({ field, message }) => `${field}: ${message}`);
  // CEL cannot afford to ask twice for every sign of a private key, so it may say that the key is none as well.
  const isPrivate = errors.some(({ code }) => code === "PrivateKey");
  const told = isPrivate ? theirs.filter((each) => !each.startsWith("spec.key:")) : theirs;
  const expected = isPrivate ? ours.filter((each) => !each.startsWith("spec.key:")) : ours;
  expect(told.map(unnamed).sort(), JSON.stringify(fields).slice(0, 200)).toEqual(
    expected.map(unnamed).sort(),
  );
  return outcome;
}

/** CEL has names for the characters that people meet, and none for the rest. */
function unnamed(message: string): string {
  return message.replace(/U\+(\?{4}|[0-9A-F]{4,6})|(?<=^spec\.(?:key|options): .*)a character/, "?");
}
