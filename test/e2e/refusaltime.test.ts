import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, refreshPods, SSHKEYS } from "./kubernetes.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-refusal-time";
const SAMPLES = 20;
const SAMPLES_LEFT_ALONE = 2;

let pod: SSHDPod;
let key: KeyPair;

beforeAll(async () => {
  pod = await SSHDPod.start(NAMESPACE);
  key = await pod.keyPair("key");
});

afterAll(() => pod.stop());

test("a deleted key is refused within 3 s in the median where the pod's annotation is changed", async () => {
  const seconds = await timesToRefusal(SAMPLES, () => refreshPods(NAMESPACE));
  report("from kubectl delete to the refusal, pod annotated", seconds);
  expect(median(seconds)).toBeLessThan(3);
});

test("a deleted key is refused when kubelet comes by itself, without any change of the pod", async () => {
  const seconds = await timesToRefusal(SAMPLES_LEFT_ALONE, async () => undefined);
  report("from kubectl delete to the refusal, pod left alone (kubelet synchronises it every 5 s)", seconds);
});

/** In seconds, from the answer to kubectl delete; `hurry` is called when the Secret has changed. */
async function timesToRefusal(samples: number, hurry: () => Promise<void>): Promise<number[]> {
  const seconds: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    await pod.declare("key", key);
    await hurry();
    await pod.untilAccepted(key);
    await kubectl(["delete", SSHKEYS, "key", "--namespace", NAMESPACE]);
    const deleted = performance.now();
    await isOutOfSecret();
    await hurry();
    await pod.untilRefused(key);
    seconds.push((performance.now() - deleted) / 1000);
  }
  return seconds;
}

async function isOutOfSecret(): Promise<void> {
  await eventually("the file is empty", async () => {
    const args = ["get", "secret", "sshkeys-alice", "--namespace", NAMESPACE];
    return (await kubectl([...args, "-o=jsonpath={.data.authorized_keys}"])) === "";
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function report(what: string, seconds: readonly number[]): void {
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)].map((value) => value.toFixed(2));
  process.stderr.write(
    `${what}: median ${median(seconds).toFixed(2)} s, ${least}–${most} s, of ${seconds.length}\n`,
  );
}
