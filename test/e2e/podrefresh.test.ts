import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, refreshPods, SSHKEYS } from "./kubernetes.ts";
import { installOperator } from "./operator.ts";
import { LAYOUTS, SSHDPod } from "./sshdpod.ts";

const SAMPLES = 15;

beforeAll(() => installOperator({ refreshes: true }));

afterAll(() => installOperator());

/** One mounts a projected volume, the other a Secret volume. */
const MOUNTING = LAYOUTS.filter(({ name }) => name === "bastion" || name === "devenvironment");

/** The tests of one pod come one after the other. */
const IN_TURN = { concurrent: false };

describe.concurrent.each(MOUNTING)("with refresh.pods, in a pod as $name", (layout) => {
  let pod: SSHDPod;
  let other: KeyPair;

  beforeAll(async () => {
    pod = await SSHDPod.start(`e2e-refresh-${layout.name}`, layout);
    other = await pod.admit("other");
  });

  afterAll(() => pod.stop());

  test("a deleted key is refused within 3 s in the median, by the operator alone", IN_TURN, async () => {
    const key = await pod.keyPair("key");
    const seconds: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      await pod.declare("key", key);
      await refreshPods(pod.namespace);
      await pod.untilAccepted(key);
      await kubectl(["delete", SSHKEYS, "key", "--namespace", pod.namespace]);
      seconds.push(await untilRefused(key));
    }
    const [least, most] = [Math.min(...seconds), Math.max(...seconds)].map((each) => each.toFixed(2));
    process.stderr.write(
      `from kubectl delete to the refusal, ${layout.name}, refresh.pods: median ${median(seconds).toFixed(2)} s, ${least}–${most} s, of ${seconds.length}\n`,
    );
    expect(median(seconds)).toBeLessThan(3);
  });

  test("a new key logs in without anybody's doing, and the others go on to", IN_TURN, async () => {
    const key = await pod.keyPair("new");
    await pod.declare("new", key);
    await pod.untilAccepted(key);
    expect(await pod.login(other)).toMatchObject({ accepted: true });
  });

  /** In seconds; one login after another, without a pause, and the time of the refused one counts. */
  async function untilRefused(key: KeyPair): Promise<number> {
    const started = performance.now();
    while ((await pod.login(key)).accepted);
    return (performance.now() - started) / 1000;
  }
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
