import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../../src/api/paths.ts";
import type { SSHKeyCondition, SSHKeyStatus } from "../../../src/api/sshkey.generated.ts";
import type { ConditionType } from "../../../src/api/states.ts";
import { encodeStrings } from "../../../src/ssh/wire.ts";
import { sshKey } from "../../crds/sshkeyclient.ts";
import { keygenSSHSIG } from "../../ssh/keygen.ts";
import { armor, makeKey, makeProof, publicKeyLine, type SigningKey } from "../../ssh/signer.ts";
import { forgeEd25519, forgeRSA } from "../../sshd/forgingagent.ts";
import { ed25519, type KeyPair } from "../../sshd/keypair.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { readyOf, type Tenant } from "../tenant.ts";
import { type Attacker, keyOwnerOf } from "./attacker.ts";

let stage: Stage;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-operator-proofs-"));
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true });
});

describe("when mallory has declared alice's public key first", () => {
  let tenant: Tenant;
  let mallory: Attacker;
  let alices: KeyPair;

  beforeEach(async () => {
    tenant = await stage.tenant();
    mallory = await keyOwnerOf(tenant);
    alices = await ed25519(folder, tenant.namespace);
    const key = alices.publicKey;
    await mallory.tenant.create("copied", { user: "mallory", key });
    await tenant.until("copied", "Projected");
    await tenant.untilYounger();
    await tenant.create("alices", { user: "alice", key });
    await tenant.until("alices", "Duplicate");
    await tenant.edit("alices", { proof: keygenSSHSIG(alices.file, "alice") });
    await tenant.until("alices", "Projected");
  });

  afterEach(() => mallory[Symbol.dispose]());

  test("alice has it by a proof that she adds, and mallory is told why", async () => {
    await tenant.untilFile("sshkeys-alice", [tenant.line("alices", alices.publicKey)]);
    await tenant.untilFile("sshkeys-mallory", []);
    const status = await tenant.until("copied", "Duplicate");
    expect(readyOf(status)?.message).toMatch(
      /^SSHKey alices of another user, who has proven to have its private key, holds this key\./,
    );
  });

  test("mallory has it again once she takes the proof away, and alice is told how to prove it again", async () => {
    await mallory.tenant.edit("alices", { proof: null });
    await tenant.until("copied", "Projected");
    const status = await tenant.until("alices", "Duplicate");
    expect(readyOf(status)?.message).toContain("printf %s alice | ssh-keygen -Y sign");
  });

  test("a proof of both says that one private key has two users: age decides, and both are told", async () => {
    await mallory.tenant.edit("copied", { proof: keygenSSHSIG(alices.file, "mallory") });
    const holder = await tenant.until(
      "copied",
      "Projected",
      (status) => of(status, "Unique")?.status === "True",
    );
    expect(of(holder, "Unique")).toMatchObject({ reason: "ProvenByAnother" });
    const loser = await tenant.until("alices", "Duplicate");
    expect([of(loser, "Proven")?.status, readyOf(loser)?.message]).toEqual([
      "True",
      expect.stringContaining("both users have proven to have its private key"),
    ]);
  });

  test("a replay of alice's proof in a second SSHKey of hers changes nothing: same user, same key, one line", async () => {
    const { spec } = await mallory.tenant.read("alices");
    await tenant.untilYounger();
    await mallory.tenant.create("replayed", { ...spec });
    const status = await tenant.until("replayed", "Duplicate");
    expect([of(status, "Proven")?.status, status.duplicateOf?.name]).toEqual(["True", "alices"]);
    await tenant.untilFile("sshkeys-alice", [tenant.line("alices", alices.publicKey)]);
  });

  test("alice's SSHKey that is edited into another key is not proven for that one", async () => {
    await mallory.tenant.edit("alices", { key: freshKey() });
    const status = await tenant.until("alices", "Projected");
    expect(of(status, "Proven")).toMatchObject({ status: "False", reason: "ProofOfAnotherKey" });
    await tenant.until("copied", "Projected");
  });
});

describe("mallory's younger SSHKey of alice's key, which is not proven either, displaces it with a proof", () => {
  test.concurrent("by that key of her own name, so that the others fail for what is said of them", async () => {
    const status = await claimed(makeKey("ssh-ed25519"), (alice) => makeProof(alice, "mallory"), "Projected");
    expect(of(status, "Proven")).toMatchObject({ status: "True", reason: "Proven" });
  });

  const ALICES: readonly [what: string, reason: string, proof: (alice: SigningKey) => string][] = [
    ["of alice's name, which alice made", "ProofInvalid", (alice) => makeProof(alice, "alice")],
    ["of her own key", "ProofOfAnotherKey", () => makeProof(makeKey("ssh-ed25519"), "mallory")],
    [
      "that names alice's key and is by her own",
      "ProofInvalid",
      ({ blob }) => makeProof(makeKey("ssh-ed25519"), "mallory", { publicKey: blob }),
    ],
    [
      "that alice made for something else, as a signature of a file",
      "ProofInvalid",
      (alice) => makeProof(alice, "mallory", { namespace: "file" }),
    ],
    [
      "for a namespace that begins with the right one",
      "ProofInvalid",
      (alice) => makeProof(alice, "mallory", { namespace: "sshkey-operator.dev\0" }),
    ],
    [
      "with something in the reserved field",
      "ProofInvalid",
      (alice) => makeProof(alice, "mallory", { reserved: Buffer.from("x") }),
    ],
    [
      "with trailing data",
      "ProofInvalid",
      (alice) => makeProof(alice, "mallory", { behind: Buffer.from("x") }),
    ],
    ["of a text that begins with her name", "ProofInvalid", (alice) => makeProof(alice, "mallory\nalice")],
    ["of her name and two line breaks", "ProofInvalid", (alice) => makeProof(alice, "mallory\n\n")],
    ["of her name in other letters", "ProofInvalid", (alice) => makeProof(alice, "Mallory")],
    ["with nothing in it", "ProofInvalid", () => armor(Buffer.alloc(0))],
    [
      "of 16 KiB",
      "ProofInvalid",
      (alice) => makeProof(alice, "mallory", { behind: Buffer.alloc(11_600, "x") }),
    ],
  ];

  test.concurrent.each(ALICES)("not %s: %s", async (_what, reason, proof) => {
    const status = await claimed(makeKey("ssh-ed25519"), proof, "Duplicate");
    expect(of(status, "Proven")).toMatchObject({ status: "False", reason });
  });

  test.concurrent("not by RSA with SHA-1: ProofInvalid", async () => {
    const status = await claimed(
      makeKey("ssh-rsa"),
      (alice) => makeProof(alice, "mallory", { algorithm: "ssh-rsa" }),
      "Duplicate",
    );
    expect(of(status, "Proven")).toMatchObject({
      reason: "ProofInvalid",
      message: expect.stringContaining("uses SHA-1"),
    });
  });
});

describe("of a key that anybody can sign for no proof is believed:", () => {
  const MODULUS = Buffer.concat([Buffer.of(0, 0xc0), Buffer.alloc(254, 0x5a), Buffer.of(1)]);
  const POINT = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  const cases = [
    { what: "RSA with e = 1", type: "ssh-rsa", numbers: [Buffer.of(1), MODULUS], forge: forgeRSA(256) },
    { what: "the Ed25519 identity point", type: "ssh-ed25519", numbers: [POINT], forge: forgeEd25519 },
  ] as const;

  test.concurrent.each(cases)("$what", async ({ type, numbers, forge }) => {
    const tenant = await stage.tenant();
    const blob = encodeStrings([Buffer.from(type), ...numbers]);
    using mallory = await keyOwnerOf(tenant);
    const proof = makeProof({ type, blob, privateKeys: [] }, "mallory", {
      sign: (data) => forge(data, SHA2_512),
    });
    await mallory.tenant.create("open", {
      user: "mallory",
      key: `${type} ${blob.toString("base64")}`,
      proof,
    });
    const status = await tenant.until("open", "Compromised");
    expect(of(status, "Proven")).toMatchObject({
      status: "False",
      reason: "ProofUnsupported",
      message: expect.stringContaining("Anyone can sign with this key"),
    });
  });
});

test("a proven SSHKey that is edited into somebody's key displaces nobody", async () => {
  const [tenant, own, bobs] = [await stage.tenant(), makeKey("ssh-ed25519"), freshKey()];
  using mallory = await keyOwnerOf(tenant);
  await mallory.tenant.create("edited", {
    user: "mallory",
    key: publicKeyLine(own),
    proof: makeProof(own, "mallory"),
  });
  await tenant.create("bobs", { user: "bob", key: bobs });
  await tenant.until("edited", "Projected", (each) => of(each, "Proven")?.status === "True");
  await tenant.until("bobs", "Projected");
  await mallory.tenant.edit("edited", { key: bobs });
  const status = await tenant.until("edited", "Duplicate");
  expect(of(status, "Proven")).toMatchObject({ status: "False", reason: "ProofOfAnotherKey" });
  await tenant.untilFile("sshkeys-bob", [tenant.line("bobs", bobs)]);
});

test("a proof in one namespace does nothing in another", async () => {
  const [here, there, alice] = [await stage.tenant(), await stage.tenant(), makeKey("ssh-ed25519")];
  using mallory = await keyOwnerOf(there);
  await here.create("alices", { user: "alice", key: publicKeyLine(alice) });
  await here.until("alices", "Projected");
  const before = await here.read("alices");
  const [user, key] = ["mallory", publicKeyLine(alice)];
  await mallory.tenant.create("replayed", { user, key, proof: makeProof(alice, user) });
  await there.until("replayed", "Projected");
  await stage.allIsHandled();
  expect(await here.read("alices")).toEqual(before);
});

describe("what is refused at apply, with a message that helps:", () => {
  const signed = makeProof(makeKey("ssh-ed25519"), "mallory");

  test.each([
    ["two signatures", signed + signed, "this is not one SSH signature. Put in all that `printf %s USER |"],
    ["more than 16 KiB of armour", signed.padEnd(16_385, "\n"), "spec.proof: Too long"],
  ])("%s", async (_what, proof, says) => {
    const tenant = await stage.tenant();
    using mallory = await keyOwnerOf(tenant);
    const body = sshKey("refused", { user: "mallory", proof });
    const answer = await mallory.tenant.cluster.request("POST", sshKeysPath(tenant.namespace), body);
    expect([answer.status, Object(answer.body).message]).toEqual([422, expect.stringContaining(says)]);
  });
});

describe("with duplicateScope: User, where mallory's SSHKey of alice's key is projected beside hers", () => {
  let tenant: Tenant;
  let mallory: Attacker;
  let alice: SigningKey;

  beforeAll(async () => {
    await stage.run({ config: "duplicateScope: User" });
  });

  beforeEach(async () => {
    [tenant, alice] = [await stage.tenant(), makeKey("ssh-ed25519")];
    mallory = await keyOwnerOf(tenant);
    await mallory.tenant.create("copied", { user: "mallory", key: publicKeyLine(alice) });
    await tenant.create("alices", { user: "alice", key: publicKeyLine(alice) });
    await tenant.until("copied", "Projected");
    await tenant.until("alices", "Projected");
    await tenant.edit("alices", { proof: makeProof(alice, "alice") });
    await tenant.until("copied", "Duplicate", ({ duplicateOf }) => duplicateOf?.name === "alices");
  });

  afterEach(() => mallory[Symbol.dispose]());

  test("a proof of alice's puts it out", async () => {
    await tenant.untilFile("sshkeys-mallory", []);
    await tenant.untilFile("sshkeys-alice", [tenant.line("alices", publicKeyLine(alice))]);
    const status = await tenant.until("alices", "Projected", (each) => of(each, "Proven")?.status === "True");
    expect(of(status, "Unique")).toMatchObject({ status: "True", reason: "Unique" });
  });

  test("a proof of both lets both in, and tells both", async () => {
    await mallory.tenant.edit("copied", { proof: makeProof(alice, "mallory") });
    const told = ({ conditions = [] }: SSHKeyStatus) =>
      conditions.some(
        ({ reason, message }) =>
          reason === "SharedKey" && message.includes("has proven to have the private key too"),
      );
    await tenant.until("copied", "Projected", told);
    await tenant.until("alices", "Projected", told);
  });
});

/** What mallory's SSHKey of alice's key comes to, after alice's older and unproven one. */
async function claimed(
  alice: SigningKey,
  proof: (alice: SigningKey) => string,
  state: "Projected" | "Duplicate",
): Promise<SSHKeyStatus> {
  const [tenant, key] = [await stage.tenant(), publicKeyLine(alice)];
  await tenant.create("alices", { user: "alice", key });
  await tenant.until("alices", "Projected");
  await tenant.untilYounger();
  using mallory = await keyOwnerOf(tenant);
  await mallory.tenant.create("copied", { user: "mallory", key, proof: proof(alice) });
  const status = await tenant.until("copied", state);
  const holder = state === "Duplicate" ? ["alice", "alices"] : ["mallory", "copied"];
  await tenant.untilFile(`sshkeys-${holder[0]}`, [tenant.line(holder[1] ?? "", key)]);
  return status;
}

function of({ conditions = [] }: SSHKeyStatus, type: ConditionType): SSHKeyCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/** SSH_AGENT_RSA_SHA2_512 of draft-ietf-sshm-ssh-agent. */
const SHA2_512 = 4;
