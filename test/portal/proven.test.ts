import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { Stage } from "../operator/stage.ts";
import type { Tenant } from "../operator/tenant.ts";
import { makeKey, makeProof, publicKeyLine, USER_PRESENT, USER_VERIFIED } from "../ssh/signer.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

let stage: Stage;
let tenant: Tenant;
let portal: PortalProcess;
let alice: Visitor;

beforeAll(async () => {
  stage = await Stage.open();
  const config = "policy: {proofs: Required}\n";
  await stage.run({ config });
  tenant = await stage.tenant();
  const { kubeconfig } = stage.cluster.controlPlane;
  const args = ["--insecure-user", "alice"];
  portal = await startPortal({ kubeconfig, namespace: tenant.namespace, config, args });
  alice = new Visitor(portal.url);
});

afterAll(async () => {
  await portal?.stop();
  await stage?.close();
});

/** What the page says of the key, once it says this. */
async function untilSaid(path: string, words: string): Promise<string> {
  return await eventually(`the page says ${words}`, async () => {
    const { text } = await alice.open(path);
    return text.includes(words) ? text : undefined;
  });
}

test("a key that the operator wants a proof of is projected with the one that the page was given", async () => {
  const key = makeKey("sk-ssh-ed25519@openssh.com");
  await alice.submit("/keys/new", "/keys/new", { key: publicKeyLine(key), title: "Token" });
  const list = (await alice.open("/keys")).text;
  const path = /href="([^"]*)">Token</.exec(list)?.[1] ?? "";
  await untilSaid(path, ">Unproven<");
  expect(await untilSaid(path, ">ProofMissing<")).toContain(">Add a proof</a>");
  const proof = makeProof(key, "alice", { flags: USER_PRESENT | USER_VERIFIED });
  await alice.submit(`${path}/proof`, `${path}/proof`, { proof });
  const text = await untilSaid(path, ">Projected<");
  expect(text).toContain("Proven</span> It was made with a touch and with PIN or biometric.");
});

test("what the operator says of the proof of a key that was changed behind it is on the page", async () => {
  const key = makeKey("ssh-ed25519");
  const proof = makeProof(key, "alice");
  await tenant.create("changed", { user: "alice", key: publicKeyLine(key), proof });
  await untilSaid("/keys/changed", ">Projected<");
  await tenant.edit("changed", { key: publicKeyLine(makeKey("ssh-ed25519")) });
  expect(await untilSaid("/keys/changed", ">ProofOfAnotherKey<")).toContain(">Replace the proof</a>");
});
