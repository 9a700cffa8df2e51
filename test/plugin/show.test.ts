import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AUTHORIZED_KEYS_ANNOTATION,
  MANAGED_LABEL,
  SECRET_ANNOTATION,
  USER_ANNOTATION,
} from "../../src/api/names.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { personWith } from "./person.ts";
import { plugin } from "./plugin.ts";

const KEY = freshKey();
const FINGERPRINT = fingerprintSHA256(Buffer.from(KEY.split(" ")[1] ?? "", "base64"));

let cluster: Cluster;
let people: Tenant;
let bastion: Tenant;
let viewer: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  people = new Tenant(cluster, await cluster.namespace());
  bastion = new Tenant(cluster, await cluster.namespace());
  viewer = await personWith("view", people);
  await people.create("laptop", {
    user: "alice",
    key: `${KEY} alice@laptop`,
    title: "Laptop",
    options: ["restrict", 'from="192.0.2.0/24"'],
    expiresAt: "2999-01-01T00:00:00Z",
  });
  const line = `${KEY} ${people.namespace}/laptop\n`;
  await people.buildCreate(
    "sshkeys-alice",
    { authorized_keys: line },
    marked(people, { [USER_ANNOTATION]: "alice" }),
  );
  await bastion.buildCreate(
    "keys",
    { alice: line, bob: "" },
    marked(bastion, { [AUTHORIZED_KEYS_ANNOTATION]: "bastion" }, "keys"),
  );
  await status("Duplicate", "SSHKey bob-laptop holds this key.\u001b[31m");
});

afterAll(async () => {
  await cluster?.stop();
});

function marked({ namespace }: Tenant, annotations: object, name = "sshkeys-alice") {
  return {
    metadata: {
      name,
      labels: { [MANAGED_LABEL]: "default" },
      annotations: { [SECRET_ANNOTATION]: `${namespace}/${name}`, ...annotations },
    },
  };
}

/** In place of an operator: what it would say of the present spec. */
async function status(reason: string, message: string): Promise<void> {
  const { generation } = (await people.read("laptop")).metadata ?? {};
  const condition = { status: "False", message, lastTransitionTime: "2026-01-01T00:00:00Z" };
  await people.editStatus("laptop", {
    observedGeneration: generation,
    secretName: "sshkeys-alice",
    fingerprint: FINGERPRINT,
    lastUsed: { fingerprint: FINGERPRINT, source: "pod/bastion/sshd-0", time: "2026-01-31T00:00:00Z" },
    conditions: [
      { type: "Ready", reason, ...condition },
      { ...condition, type: "Projected", status: "True", reason, message: "" },
      { ...condition, type: "Advice", status: "True", reason: "UnusualSize", message: "Leave it." },
    ],
  });
}

async function show(...args: readonly string[]) {
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["show", "laptop", "-n", people.namespace, ...args], { kubeconfig });
}

describe("the page of an SSHKey", () => {
  test.each([
    [/^User: +alice$/m],
    [/^Key: +ssh-ed25519, 256 bits$/m],
    [/^Fingerprint: +SHA256:.{43}\n +MD5:(..:){15}..$/m],
    [/^State: +Duplicate\n +SSHKey bob-laptop holds this key\.\[31m\n +What to do: delete it/m],
    [/^Advice: +Leave it\.$/m],
    [/^Expires: +2999-01-01T00:00:00Z \(in \d+y\)$/m],
    [/^Last used: +2026-01-31, says the log of pod\/bastion\/sshd-0$/m],
    [/^Proof: +none$/m],
    [/^Options: +restrict: forbids .*\n +from: works from these addresses only, .*192\.0\.2\.0\/24$/m],
    [/\n\+--\[ED25519 256\]--\+\n(\|.{17}\|\n){9}\+----\[SHA256\]-----\+\n$/],
  ])("has %s", async (expected) => {
    expect((await show()).stdout).toMatch(expected);
  });

  test("has each Secret that holds its line, with the file and the AuthorizedKeys", async () => {
    const { stdout } = await show();
    expect(stdout).toContain(`Secret ${people.namespace}/sshkeys-alice (authorized_keys)\n`);
    expect(stdout).toContain(
      `Secret ${bastion.namespace}/keys (alice) of AuthorizedKeys ${bastion.namespace}/bastion\n`,
    );
  });

  test("says to somebody who may only view what the status tells, and what was not looked at", async () => {
    const { code, stdout } = await show("--as", viewer);
    expect(code).toBe(0);
    expect(stdout).toContain(`Secret ${people.namespace}/sshkeys-alice (authorized_keys), says the status\n`);
    expect(stdout).toMatch(
      /^Not looked at: +you may not list secrets in all namespaces: none were looked at$/m,
    );
  });
});

test("programs get the object itself, as kubectl get gives it", async () => {
  const [json, name] = await Promise.all([show("-o", "json"), show("-o", "name")]);
  expect(JSON.parse(json.stdout)).toEqual(await people.read("laptop"));
  expect(name.stdout).toBe("sshkey.sshkey-operator.dev/laptop\n");
});

test("an empty name, as of a variable that is not set, is not that of all", async () => {
  const { kubeconfig } = cluster.controlPlane;
  for (const args of [
    ["show", ""],
    ["raw", ""],
    ["delete", "", "--yes"],
    ["where", ""],
    ["disable", ""],
  ]) {
    expect(await plugin([...args, "-n", people.namespace], { kubeconfig })).toEqual({
      code: 2,
      stdout: "",
      stderr: "error: the name is empty: give that of an SSHKey\n",
    });
  }
});
