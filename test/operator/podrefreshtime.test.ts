import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KEYS_CHANGED_ANNOTATION, REFRESH_LABEL } from "../../src/api/names.ts";
import { podPath, podsPath } from "../../src/api/paths.ts";
import { inTurns } from "../cluster/inturns.ts";
import { Pods } from "./pods.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { Tenant } from "./tenant.ts";

const ALICE = "sshkeys-alice";
const SAMPLES = 15;

let stage: Stage;
let tenant: Tenant;
let pods: Pods;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run({ config: "refresh: { pods: true }" });
});

afterAll(async () => {
  await stage.close();
});

async function start() {
  tenant = await stage.tenant();
  pods = new Pods(tenant);
  await tenant.create("kept", { user: "alice", key: freshKey() });
  await tenant.until("kept", "Projected");
}

/** Takes a key out of Alice's Secret, which `pod` mounts; gives the time when that was asked for, ms since the epoch. */
async function revoke(name: string, pod: string): Promise<number> {
  await tenant.create(name, { user: "alice", key: freshKey() });
  await tenant.until(name, "Projected");
  await stage.isIdle();
  const before = (await pods.read(pod)).metadata.annotations?.[KEYS_CHANGED_ANNOTATION];
  const asked = Date.now();
  await tenant.remove(name);
  await pods.untilRefreshed(pod, before);
  await stage.isIdle();
  return asked;
}

describe("one pod among 5,000", () => {
  beforeAll(async () => {
    await start();
    await inTurns(5000, 16, (i) => pods.create(`other-${i}`, { isLabelled: false, phase: "Pending" }));
    await pods.create("bastion", { secrets: [ALICE] });
  });

  test("is annotated within the time of one list by label and two bare patches", async () => {
    const asked: number[] = [];
    const bare: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      bare.push(await listAndTwoPatches());
      asked.push(await revoke(`key-${sample}`, "bastion"));
    }
    // Read when all is over: the log is long, and reading it takes the processor from what is measured.
    const refreshes = (await pods.refreshes(stage, ALICE, asked)).map(([first = Number.NaN]) => first);
    report("Secret acknowledged → one pod of 5,001 annotated", refreshes, bare);
    // What else the machine does must not count.
    expect(Math.min(...refreshes) / Math.min(...bare)).toBeLessThanOrEqual(1);
  });

  /** In ms. */
  async function listAndTwoPatches(): Promise<number> {
    const selector = encodeURIComponent(`${REFRESH_LABEL}=true`);
    const started = performance.now();
    await tenant.send("GET", `${podsPath(tenant.namespace)}?labelSelector=${selector}`);
    for (const value of ["a", "b"]) {
      const metadata = { annotations: { "example.com/bare": `${value} ${started}` } };
      await tenant.send("PATCH", podPath(tenant.namespace, "bastion"), { metadata });
    }
    return performance.now() - started;
  }
});

describe("100 pods of one Secret", () => {
  const COUNT = 100;

  beforeAll(async () => {
    await start();
    await inTurns(COUNT, 16, (i) => pods.create(`bastion-${i}`, { secrets: [ALICE] }));
  });

  test("are all annotated within 3 s", async () => {
    const asked = await revoke("key", `bastion-${COUNT - 1}`);
    const [times = []] = await pods.refreshes(stage, ALICE, [asked]);
    expect(times.length).toBe(COUNT);
    const last = times.at(-1);
    process.stderr.write(`Secret acknowledged → the last of ${COUNT} pods annotated: ${last} ms\n`);
    expect(last).toBeLessThan(3000);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report(what: string, refreshes: readonly number[], bare: readonly number[]): void {
  const [own, other] = [refreshes, bare].map(
    (times) => `${median(times).toFixed(1)} ms, at least ${Math.min(...times).toFixed(1)} ms`,
  );
  process.stderr.write(`${what}: median ${own}; a list by label and two patches: ${other}\n`);
}
