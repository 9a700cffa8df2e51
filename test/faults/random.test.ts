import { randomInt } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Arena } from "./arena.ts";
import { isWrite } from "./proxiedrequest.ts";
import { Turmoil } from "./turmoil.ts";

const seed = Number(process.env.FAULT_SEED ?? randomInt(1_000_000));
const operations = Number(process.env.FAULT_OPERATIONS ?? 1000);
/** A reflector waits up to 30 s after many failures, and its next attempt may fail too. */
const BLIND_MS = 75_000;

let arena: Arena;
let turmoil: Turmoil;

beforeAll(async () => {
  console.log(`FAULT_SEED=${seed} FAULT_OPERATIONS=${operations}`);
  arena = await Arena.open();
  await arena.run();
  turmoil = await Turmoil.prepare(arena, { seed, clients: 4, kills: true });
  await turmoil.run((done) => done < operations);
});

afterAll(async () => {
  await arena.close();
});

test("after a random run with faults Secrets and statuses are as the model has them", async () => {
  await turmoil.settle();
});

test("and then no write happens any more, after a restart either", async () => {
  await arena.untilSilent();
  const before = arena.proxy.requests.length;
  await arena.crash();
  await arena.run();
  await arena.untilQuiet();
  expect(arena.proxy.requests.slice(before).filter(isWrite)).toEqual([]);
});

test("and no write on the way broke a guarantee", async () => {
  const { breaches, secretWrites, sharedSecretWrites } = await arena.judge(BLIND_MS);
  expect(breaches).toEqual([]);
  expect(secretWrites).toBeGreaterThan(operations / 30);
  expect(sharedSecretWrites).toBeGreaterThan(operations / 100);
});
