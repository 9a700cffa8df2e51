import { afterAll, beforeAll, expect, test } from "vitest";
import { formatRFC3339 } from "../../src/api/time.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, refreshPods } from "./kubernetes.ts";
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
  await pod.declare("lasting", lasting);
  await pod.declare("expiring", expiring, {
    expiresAt: formatRFC3339(expiresAt),
  });
  await refreshPods(NAMESPACE);
  await pod.untilAccepted(expiring);
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
  await pod.untilRefused(expiring);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  // Nobody has taken it out.
  expect(await file()).toContain(expiring.publicKey.split(" ")[1]);
  expect(await pod.login(lasting)).toMatchObject({ accepted: true });
});

async function file(): Promise<string> {
  const args = ["get", "secret", "sshkeys-alice", "--namespace", NAMESPACE];
  return Buffer.from(await kubectl([...args, "-o=jsonpath={.data.authorized_keys}"]), "base64").toString();
}
