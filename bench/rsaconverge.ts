import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { product } from "../src/ssh/weakness/rsanumbers.ts";
import { Random } from "../test/ssh/random.ts";
import { soundModuli } from "../test/ssh/weakness/soundmoduli.ts";
import { bytesOf } from "../test/ssh/weakness/weakrsa.ts";
import type { Bench, Figure, Round, Sample } from "./bench.ts";
import type { KeySet } from "./keyset.ts";
import { LONGEST_TURN, type OperatorProcess, withOperator } from "./operator.ts";
import { requiredFor } from "./requiredwrites.ts";
import { rsaKeySet } from "./rsakeyset.ts";
import { load } from "./seed.ts";
import { onFreshSite } from "./site.ts";
import { wrongAt } from "./wrong.ts";

const RATIO: Figure = {
  name: "process start → every Secret and status right, ÷ the same without arithmetic",
  unit: "×",
  target: { most: 1.3 },
};
const SECONDS: Figure = { name: "process start → every Secret and status right", unit: "s" };
const BARE_SECONDS: Figure = { name: "the same without arithmetic", unit: "s" };
const CPU: Figure = { name: "operator's CPU time a key", unit: "ms" };
const BARE_CPU: Figure = { name: "the same without arithmetic, CPU time a key", unit: "ms" };
const TURN: Figure = { name: "longest turn of the event loop, the first list aside", unit: "ms" };
const BARE_TURN: Figure = { name: "the same without arithmetic, longest turn", unit: "ms" };
const JUDGED: Figure = {
  name: "a list of compromised keys and 335 kB of public primes are mounted: longest turn of the event loop",
  unit: "ms",
  target: { most: 20 },
};
const JUDGED_SECONDS: Figure = { name: "the same, until all keys are divided", unit: "s" };

/** What makes an RSA key one that has to be examined; the bench takes it out of a copy of the bundle. */
const UNEXAMINED = 'arithmetic:type==="ssh-rsa"?arithmetic:NO_WEAKNESSES';
const EXAMINED = "arithmetic:NO_WEAKNESSES";

/** Two operators, one after the other: the product, and a copy of it for which RSA keys are as any others. */
export const rsaConverge: Bench = {
  name: "rsa-converge",
  async run(round: Round): Promise<readonly Sample[]> {
    const set = rsaKeySet(round.keys);
    const bare = await converged(set, { ...round, bundle: withoutArithmetic(round.bundle) });
    const whole = await converged(set, round, judgedAgain);
    return [
      { figure: RATIO, value: whole.ms / bare.ms },
      { figure: SECONDS, value: whole.ms / 1000 },
      { figure: BARE_SECONDS, value: bare.ms / 1000 },
      { figure: CPU, value: whole.cpu / round.keys },
      { figure: BARE_CPU, value: bare.cpu / round.keys },
      { figure: TURN, value: whole.turn },
      { figure: BARE_TURN, value: bare.turn },
      ...whole.more,
    ];
  },
};

interface Converged {
  readonly ms: number;
  readonly cpu: number;
  readonly turn: number;
  readonly more: readonly Sample[];
}

async function converged(
  set: KeySet,
  round: Round,
  andThen: (operator: OperatorProcess, lists: string) => Promise<readonly Sample[]> = async () => [],
): Promise<Converged> {
  return await onFreshSite(set.namespaces, async (site) => {
    const { created } = await load(site, set.keys);
    const { dir } = site.controlPlane;
    const lists = join(dir, "lists");
    mkdirSync(lists);
    writeFileSync(join(dir, "config.yaml"), `blocklists: ${lists}\n`);
    const options = {
      bundle: round.bundle,
      args: ["--config", join(dir, "config.yaml")],
      nodeArgs: ["--require", LONGEST_TURN],
    };
    return await withOperator(site, options, async (operator) => {
      await operator.untilLogged("StartedLeading");
      await operator.longestTurn();
      const ms = await operator.untilStates(round.keys, 60_000 + 60 * round.keys);
      const cpu = operator.cpuMs();
      const turn = await operator.longestTurn();
      const wrong = await wrongAt(site, requiredFor(created));
      if (wrong.length > 0) throw new Error(`converged, and yet wrong: ${wrong.slice(0, 5).join("; ")}`);
      return { ms, cpu, turn, more: await andThen(operator, lists) };
    });
  });
}

/** A new list that has none of the keys, and primes of as many bytes as badkeys' that none of them has. */
async function judgedAgain(operator: OperatorProcess, lists: string): Promise<readonly Sample[]> {
  // Collecting garbage at rest takes a turn of its own.
  await operator.untilAtRest();
  await operator.longestTurn();
  mount(lists, "published.txt", `SHA256:${"A".repeat(43)}\n`);
  for (const bits of PRIMES_BITS) mount(lists, `primes${bits}.dat`, primesFile(productOfBits(bits)));
  const { at } = await operator.untilLogged("BlocklistRead", 1 + PRIMES_BITS.length);
  const idleAt = operator.startedAt + (await operator.untilIdle());
  return [
    { figure: JUDGED, value: await operator.longestTurn() },
    { figure: JUDGED_SECONDS, value: (idleAt - at) / 1000 },
  ];
}

/** About as many as badkeys' three largest files have. */
const PRIMES_BITS = [2_000_000, 600_000, 80_000];

/** Of numbers that no small one divides. */
function productOfBits(bits: number): bigint {
  return product(soundModuli(new Random(bits), 1024, bits / 1024));
}

/** As badkeys has it: gmpy2's binary form. */
function primesFile(value: bigint): Buffer {
  return Buffer.concat([Buffer.of(1, 1), bytesOf(value).reverse()]);
}

/** From one moment to the next, as a mounted volume changes. */
function mount(folder: string, name: string, content: string | Buffer): void {
  writeFileSync(join(folder, `.${name}`), content);
  renameSync(join(folder, `.${name}`), join(folder, name));
}

/** Gives the path of a copy of the bundle. */
function withoutArithmetic(bundle: string): string {
  const parts = readFileSync(bundle, "latin1").split(UNEXAMINED);
  if (parts.length !== 2) throw new Error(`the bundle has not once: ${UNEXAMINED}`);
  const copy = join(bundle, "..", "withoutarithmetic.cjs");
  writeFileSync(copy, parts.join(EXAMINED), "latin1");
  return copy;
}
