import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GROUP } from "../../../src/api/names.ts";
import { encodeStrings } from "../../../src/ssh/wire.ts";
import { byOperator, readWrites, type Write } from "../../cluster/auditlog.ts";
import { eventually } from "../../cluster/eventually.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { type OperatorProcess, spawnOperator } from "../../cluster/operatorprocess.ts";
import { Random } from "../../ssh/random.ts";
import { blobOf, ecdsaSample, lineOf, mpint } from "../../ssh/samples.ts";
import { makeKey, makeProof, publicKeyLine } from "../../ssh/signer.ts";
import { freshKey } from "../publickeys.ts";
import { ServiceAccount } from "../serviceaccount.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../tenant.ts";
import { keyOwnerOf } from "./attacker.ts";
import { Bystander } from "./bystander.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
});

afterAll(async () => {
  await stage.close();
});

describe("with --namespace given twice and one of the two forbidden", () => {
  const RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces";
  const WORK = [
    { apiGroups: [""], resources: ["secrets"], verbs: ["*"] },
    { apiGroups: [GROUP], resources: ["*"], verbs: ["*"] },
  ];
  let serving: Tenant;
  let leaving: Tenant;
  let operator: OperatorProcess;
  const kept = freshKey();

  beforeAll(async () => {
    [serving, leaving] = [await stage.tenant(), await stage.tenant()];
    const account = await ServiceAccount.create(serving);
    await account.may(WORK);
    const role = { metadata: { name: "operator" }, rules: WORK };
    await leaving.send("POST", `${RBAC}/${leaving.namespace}/roles`, role);
    await leaving.send("POST", `${RBAC}/${leaving.namespace}/rolebindings`, {
      metadata: { name: "operator" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "operator" },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace: serving.namespace }],
    });
    const args = ["--namespace", serving.namespace, "--namespace", leaving.namespace];
    operator = await spawnOperator({ kubeconfig: account.kubeconfig, args });
    await leaving.create("kept", { user: "alice", key: kept });
    await leaving.until("kept", "Projected");
    await serving.create("revoked", { user: "alice", key: freshKey() });
    await serving.until("revoked", "Projected");
    await operator.kill();
    await leaving.send("DELETE", `${RBAC}/${leaving.namespace}/rolebindings/operator`);
    await serving.edit("revoked", { disabled: true });
    operator = await spawnOperator({ kubeconfig: account.kubeconfig, args });
  });

  afterAll(async () => {
    await operator.kill();
  });

  test("revocations and new keys of the other one are carried out after a restart", async () => {
    await serving.until("revoked", "Disabled");
    await serving.untilFile("sshkeys-alice", []);
    await serving.create("new", { user: "bob", key: freshKey() });
    await serving.until("new", "Projected");
  });

  test("it is told, and what its Secrets hold stays", async () => {
    await operator.logged(
      "NamespaceInaccessible",
      ({ namespace, state }) => namespace === leaving.namespace && state === "forbidden",
    );
    await leaving.untilFile("sshkeys-alice", [leaving.line("kept", kept)]);
  });

  test("it is served again, without a restart, when the right is back", async () => {
    const binding = {
      metadata: { name: "operator" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "operator" },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace: serving.namespace }],
    };
    await leaving.send("POST", `${RBAC}/${leaving.namespace}/rolebindings`, binding);
    await leaving.edit("kept", { disabled: true });
    await leaving.untilFile("sshkeys-alice", []);
  });
});

describe("while 2,000 new SSHKeys of one namespace wait", () => {
  const FLOOD = 2000;
  let flooded: Tenant;
  let bystander: Bystander;
  let writes: readonly Write[];
  let revoked: { readonly name: string; readonly secret: string };

  beforeAll(async () => {
    await stage.run();
    bystander = await Bystander.in(stage);
    flooded = await stage.tenant();
    await stage.rest();
    using attacker = await keyOwnerOf(flooded);
    await inTurns(FLOOD, 16, (index) =>
      attacker.tenant.create(`key-${index}`, { user: `user-${index}`, key: freshKey() }),
    );
    await stage.run();
    revoked = await bystander.livesOn();
    const areProjected = async () =>
      (await flooded.list()).every(({ status }) => stateOf(status) === "Projected");
    await eventually("the flood is over", areProjected, 2 * DEADLINE_MS);
    writes = await writesOf(stage);
  });

  test("another tenant's new key is projected and revoked before half of them are", () => {
    const [own, of] = [writesOn(writes, bystander.tenant, revoked.secret), writesOn(writes, flooded)];
    expect(of.length).toBe(FLOOD);
    expect(own.length).toBe(2);
    expect(rankOf(own.at(-1), of)).toBeLessThan(FLOOD / 2);
  });

  test("so are its statuses", () => {
    const statuses = writes.filter(({ resource }) => resource === "sshkeys");
    const own = statuses.filter(
      ({ namespace, name }) => namespace === bystander.tenant.namespace && name === revoked.name,
    );
    const of = statuses.filter(({ namespace }) => namespace === flooded.namespace);
    expect(of.length).toBe(FLOOD);
    expect(rankOf(own.at(-1), of)).toBeLessThan(FLOOD / 2);
  });
});

/** Nobody needs the private key for a wrong signature. Per byte of an SSHKey one by P-521 takes the longest to refute. */
describe("while 1,000 SSHKeys of one namespace come with wrong proofs", () => {
  const FLOOD = 1000;
  let flooded: Tenant;
  let bystander: Bystander;
  let revoked: { readonly name: string };
  const edited = makeKey("ssh-ed25519");

  beforeAll(async () => {
    await stage.run();
    [flooded, bystander] = [await stage.tenant(), await Bystander.in(stage)];
    using attacker = await keyOwnerOf(flooded);
    await flooded.create("edited", { user: "bob", key: freshKey() });
    await flooded.until("edited", "Projected");
    // The watch has them all at once, and the bystander's last.
    stage.operator.child.kill("SIGSTOP");
    const random = new Random(46);
    await inTurns(FLOOD, 16, (index) => {
      const key = ecdsaSample(random, "nistp521");
      const pair = encodeStrings([random.bytes(60), random.bytes(60)].map(mpint));
      const signature = encodeStrings([Buffer.from(key.type), pair]);
      const proof = makeProof({ ...key, blob: blobOf(key), privateKeys: [] }, "alice", {
        sign: () => signature,
      });
      return attacker.tenant.create(`key-${index}`, {
        user: "alice",
        key: lineOf(key),
        disabled: true,
        proof,
      });
    });
    await flooded.edit("edited", { key: publicKeyLine(edited), proof: makeProof(edited, "bob") });
    const lives = bystander.livesOnWithProof();
    stage.operator.child.kill("SIGCONT");
    revoked = await lives;
    const areRefuted = async () =>
      (await flooded.list()).every(
        ({ spec, status }) =>
          spec.user === "bob" || status?.conditions?.some(({ reason }) => reason === "ProofInvalid"),
      );
    await eventually("the flood is over", areRefuted, 2 * DEADLINE_MS);
    await flooded.until("edited", "Projected", (status) =>
      Boolean(status.conditions?.some(({ reason }) => reason === "Proven")),
    );
  });

  test("another tenant's key with a proof is projected and revoked before half of them are refuted", async () => {
    const statuses = (await writesOf(stage)).filter(({ resource }) => resource === "sshkeys");
    const own = statuses.filter(
      ({ namespace, name }) => namespace === bystander.tenant.namespace && name === revoked.name,
    );
    const ofFlood = statuses.filter(
      ({ namespace, name }) => namespace === flooded.namespace && name !== "edited",
    );
    const refuting = [...new Map(ofFlood.map((write) => [write.name, write])).values()];
    expect(refuting.length).toBe(FLOOD);
    expect(rankOf(own.at(-1), refuting)).toBeLessThan(FLOOD / 2);
  });

  test("does not keep an operator that starts from another tenant's keys: their own namespace waits alone", async () => {
    await stage.rest();
    for (const tenant of [flooded, bystander.tenant]) {
      await tenant.create("while-at-rest", { user: "carol", key: freshKey() });
    }
    await stage.run();
    for (const tenant of [flooded, bystander.tenant]) await tenant.until("while-at-rest", "Projected");
    const writes = (await writesOf(stage)).filter(({ name }) => name === "sshkeys-carol");
    expect(writes.map(({ namespace }) => namespace)).toEqual([bystander.tenant.namespace, flooded.namespace]);
  });

  test("a key that is edited away leaves before the proof of the next one is verified, which then comes in", async () => {
    const writes = writesOn(await writesOf(stage), flooded, "sshkeys-bob");
    expect(writes.map(({ verb }) => verb)).toEqual(["create", "patch", "patch"]);
  });
});

/** A quota of five SSHKeys, as ResourceQuota has it, lets no more of them be there at a time, but as many as one likes in a row. */
describe("while SSHKeys are made and deleted 1,500 times, never more than five at a time", () => {
  let churned: Tenant;
  let bystander: Bystander;
  const lives: { readonly secret: string }[] = [];
  let writes: readonly Write[];

  beforeAll(async () => {
    await stage.run();
    [churned, bystander] = [await stage.tenant(), await Bystander.in(stage)];
    using attacker = await keyOwnerOf(churned);
    let isOver = false;
    const churn = inTurns(1500, 5, async (index) => {
      await attacker.tenant.create(`key-${index}`, { user: `user-${index}`, key: freshKey() });
      await attacker.tenant.remove(`key-${index}`);
    }).finally(() => {
      isOver = true;
    });
    while (!isOver) lives.push(await bystander.livesOn());
    await churn;
    await stage.allIsHandled();
    writes = await writesOf(stage);
  });

  test("another tenant's keys come in and go out all the time", () => {
    expect(lives.length).toBeGreaterThan(5);
    const [own, of] = [writesOn(writes, bystander.tenant), writesOn(writes, churned)];
    const inBetween = lives.filter(({ secret }) => {
      const last = own.filter(({ name }) => name === secret).at(-1);
      return rankOf(last, of) < of.length;
    });
    expect(inBetween.length).toBeGreaterThanOrEqual(lives.length - 2);
  });

  test("no Secret of it holds a key in the end", async () => {
    const holding = (await churned.secrets()).filter(({ data }) => data.authorized_keys !== "");
    expect(holding).toEqual([]);
  });
});

describe("while one SSHKey is toggled as fast as the API server answers", () => {
  const TOGGLES = 60;

  test("its Secret and its status are written three times a second at most, and others are served", async () => {
    await stage.run();
    const [tenant, bystander] = [await stage.tenant(), await Bystander.in(stage)];
    using attacker = await keyOwnerOf(tenant);
    const started = performance.now();
    await attacker.tenant.create("toggled", { user: "alice", key: freshKey() });
    await tenant.until("toggled", "Projected");
    let toggles = 0;
    while (toggles < TOGGLES) {
      await attacker.tenant.edit("toggled", { disabled: toggles % 2 === 0 });
      toggles += 1;
      if (toggles % 15 === 0) await bystander.livesOn();
    }
    await tenant.until("toggled", "Projected");
    const seconds = (performance.now() - started) / 1000;
    const writes = await writesOf(stage);
    const statuses = writes.filter(
      ({ resource, namespace }) => resource === "sshkeys" && namespace === tenant.namespace,
    );
    expect(writesOn(writes, tenant).length).toBeLessThanOrEqual(3 + 3 * seconds);
    expect(statuses.length).toBeLessThanOrEqual(5 + 3 * seconds);
  });
});

/** The operator's writes of Secrets and statuses in the order in which they took effect. */
async function writesOf({ cluster }: Stage): Promise<readonly Write[]> {
  const writes = await readWrites(cluster.controlPlane.auditLog ?? "");
  return writes.filter(
    (write) => byOperator(write) && (write.resource === "secrets" || write.resource === "sshkeys"),
  );
}

function writesOn(writes: readonly Write[], { namespace }: Tenant, secret?: string): readonly Write[] {
  return writes.filter(
    (write) =>
      write.resource === "secrets" &&
      write.namespace === namespace &&
      (secret === undefined || write.name === secret),
  );
}

/** How many of the others took effect before this one. */
function rankOf(write: Write | undefined, others: readonly Write[]): number {
  const at = write?.resourceVersion ?? Number.POSITIVE_INFINITY;
  return others.filter(({ resourceVersion }) => resourceVersion < at).length;
}
