import sshpk from "sshpk";
import { fingerprintMD5, fingerprintSHA256 } from "../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../src/ssh/publickey.ts";
import { cpuMs } from "../test/growth.ts";
import { Random } from "../test/ssh/random.ts";
import { ecdsaSample, type Sample as KeySample, lineOf, rsaSample } from "../test/ssh/samples.ts";
import type { Bench, Figure, Sample } from "./bench.ts";

interface KeyKind {
  readonly name: string;
  readonly sample: (random: Random) => KeySample;
  /** Times sshpk's rate; undefined for a type that it does not know. */
  readonly target: number | undefined;
}

const KINDS: readonly KeyKind[] = [
  { name: "ed25519", sample: (random) => ({ type: "ssh-ed25519", strings: [random.bytes(32)] }), target: 3 },
  { name: "ecdsa-256", sample: (random) => ecdsaSample(random, "nistp256"), target: 1 },
  { name: "rsa-2048", sample: (random) => rsaSample(random, 2048), target: 2 },
  { name: "rsa-4096", sample: (random) => rsaSample(random, 4096), target: 2 },
  {
    name: "mldsa44-ed25519",
    sample: (random) => ({ type: "ssh-mldsa44-ed25519@openssh.com", strings: [random.bytes(1312 + 32)] }),
    target: undefined,
  },
];

/** Different keys, so that no cache of anybody's helps. */
const KEYS = 300;

const ROUNDS = 40;

/** Parse, validate, both fingerprints; every check that sshpk leaves out included. One core, no API server. */
export const keysPerSecond: Bench = {
  name: "keys/s",
  fixedKeys: KEYS,
  async run(): Promise<readonly Sample[]> {
    return KINDS.flatMap(({ name, sample, target }) => {
      const random = new Random(1);
      const lines = Array.from({ length: KEYS }, () => lineOf(sample(random)));
      const speed: Figure = { name: `${name}`, unit: "keys/s" };
      if (target === undefined) {
        const [own] = byTurns([() => lines.map(judge)]);
        return [{ figure: speed, value: (KEYS / own) * 1000 }];
      }
      const [own, theirs] = byTurns([() => lines.map(judge), () => lines.map(readWithSSHPK)]);
      const times: Figure = {
        name: `${name} ÷ sshpk`,
        unit: "×",
        ...(target === 1 ? {} : { target: { least: target } }),
        guard: { least: 1 },
      };
      return [
        { figure: speed, value: (KEYS / own) * 1000 },
        { figure: times, value: theirs / own },
      ];
    });
  },
};

function judge(line: string): string {
  const parsed = parsePublicKey(line);
  if (!parsed.ok) throw new Error(`a key of the bench is refused: ${parsed.refusal.code}`);
  return fingerprintSHA256(parsed.value.blob) + fingerprintMD5(parsed.value.blob);
}

function readWithSSHPK(line: string): string {
  const key = sshpk.parseKey(line, "ssh");
  return key.fingerprint("sha256").toString() + key.fingerprint("md5").toString();
}

/** The least CPU time in ms of each over many short passes, one after the other, so that both meet the same machine. */
function byTurns<T extends readonly (() => unknown)[]>(passes: readonly [...T]): { [I in keyof T]: number } {
  const least = passes.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [i, pass] of passes.entries()) {
      least[i] = Math.min(least[i] ?? 0, cpuMs(pass));
    }
  }
  return least as { [I in keyof T]: number };
}
