import { randomInt } from "node:crypto";
import { Arena } from "./arena.ts";
import { Turmoil } from "./turmoil.ts";
import { growth, readVitals, type Vitals } from "./vitals.ts";

/** A run is settled and judged this often, in ms. */
const ROUND_MS = 60_000;
/** A reflector waits up to 30 s after many failures, and its next attempt may fail too. */
const BLIND_MS = 75_000;

/**
 * People and faults at random for SECONDS (600) on one operator process that is never killed. Ends with 1 when the
 * end differs from the model, a write broke a guarantee, or memory, sockets or timers grow.
 */
async function soak(seconds: number, seed: number): Promise<boolean> {
  say(`FAULT_SEED=${seed} SECONDS=${seconds}`);
  const arena = await Arena.open();
  let timer: NodeJS.Timeout | undefined;
  let sampling: Promise<void> | undefined;
  try {
    const operator = await arena.run();
    const turmoil = await Turmoil.prepare(arena, { seed, clients: 4, kills: false });
    const samples: Vitals[] = [];
    const sample = async () => {
      const vitals = await readVitals(operator);
      samples.push(vitals);
      const { rssMiB, sockets, timers } = vitals;
      say(`${turmoil.operations} operations, ${rssMiB} MiB, ${sockets} sockets, ${timers} timers`);
    };
    const nextSample = () => {
      sampling = sample();
    };
    timer = setInterval(nextSample, Math.max(1000, (seconds * 1000) / 60));
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      const roundEnd = Math.min(end, Date.now() + ROUND_MS);
      await turmoil.run(() => Date.now() < roundEnd);
      await turmoil.settle();
      say("Secrets and statuses are as the model has them");
    }
    await arena.untilQuiet();
    const { breaches, ...judged } = await arena.judge(BLIND_MS);
    for (const [what, count] of Object.entries(judged)) say(`${what} judged: ${count}`);
    for (const [name, count] of Object.entries(turmoil.counts)) say(`${name}: ${count}`);
    const problems = [...breaches, ...growth(samples)];
    for (const problem of problems) say(problem);
    return problems.length === 0;
  } finally {
    // First of all: the operator that is asked for its vitals ends with the arena.
    clearInterval(timer);
    await sampling;
    await arena.close();
  }
}

function say(text: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

const seed = Number(process.env.FAULT_SEED ?? randomInt(1_000_000));
const isGood = await soak(Number(process.env.SECONDS ?? 600), seed);
say(isGood ? "passed" : "failed");
process.exitCode = isGood ? 0 : 1;
