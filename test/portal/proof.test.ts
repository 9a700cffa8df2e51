import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKeySpec } from "../../src/api/sshkey.generated.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import { Tenant } from "../operator/tenant.ts";
import { makeKey, makeProof, publicKeyLine, type SigningKey } from "../ssh/signer.ts";
import { grant, PEOPLE_CONFIG, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let proxy: FaultProxy;
let portal: PeoplePortal;
let strict: PeoplePortal;
let count = 0;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  await grant(cluster, tenant.namespace, "admin", "list,assign");
  proxy = await FaultProxy.start(cluster.controlPlane.kubeconfig);
  portal = await startPeoplePortal(cluster, tenant, PEOPLE_CONFIG, proxy.kubeconfig);
  strict = await startPeoplePortal(cluster, tenant, `${PEOPLE_CONFIG}policy: {proofs: Required}\n`);
});

afterAll(async () => {
  await portal?.stop();
  await strict?.stop();
  await proxy?.stop();
  await cluster?.stop();
});

interface Made {
  readonly name: string;
  readonly key: SigningKey;
}

/** An SSHKey of alice's that the portal has seen. */
async function made(more: Partial<SSHKeySpec> = {}, key = makeKey("ssh-ed25519")): Promise<Made> {
  count += 1;
  const name = `proof-${count}`;
  await tenant.create(name, { user: "alice", key: publicKeyLine(key), title: name, ...more });
  await eventually("the portal has seen it", async () => (await page(name)).includes(`<h1>${name}</h1>`));
  return { name, key };
}

async function page(name: string, of = portal): Promise<string> {
  return await (await of.as("alice", "GET", `/keys/${name}`)).text();
}

/** What the page of a key says of its proof, without tags. */
async function told(name: string): Promise<string> {
  const [, shown = ""] = /<dt>Proof of possession<\/dt><dd>(.*?)<\/dd>/s.exec(await page(name)) ?? [];
  return shown.replaceAll(/<[^>]*>/g, "");
}

/** As an operator says it: none runs here. */
async function say(name: string, proven: object, more: object = {}): Promise<void> {
  const lastTransitionTime = new Date().toISOString();
  const condition = { type: "Proven", message: "said by a test", lastTransitionTime, ...proven };
  const { metadata } = await tenant.read(name);
  const observedGeneration = metadata.generation;
  await tenant.editStatus(name, { observedGeneration, conditions: [condition], ...more });
}

function problemIn(text: string): string {
  return /<ul class="problem" id="proof-problem"><li>(.*?)<\/li>/s.exec(text)?.[1] ?? "";
}

describe("a key that is there", () => {
  test("gets a proof, and nothing else of it changes", async () => {
    const { name, key } = await made({ options: ["restrict"], expiresAt: "2099-12-31T00:00:00Z" });
    const { spec, metadata } = await tenant.read(name);
    const proof = makeProof(key, "alice");
    const answer = await portal.submit("alice", `/keys/${name}/proof`, { proof });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, `/keys/${name}`]);
    const after = await tenant.read(name);
    expect(after.spec).toEqual({ ...spec, proof });
    expect([after.metadata.uid, after.metadata.annotations]).toEqual([metadata.uid, metadata.annotations]);
  });

  test("gets another in place of the one that it has", async () => {
    const key = makeKey("ssh-ed25519");
    const { name } = await made({ proof: makeProof(key, "bob") }, key);
    expect(await page(name)).toContain(">Replace the proof</a>");
    const proof = makeProof(key, "alice");
    await portal.submit("alice", `/keys/${name}/proof`, { proof });
    expect((await tenant.read(name)).spec.proof).toBe(proof);
  });

  test("gets it although the operator has written its status meanwhile", async () => {
    const { name, key } = await made();
    proxy.silence("sshkeys");
    await say(name, { status: "True", reason: "Proven" });
    const proof = makeProof(key, "alice");
    const { status } = await portal.submit("alice", `/keys/${name}/proof`, { proof });
    const { spec } = await tenant.read(name);
    proxy.cut("sshkeys");
    expect([status, spec.proof]).toEqual([303, proof]);
  });

  test("gets none that was judged by another key than it has by now", async () => {
    const { name, key } = await made();
    proxy.silence("sshkeys");
    await tenant.edit(name, { key: publicKeyLine(makeKey("ssh-ed25519")) });
    const answer = await portal.submit("alice", `/keys/${name}/proof`, { proof: makeProof(key, "alice") });
    const { spec } = await tenant.read(name);
    proxy.cut("sshkeys");
    expect([answer.status, spec.proof]).toEqual([422, undefined]);
    expect(problemIn(await answer.text())).toContain("by another key");
  });

  test("gets it from an administrator, who is told the owner's name in the command", async () => {
    const { name, key } = await made();
    const path = `/people/alice/${name}/proof`;
    expect(await (await portal.as("admin", "GET", path)).text()).toContain("printf %s alice | ssh-keygen");
    const proof = makeProof(key, "alice");
    await portal.submit("admin", path, { proof });
    expect((await tenant.read(name)).spec.proof).toBe(proof);
  });

  test("who may only look is not offered to prove it", async () => {
    const { name } = await made();
    const text = await (await portal.as("viewer", "GET", `/people/alice/${name}`)).text();
    expect(text).not.toContain(`/${name}/proof"`);
  });

  test("the log says who stored it, and nothing of it", async () => {
    const { name, key } = await made();
    const proof = makeProof(key, "alice");
    await portal.submit("alice", `/keys/${name}/proof`, { proof });
    const line = await eventually("the log has it", async () =>
      (await portal.log()).split("\n").find((each) => each.includes(`/${name}"`)),
    );
    expect(JSON.parse(line)).toMatchObject({ event: "KeyWritten", user: "alice", verb: "patch" });
    expect(await portal.log()).not.toContain(proof.split("\n")[1]);
  });
});

describe("what is no proof", () => {
  test.each([
    ["no signature", () => "hello", "does not begin with"],
    ["one by another key", () => makeProof(makeKey("ssh-ed25519"), "alice"), "by another key"],
    [
      "one for another namespace",
      (key: SigningKey) => makeProof(key, "alice", { namespace: "git" }),
      "-n sshkey-operator.dev",
    ],
  ])("%s is told at the field, with what was typed, and nothing is written", async (_, proofOf, words) => {
    const { name, key } = await made();
    const before = await tenant.read(name);
    const proof = proofOf(key);
    const answer = await portal.submit("alice", `/keys/${name}/proof`, { proof });
    const text = await answer.text();
    expect([answer.status, await tenant.read(name)]).toEqual([422, before]);
    expect(problemIn(text)).toContain(words);
    expect(text).toContain(`\n${proof.trim()}</textarea>`);
  });

  test("a private key is refused, and is in neither the page nor the log", async () => {
    const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZP";
    const { name } = await made();
    const proof = `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n`;
    const answer = await portal.submit("alice", `/keys/${name}/proof`, { proof });
    const text = await answer.text();
    expect([answer.status, problemIn(text)]).toEqual([422, expect.stringContaining("This is a private key")]);
    expect(text + (await portal.log())).not.toContain(secret);
  });

  test("a form without its token changes nothing", async () => {
    const { name, key } = await made();
    const body = new URLSearchParams({ proof: makeProof(key, "alice") });
    const { status } = await portal.as("alice", "POST", `/keys/${name}/proof`, { body });
    expect([status, (await tenant.read(name)).spec.proof]).toEqual([403, undefined]);
  });
});

describe("a new key", () => {
  test("comes with its proof", async () => {
    const key = makeKey("ssh-ed25519");
    const proof = makeProof(key, "carol");
    await portal.submit("carol", "/keys/new", { key: publicKeyLine(key), proof });
    const [stored] = (await tenant.list()).filter(({ spec }) => spec.user === "carol");
    expect(stored?.spec).toEqual({ user: "carol", key: publicKeyLine(key), proof });
  });

  test("does not come with one that is none: it is told at the field, which is open", async () => {
    const key = publicKeyLine(makeKey("ssh-ed25519"));
    const answer = await portal.submit("dave", "/keys/new", { key, proof: "hello" });
    const text = await answer.text();
    expect([answer.status, text.includes("<details open>")]).toEqual([422, true]);
    expect(problemIn(text)).toContain("does not begin with");
    expect(text).toContain('<li><a href="#proof">Proof of possession</a>');
    expect((await tenant.list()).some(({ spec }) => spec.user === "dave")).toBe(false);
  });

  test("may have one, and the form has the command for its owner", async () => {
    const text = await (await portal.as("o'brien", "GET", "/keys/new")).text();
    expect(text).toContain("<details>\n<summary>Proof of possession (optional)</summary>");
    expect(text.replaceAll("&#39;", "'").replaceAll("&quot;", '"')).toContain(`printf %s 'o'"'"'brien'`);
  });

  test("needs one where the policy says so, and the form does, at once", async () => {
    const text = await (await strict.as("alice", "GET", "/keys/new")).text();
    expect([text.includes("<details"), text.includes("Keys without a proof do not work here.")]).toEqual([
      false,
      true,
    ]);
  });
});

describe("the page of a key says", () => {
  test("that there is no proof", async () => {
    const { name } = await made();
    expect(await told(name)).toBe("None; it is not needed. Add a proof");
  });

  test("that the operator has not looked yet", async () => {
    const { name } = await made({ proof: makeProof(makeKey("ssh-ed25519"), "alice") });
    expect(await told(name)).toContain("Pending The proof is being looked at");
  });

  test("why it is not proven", async () => {
    const { name } = await made({ proof: makeProof(makeKey("ssh-ed25519"), "alice") });
    await say(name, { status: "False", reason: "ProofOfAnotherKey" });
    await eventually("the portal has seen it", async () => (await told(name)).includes("ProofOfAnotherKey"));
    expect(await told(name)).toBe("ProofOfAnotherKey said by a test Replace the proof");
  });

  test.each([
    [{ touched: true, userVerified: true }, "It was made with a touch and with PIN or biometric."],
    [{ touched: true, userVerified: false }, "It was made with a touch and without PIN or biometric."],
    [{ touched: false, userVerified: false }, "It was made without a touch and without PIN or biometric."],
  ])("that it is proven, by a security key that said %o", async (proof, words) => {
    const { name } = await made();
    await say(name, { status: "True", reason: "Proven" }, { proof });
    await eventually("the portal has seen it", async () => (await told(name)).includes("Proven"));
    expect(await told(name)).toContain(`Proven ${words}`);
  });

  test("that it is proven, by a key that says no more", async () => {
    const { name } = await made();
    await say(name, { status: "True", reason: "Proven" });
    await eventually("the portal has seen it", async () => (await told(name)).includes("Proven"));
    expect(await told(name)).toBe("Proven Add a proof");
  });

  test("that one is needed, where it is", async () => {
    const { name } = await made();
    expect(await page(name, strict)).toContain("Keys without a proof do not work here.");
  });
});
