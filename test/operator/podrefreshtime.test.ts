import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REFRESH_LABEL } from "../../src/api/names.ts";
import { podPath, podsPath } from "../../src/operator/paths.ts";
import { eventually } from "../cluster/eventually.ts";
import { inTurns } from "../cluster/inturns.ts";
import { Pods } from "./pods.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

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

/** Takes a key out of Alice's Secret; gives the time when that was acknowledged, ms since the epoch. */
async function revoke(name: string): Promise<number> {
  await tenant.create(name, { user: "alice", key: freshKey() });
  await tenant.until(name, "Projected");
  await stage.isIdle();
  await tenant.remove(name);
  await eventually("its line is out", async () => {
    const { data } = (await tenant.secret(ALICE)) ?? {};
    return data?.authorized_keys?.includes(`/${name}\n`) === false;
  });
  return await pods.acknowledgedAt(stage, ALICE);
}

describe("one pod among 5,000", () => {
  beforeAll(async () => {
    await start();
    await inTurns(5000, 16, (i) => pods.create(`other-${i}`, { isLabelled: false, phase: "Pending" }));
    await pods.create("bastion", { secrets: [ALICE] });
  });

  test("is annotated within the time of one list by label and two bare patches", async () => {
    const refreshes: number[] = [];
    const bare: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      bare.push(await listAndTwoPatches());
      const acknowledged = await revoke(`key-${sample}`);
      const isAfter = async () =>
        (await pods.patches(stage)).find(({ receivedAt }) => receivedAt >= acknowledged);
      const first = await eventually("it is annotated", isAfter, DEADLINE_MS);
      refreshes.push(first.answeredAt - acknowledged);
      await stage.isIdle();
    }
    report("Secret acknowledged → one pod of 5,001 annotated", refreshes, bare);
    expect(median(refreshes) / median(bare)).toBeLessThanOrEqual(1);
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
    const acknowledged = await revoke("key");
    const firsts = await eventually(
      "all are annotated",
      async () => {
        const after = (await pods.patches(stage)).filter(({ receivedAt }) => receivedAt >= acknowledged);
        const byName = new Map(after.toReversed().map((patch) => [patch.name, patch]));
        return byName.size === COUNT && [...byName.values()];
      },
      DEADLINE_MS,
    );
    const last = Math.max(...firsts.map(({ answeredAt }) => answeredAt)) - acknowledged;
    process.stderr.write(`Secret acknowledged → the last of ${COUNT} pods annotated: ${last} ms\n`);
    expect(last).toBeLessThan(3000);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report(what: string, refreshes: readonly number[], bare: readonly number[]): void {
  const [own, other] = [median(refreshes).toFixed(1), median(bare).toFixed(1)];
  process.stderr.write(`${what}: median ${own} ms; a list by label and two patches: ${other} ms\n`);
}
