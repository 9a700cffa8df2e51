import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeBase64 } from "../../src/ssh/base64.ts";
import { run } from "../cluster/run.ts";
import { ed25519 } from "../sshd/keypair.ts";
import { ARMOR_MUTATIONS } from "./armormutations.ts";
import { keygenAccepts, refusalOf, UNCONFIRMED } from "./checknovalidate.ts";
import { type Signing, signings } from "./madesignatures.ts";
import { Random } from "./random.ts";
import { type Made, SIGNATURE_MUTATIONS } from "./signaturemutations.ts";
import { armor, makeKey, makeProof, makeSSHSIG, NAMESPACE, publicKeyLine } from "./signer.ts";

const SEED = Number(process.env.SSH_DIFFERENTIAL_SEED ?? 20_250_117);
const COUNT = Number(process.env.SSHSIG_DIFFERENTIAL_COUNT ?? 2_400);
const MESSAGE = "alice";
const S_GROWN = "S grown by the order";

/** Why we refuse some of what ssh-keygen takes, as the refusal has it. */
const DELIBERATE: ReadonlySet<string> = new Set([
  // sshsig.c refuses newer versions only, and ignores what is reserved for them.
  "is of another version than 1",
  "has something in its reserved field",
  // sshsig.c ignores whatever follows the end line.
  "is followed by other text",
  "is followed by a second one",
  // ssh-dss.c up to release 9.x verifies SHA-1.
  "is by a DSA key, and such signatures use SHA-1",
]);

interface Case {
  readonly mutation: string;
  readonly text: string;
}

const SIGNINGS: readonly Signing[] = signings();

test("signatures of every type, as the tests make them, are good for ssh-keygen", async () => {
  const made = SIGNINGS.map(make);
  const accepted = await keygenAccepts(
    made.map(({ blob }) => armor(blob)),
    MESSAGE,
    NAMESPACE,
  );
  expect(made.filter((_, index) => !accepted[index]).map(({ signing }) => signing.name)).toEqual([]);
});

const HYBRID: Signing = { name: "hybrid", key: makeKey("ssh-mldsa44-ed25519@openssh.com"), fields: {} };

test.each([...SIGNINGS, HYBRID])("a signature of $name is good for us", (signing) => {
  expect(refusalOf(armor(make(signing).blob), MESSAGE, NAMESPACE)).toBe(undefined);
});

describe(`against ssh-keygen -Y check-novalidate, seed ${SEED}`, () => {
  test(`${COUNT} mutated signatures get its verdict`, async () => {
    const random = new Random(SEED);
    const dss: Signing = { name: "ssh-dss", key: makeKey("ssh-dss"), fields: {} };
    const made = [...SIGNINGS, dss].map(make);
    const cases = Array.from({ length: COUNT }, () => generate(random, made));
    const theirs = await keygenAccepts(
      cases.map(({ text }) => text),
      MESSAGE,
      NAMESPACE,
    );
    const disagreements: string[] = [];
    const laidOut: Case[] = [];
    cases.forEach((each, index) => {
      const refusal = refusalOf(each.text, MESSAGE, NAMESPACE);
      if ((refusal === undefined) === theirs[index]) return;
      if (refusal === undefined && isLaidOut(each)) laidOut.push(each);
      else if (refusal === undefined || !isDeliberate(refusal, each)) {
        disagreements.push(`${each.mutation}: we say ${refusal}: ${JSON.stringify(each.text)}`);
      }
    });
    expect(disagreements.slice(0, 3), `${disagreements.length} disagreements`).toEqual([]);
    const again = await keygenAccepts(laidOut.map(relaid), MESSAGE, NAMESPACE);
    expect(laidOut.filter((_, index) => !again[index])).toEqual([]);
    // Otherwise the mutations would have become too wild to compare anything but refusals.
    expect(theirs.filter(Boolean).length / COUNT).toBeGreaterThan(0.1);
  });
});

test("a certificate is not taken in place of its key, as ssh-keygen takes it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-certificate-"));
  try {
    const key = makeKey("ssh-ed25519");
    writeFileSync(join(folder, "key.pub"), `${publicKeyLine(key)}\n`);
    const { file } = await ed25519(folder, "authority");
    await run("ssh-keygen", ["-q", "-s", file, "-I", "alice", "-n", "alice", join(folder, "key.pub")]);
    const [, base64 = ""] = readFileSync(join(folder, "key-cert.pub"), "utf8").split(" ");
    const text = makeProof(key, MESSAGE, { publicKey: Buffer.from(base64, "base64") });
    expect(refusalOf(text, MESSAGE, NAMESPACE)).toBe("Certificate");
    expect(await keygenAccepts([text], MESSAGE, NAMESPACE)).toEqual([true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** OpenSSH's own Ed25519 reads S modulo the order; RFC 8032 section 5.1.7 does not. */
function isDeliberate(refusal: string, { mutation }: Case): boolean {
  return DELIBERATE.has(refusal) || (mutation === S_GROWN && refusal === UNCONFIRMED);
}

function make(signing: Signing): Made {
  const message = Buffer.from(MESSAGE);
  return { signing, message, blob: makeSSHSIG(signing.key, message, signing.fields) };
}

function generate(random: Random, made: readonly Made[]): Case {
  const one = random.pick(made);
  if (random.below(4) === 0) {
    const mutation = random.pick(ARMOR_MUTATIONS);
    const text = mutation.apply(random, armor(one.blob), armor(random.pick(made).blob));
    return { mutation: mutation.name, text };
  }
  const mutation = random.pick(SIGNATURE_MUTATIONS.filter(({ of }) => of?.(one.signing) ?? true));
  return { mutation: mutation.name, text: mutation.apply(random, one, made) };
}

/** White space goes lost and comes in on the way of a text, so we take it anywhere; ssh-keygen takes it inside the base64. */
function isLaidOut(each: Case): boolean {
  const [dense, denseRelaid] = [each.text, relaid(each)].map((text) => text.replaceAll(/\s/g, ""));
  return dense === denseRelaid;
}

/** The same bytes as ssh-keygen would have laid them out. */
function relaid({ text }: Case): string {
  const [, base64 = ""] = /-----BEGIN SSH SIGNATURE-----(.*)-----END/s.exec(text) ?? [];
  return armor(decodeBase64(base64.replaceAll(/\s/g, "")) ?? Buffer.alloc(0));
}
