import { describe, expect, test } from "vitest";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { skipOptions } from "../../src/ssh/keyline.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import type { RefusalCode } from "../../src/ssh/refusal.ts";
import { keygenAnswers } from "./keygen.ts";
import { MUTATIONS } from "./mutations.ts";
import { Random } from "./random.ts";
import { samples } from "./samples.ts";

const SEED = Number(process.env.SSH_DIFFERENTIAL_SEED ?? 20_250_117);
const COUNT = Number(process.env.SSH_DIFFERENTIAL_COUNT ?? 40_000);
const BATCH = 4_000;

/** Refusals that parsePublicKey documents as its own; ssh-keygen may find a key there. */
const DELIBERATE: ReadonlySet<RefusalCode> = new Set([
  "Certificate",
  "SeveralKeys",
  "PrivateKey",
  "NulCharacter",
]);

interface Case {
  readonly mutation: string;
  readonly line: string;
}

describe(`against ssh-keygen -l, seed ${SEED}`, () => {
  test(`${COUNT} mutated lines get its verdict, bits and both fingerprints`, {
    timeout: 300_000,
  }, async () => {
    const cases = generate();
    const disagreements: string[] = [];
    let found = 0;
    for (let start = 0; start < cases.length; start += BATCH) {
      const batch = cases.slice(start, start + BATCH);
      const lines = batch.map(({ line }) => line);
      const [sha256, md5] = await Promise.all([keygenAnswers(lines, "sha256"), keygenAnswers(lines, "md5")]);
      batch.forEach(({ mutation, line }, index) => {
        const theirs =
          sha256[index] && `${sha256[index].bits} ${sha256[index].fingerprint} ${md5[index]?.fingerprint}`;
        const ours = verdict(line);
        if (theirs !== undefined) found += 1;
        if (ours !== "deliberate" && ours !== theirs) {
          disagreements.push(`${mutation}: ours ${ours}, theirs ${theirs}: ${JSON.stringify(line)}`);
        }
      });
    }
    expect(disagreements.slice(0, 3), `${disagreements.length} disagreements`).toEqual([]);
    // Otherwise the mutations would have become too wild to compare anything but refusals.
    expect(found / cases.length).toBeGreaterThan(0.15);
  });
});

/** Bits and fingerprints; undefined where we find no key; "deliberate" where we refuse one on purpose. */
function verdict(line: string): string | undefined {
  const parsed = parsePublicKey(line);
  if (parsed.ok) {
    const { bits, blob } = parsed.value;
    return `${bits} ${fingerprintSHA256(blob)} MD5:${fingerprintMD5(blob)}`;
  }
  const { code } = parsed.refusal;
  // ssh-keygen skips a word of options; what it then says must be what we say of the rest. It skips no number, which
  // begins a key of SSH protocol 1.
  if (code === "OptionsInKey" && !/^[ \t]*[+-]?0*[1-9][0-9]*[ \t]/.test(line))
    return verdict(skipOptions(line.replace(/^[ \t]+/, "")) ?? "");
  return DELIBERATE.has(code) ? "deliberate" : undefined;
}

function generate(): Case[] {
  const random = new Random(SEED);
  const keys = samples(random);
  return Array.from({ length: COUNT }, (_, index) => {
    const sample = keys[index % keys.length] ?? random.pick(keys);
    const mutation = random.pick(MUTATIONS);
    return { mutation: mutation.name, line: mutation.apply(random, sample, keys).replaceAll("\n", " ") };
  });
}
