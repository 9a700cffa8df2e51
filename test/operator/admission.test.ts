import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { secretPath, secretsPath } from "../../src/api/paths.ts";
import { readRequests } from "../cluster/auditlog.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey, freshRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, readyOf, type Tenant } from "./tenant.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

/** Every write of a Secret. */
const RULE = {
  apiGroups: [""],
  apiVersions: ["v1"],
  operations: ["CREATE", "UPDATE"],
  resources: ["secrets"],
};

/** In base64, as the policy sees it: several Ed25519 keys, not one RSA key of 4096 bits. */
const LONGEST_FILE = 800;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

describe("when one key is revoked and the admission policy refuses a Secret with another one", () => {
  let tenant: Tenant;
  let kept: string;
  let revoked: string;

  beforeAll(async () => {
    ({ tenant, kept, revoked } = await withRefusedKey());
    await tenant.edit("revoked", { disabled: true });
  });

  test("the revoked key goes out of the Secret", async () => {
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept)]);
  });

  test("each status tells the truth", async () => {
    await tenant.until("revoked", "Disabled");
    await tenant.until("refused", "SecretConflict");
    await tenant.until("kept", "Projected");
  });

  test("the status of the refused key says who refuses it", async () => {
    const status = await tenant.until("refused", "SecretConflict");
    expect(readyOf(status)?.message).toContain("rejected the write of Secret sshkeys-alice (422 Invalid)");
  });

  test("another user is given the revoked key", async () => {
    await tenant.create("bobs", { user: "bob", key: revoked });
    await tenant.until("bobs", "Projected");
  });

  test("the refused key is tried again every four seconds, and not over and over", async () => {
    await stage.allIsHandled();
    expect(await pauseBetweenAttempts(tenant)).toBeGreaterThan(3000);
  });

  test("nothing is written at rest, after a restart either", async () => {
    await stage.allIsHandled();
    const before = await stage.writesIn(tenant);
    await stage.run();
    await stage.allIsHandled();
    expect(await stage.writesIn(tenant)).toEqual(before);
  });

  test("the refused key comes in with the next attempt when the policy is gone, without anybody touching an SSHKey", async () => {
    await tenant.send("DELETE", `${ADMISSION}/validatingadmissionpolicybindings/${tenant.namespace}`);
    await eventually("long files are admitted", () => isLongFileAdmitted(tenant), DEADLINE_MS);
    const before = (await attemptsIn(tenant)).length;
    await tenant.until("refused", "Projected");
    expect((await attemptsIn(tenant)).length).toBeLessThanOrEqual(before + 1);
  });
});

describe("when the admission policy refuses a Secret with one key", () => {
  test("the last of the others goes out of the Secret too, and the file is empty", async () => {
    const { tenant } = await withRefusedKey();
    await tenant.remove("kept");
    await tenant.remove("revoked");
    await tenant.untilFile("sshkeys-alice", []);
  });

  test("a key that is replaced by the refused one goes out of the Secret", async () => {
    const { tenant, kept } = await withRefusedKey();
    await tenant.remove("refused");
    await tenant.edit("revoked", { key: freshRSAKey(4096) });
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept)]);
  });
});

describe("when one key is revoked and the admission policy refuses the changed line of another one", () => {
  let tenant: Tenant;
  let kept: string;

  beforeAll(async () => {
    tenant = await stage.tenant();
    const revoked = freshKey();
    kept = freshKey();
    await tenant.create("kept", { user: "alice", key: kept, options: ["no-pty"] });
    await tenant.create("revoked", { user: "alice", key: revoked });
    await tenant.untilFile("sshkeys-alice", [
      tenant.line("kept", kept, "no-pty"),
      tenant.line("revoked", revoked),
    ]);
    await limitFiles(tenant);
    await tenant.edit("kept", { options: [`command="${"x".repeat(LONGEST_FILE)}"`] });
    await tenant.until("kept", "SecretConflict");
    await tenant.edit("revoked", { disabled: true });
  });

  test("the revoked key goes out of the Secret, and the line stays as it was", async () => {
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept, "no-pty")]);
  });

  test("each status tells the truth", async () => {
    await tenant.until("revoked", "Disabled");
    await tenant.until("kept", "SecretConflict");
  });

  test("nothing is written at rest", async () => {
    await tenant.until("revoked", "Disabled");
    await stage.allIsHandled();
    const before = await stage.writesIn(tenant);
    await tenant.label("kept", { touched: "yes" });
    await stage.allIsHandled();
    expect(await stage.writesIn(tenant)).toEqual(before);
  });
});

describe("when an admission policy changes the Secret while it is written", () => {
  let tenant: Tenant;

  beforeAll(async () => {
    tenant = await stage.tenant();
    await emptyFiles(tenant);
    await tenant.create("laptop", { user: "alice", key: freshKey() });
  });

  test("no status says that the key is in it, and the message says what to do", async () => {
    const status = await tenant.until("laptop", "SecretConflict");
    expect(readyOf(status)?.message).toContain("exclude Secrets with the label");
  });

  test("it is not written over and over", async () => {
    await tenant.until("laptop", "SecretConflict");
    await stage.allIsHandled();
    expect(await pauseBetweenAttempts(tenant)).toBeGreaterThan(3000);
  });

  test("the key comes in with the next attempt when the policy is gone, without anybody touching an SSHKey", async () => {
    await tenant.until("laptop", "SecretConflict");
    await tenant.send("DELETE", `${ADMISSION}/mutatingadmissionpolicybindings/${tenant.namespace}`);
    await eventually("files are left alone", async () => !(await isFileEmptied(tenant)), DEADLINE_MS);
    const before = (await attemptsIn(tenant)).length;
    await tenant.until("laptop", "Projected");
    expect((await attemptsIn(tenant)).length).toBeLessThanOrEqual(before + 1);
  });
});

/** A Secret with two keys, and a third one that the policy keeps out of it. */
async function withRefusedKey() {
  const tenant = await stage.tenant();
  const [kept, revoked] = [freshKey(), freshKey()];
  await tenant.create("kept", { user: "alice", key: kept });
  await tenant.create("revoked", { user: "alice", key: revoked });
  await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept), tenant.line("revoked", revoked)]);
  await limitFiles(tenant);
  await tenant.create("refused", { user: "alice", key: freshRSAKey(4096) });
  await tenant.until("refused", "SecretConflict");
  return { tenant, kept, revoked };
}

/** From now on the API server empties the file of every Secret of the namespace that is written. */
async function emptyFiles(tenant: Tenant): Promise<void> {
  const metadata = { name: tenant.namespace };
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": tenant.namespace } };
  const expression = '[JSONPatch{op: "replace", path: "/data/authorized_keys", value: ""}]';
  await tenant.send("POST", `${ADMISSION}/mutatingadmissionpolicies`, {
    metadata,
    spec: {
      matchConstraints: { resourceRules: [RULE] },
      matchConditions: [{ name: "file", expression: "'authorized_keys' in object.data" }],
      reinvocationPolicy: "Never",
      mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }],
    },
  });
  await tenant.send("POST", `${ADMISSION}/mutatingadmissionpolicybindings`, {
    metadata,
    spec: { policyName: tenant.namespace, matchResources: { namespaceSelector } },
  });
  await eventually("the policy is in force", () => isFileEmptied(tenant), DEADLINE_MS);
}

async function isFileEmptied({ cluster, namespace }: Tenant): Promise<boolean> {
  const probe = { metadata: { name: "probe" }, stringData: { authorized_keys: "x" } };
  const { body } = await cluster.request("POST", `${secretsPath(namespace)}?dryRun=All`, probe);
  return (body as { data?: Record<string, string> }).data?.authorized_keys === "";
}

/** From now on no Secret of the namespace may hold a long file. */
async function limitFiles(tenant: Tenant): Promise<void> {
  const metadata = { name: tenant.namespace };
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": tenant.namespace } };
  const expression = `!has(object.data) || object.data.all(name, size(object.data[name]) <= ${LONGEST_FILE})`;
  await tenant.send("POST", `${ADMISSION}/validatingadmissionpolicies`, {
    metadata,
    spec: { matchConstraints: { resourceRules: [RULE] }, validations: [{ expression }] },
  });
  await tenant.send("POST", `${ADMISSION}/validatingadmissionpolicybindings`, {
    metadata,
    spec: {
      policyName: tenant.namespace,
      validationActions: ["Deny"],
      matchResources: { namespaceSelector },
    },
  });
  const isInForce = async () => !(await isLongFileAdmitted(tenant));
  await eventually("the policy is in force", isInForce, DEADLINE_MS);
}

async function isLongFileAdmitted({ cluster, namespace }: Tenant): Promise<boolean> {
  const stringData = { authorized_keys: "x".repeat(LONGEST_FILE) };
  const body = { metadata: { name: "probe" }, stringData };
  return (await cluster.request("POST", `${secretsPath(namespace)}?dryRun=All`, body)).status < 300;
}

/** When the operator has tried to write Alice's Secret, in ms since the epoch. */
async function attemptsIn({ namespace }: Tenant): Promise<readonly number[]> {
  const requests = await readRequests(stage.cluster.controlPlane.auditLog ?? "");
  return requests
    .filter(({ verb, userAgent }) => verb === "patch" && userAgent.startsWith("sshkey-operator/"))
    .filter(({ uri }) => uri.startsWith(secretPath(namespace, "sshkeys-alice")))
    .map(({ at }) => at);
}

/** ms between the next two attempts to write Alice's Secret while nothing happens. */
async function pauseBetweenAttempts(tenant: Tenant): Promise<number> {
  const before = (await attemptsIn(tenant)).length;
  const [first = 0, second = 0] = await eventually(
    "the operator has tried twice more",
    async () => {
      const attempts = (await attemptsIn(tenant)).slice(before);
      return attempts.length >= 2 && attempts;
    },
    DEADLINE_MS,
  );
  return second - first;
}
