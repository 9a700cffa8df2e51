import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { secretPath, secretsPath } from "../../src/operator/api.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey, freshRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, readyOf, type Tenant } from "./tenant.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

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

  beforeEach(async () => {
    tenant = await stage.tenant();
    [kept, revoked] = [freshKey(), freshKey()];
    await tenant.create("kept", { user: "alice", key: kept });
    await tenant.create("revoked", { user: "alice", key: revoked });
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept), tenant.line("revoked", revoked)]);
    await limitFiles(tenant);
    await tenant.create("refused", { user: "alice", key: freshRSAKey(4096) });
    await tenant.until("refused", "SecretConflict");
  });

  test("the revoked key goes out of the Secret", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept)]);
  });

  test("the last key goes out of the Secret too, and the file is empty", async () => {
    await tenant.remove("kept");
    await tenant.remove("revoked");
    await tenant.untilFile("sshkeys-alice", []);
  });

  test("a key that is replaced by the refused one goes out of the Secret", async () => {
    await tenant.remove("refused");
    await tenant.edit("revoked", { key: freshRSAKey(4096) });
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept)]);
  });

  test("each status tells the truth", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.until("revoked", "Disabled");
    await tenant.until("refused", "SecretConflict");
    await tenant.until("kept", "Projected");
  });

  test("the status of the refused key says who refuses it", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.until("revoked", "Disabled");
    const status = await tenant.until("refused", "SecretConflict");
    expect(readyOf(status)?.message).toContain("refuses to write Secret sshkeys-alice (422 Invalid)");
  });

  test("another user is given the revoked key", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.create("bobs", { user: "bob", key: revoked });
    await tenant.until("bobs", "Projected");
  });

  test("the refused key is not tried over and over", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.until("revoked", "Disabled");
    await stage.allIsHandled();
    const before = await attemptsIn(tenant);
    await stage.allIsHandled();
    expect(await attemptsIn(tenant)).toBe(before);
  });

  test("nothing is written at rest, after a restart either", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.until("revoked", "Disabled");
    await stage.allIsHandled();
    const before = await stage.writesIn(tenant);
    await stage.run();
    await stage.allIsHandled();
    expect(await stage.writesIn(tenant)).toEqual(before);
  });

  test("the refused key comes in with the next change when the policy is gone", async () => {
    await tenant.edit("revoked", { disabled: true });
    await tenant.until("revoked", "Disabled");
    await tenant.send("DELETE", `${ADMISSION}/validatingadmissionpolicybindings/${tenant.namespace}`);
    await eventually("long files are admitted", () => isLongFileAdmitted(tenant), DEADLINE_MS);
    await tenant.edit("refused", { title: "again" });
    await tenant.until("refused", "Projected");
  });
});

/** From now on no Secret of the namespace may hold a long file. */
async function limitFiles(tenant: Tenant): Promise<void> {
  const metadata = { name: tenant.namespace };
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": tenant.namespace } };
  const rule = {
    apiGroups: [""],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["secrets"],
  };
  const expression = `!has(object.data) || object.data.all(name, size(object.data[name]) <= ${LONGEST_FILE})`;
  await tenant.send("POST", `${ADMISSION}/validatingadmissionpolicies`, {
    metadata,
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression }] },
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

/** How often the operator has tried to write Alice's Secret. */
async function attemptsIn({ namespace }: Tenant): Promise<number> {
  const log = await readFile(stage.cluster.controlPlane.auditLog ?? "", "utf8");
  return log
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { verb: string; userAgent?: string; requestURI: string })
    .filter(({ verb, userAgent }) => verb === "patch" && userAgent?.startsWith("sshkey-operator/"))
    .filter(({ requestURI }) => requestURI.startsWith(secretPath(namespace, "sshkeys-alice"))).length;
}
