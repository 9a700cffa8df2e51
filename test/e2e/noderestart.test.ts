import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, refreshPods, SSHKEYS } from "./kubernetes.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-node-restart";

let pod: SSHDPod;
let key: KeyPair;
let secretBefore: string;

beforeAll(async () => {
  pod = await SSHDPod.start(NAMESPACE);
  key = await pod.keyPair("key");
  await pod.declare("key", key);
  secretBefore = await secret();
  await restartNode();
});

afterAll(() => pod.stop());

test("the key logs in again", async () => {
  await pod.untilAccepted(key);
});

/** What is declared afterwards shows that an operator has started and gone through everything. */
test("the Secret was not written", async () => {
  await pod.declare("after", await pod.keyPair("after"), { user: "bob" });
  expect(await secret()).toBe(secretBefore);
});

test("the key is refused once it is deleted", async () => {
  await kubectl(["delete", SSHKEYS, "key", "--namespace", NAMESPACE]);
  await eventually("the key is refused", async () => {
    await refreshPods(NAMESPACE);
    return !(await pod.login(key)).accepted;
  });
});

/** Cuts the node's power; resolves when its pods run again. */
async function restartNode(): Promise<void> {
  const [command = "", ...args] = JSON.parse(process.env.E2E_RESTART_NODE ?? "[]");
  const cutAt = Date.now();
  const { code, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${stderr}`);
  await eventually("the API server answers", () => kubectl(["get", "--raw", "/readyz"]));
  process.stderr.write(`API server back after ${((Date.now() - cutAt) / 1000).toFixed(1)} s\n`);
  await eventually("sshd runs again", async () => (await containersStarted()).every((time) => time > cutAt));
  await pod.connect();
}

/** When the containers of sshd's pod were started, as far as kubelet has looked at them since. */
async function containersStarted(): Promise<number[]> {
  const path = "-o=jsonpath={.items[*].status.containerStatuses[*].state.running.startedAt}";
  const times = await kubectl(["get", "pods", "--namespace", NAMESPACE, path]);
  return times.split(" ").map((time) => Date.parse(time));
}

function secret(): Promise<string> {
  const args = ["get", "secret", "sshkeys-alice", "--namespace", NAMESPACE];
  return kubectl([...args, "-o=jsonpath={.metadata.uid} {.metadata.resourceVersion}"]);
}
