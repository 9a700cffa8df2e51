import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { applySSHKey, kubectl, refreshPods, waitForState } from "./kubernetes.ts";
import { scaleOperator } from "./operator.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-without-operator";
/** Enough for all that comes before on a busy machine. */
const LIFETIME_MS = 25_000;

let pod: SSHDPod;
let lasting: KeyPair;
let expiring: KeyPair;
let expiresAt: number;

/** Two keys in the Secret, and then nothing runs that could take one out. */
beforeAll(async () => {
  pod = await SSHDPod.start(NAMESPACE);
  lasting = await pod.keyPair("lasting");
  expiring = await pod.keyPair("expiring");
  // sshd reads whole seconds.
  expiresAt = Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000;
  await applySSHKey(NAMESPACE, "lasting", { user: "alice", key: lasting.publicKey });
  await applySSHKey(NAMESPACE, "expiring", {
    user: "alice",
    key: expiring.publicKey,
    expiresAt: `${new Date(expiresAt).toISOString().slice(0, 19)}Z`,
  });
  for (const name of ["lasting", "expiring"]) await waitForState(NAMESPACE, name, "Projected");
  await refreshPods(NAMESPACE);
  await eventually("the expiring key logs in", async () => (await pod.login(expiring)).accepted);
  await scaleOperator(0);
});

afterAll(async () => {
  await scaleOperator(2);
  await pod.stop();
});

test("a key logs in that was projected before", async () => {
  expect(await pod.login(lasting)).toMatchObject({ accepted: true });
});

test("sshd refuses a key from the moment that it expires", async () => {
  await eventually("the key is refused", async () => !(await pod.login(expiring)).accepted);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  // Nobody has taken it out.
  expect(await file()).toContain(expiring.publicKey.split(" ")[1]);
  expect(await pod.login(lasting)).toMatchObject({ accepted: true });
});

async function file(): Promise<string> {
  const args = ["get", "secret", "sshkeys-alice", "--namespace", NAMESPACE];
  return Buffer.from(await kubectl([...args, "-o=jsonpath={.data.authorized_keys}"]), "base64").toString();
}
