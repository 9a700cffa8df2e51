import sshpk from "sshpk";
import { fingerprintMD5, fingerprintSHA256 } from "../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../src/ssh/publickey.ts";
import { Random } from "../test/ssh/random.ts";
import { ecdsaSample, type Sample as KeySample, lineOf, rsaSample } from "../test/ssh/samples.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";

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

/** Parse, validate, both fingerprints; every check that sshpk leaves out included. One core, no API server. */
export const keysPerSecond: Bench = {
  name: "keys/s",
  fixedKeys: KEYS,
  async run({ quick }: Round): Promise<readonly Sample[]> {
    const seconds = quick ? 0.3 : 1;
    return KINDS.flatMap(({ name, sample, target }) => {
      const random = new Random(1);
      const lines = Array.from({ length: KEYS }, () => lineOf(sample(random)));
      const own = rate(lines, judge, seconds);
      const speed: Figure = { name: `${name}`, unit: "keys/s" };
      if (target === undefined) return [{ figure: speed, value: own }];
      const times: Figure = {
        name: `${name} ÷ sshpk`,
        unit: "×",
        ...(target === 1 ? {} : { target: { least: target } }),
        guard: { least: 1 },
      };
      return [
        { figure: speed, value: own },
        { figure: times, value: own / rate(lines, readWithSSHPK, seconds) },
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

/** Keys a second: the best tenth of many short passes, which a busy machine disturbs least. */
function rate(lines: readonly string[], work: (line: string) => string, seconds: number): number {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const started = performance.now();
    for (const line of lines) work(line);
    times.push(performance.now() - started);
  }
  return (lines.length / quantile(times, 0.1)) * 1000;
}
