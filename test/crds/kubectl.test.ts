import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONDITION_TYPES, STATES } from "../../src/api/states.ts";
import { eventually } from "../cluster/eventually.ts";
import { conditionsDescription, rootSchema, undescribed } from "./schema.ts";
import { type SSHKeyClient, startSSHKeyClient } from "./sshkeyclient.ts";

/** Nobody else's in the cluster. */
const FINGERPRINT = `SHA256:${randomBytes(32).toString("base64").slice(0, 43)}`;

const CRD = "crds/sshkeys.yaml";

let sshKeys: SSHKeyClient;
let projected: string;
let refused: string;

beforeAll(async () => {
  sshKeys = await startSSHKeyClient();
  projected = (await sshKeys.create({ title: "Laptop", expiresAt: "2099-01-31T18:00:00Z" })).name;
  refused = (await sshKeys.create({ user: "bob" })).name;
  await writeStatus(projected, "True", "Projected", "The key is in Secret sshkeys-alice.", {
    type: "ssh-ed25519",
    length: 256,
    fingerprint: FINGERPRINT,
  });
  await writeStatus(refused, "False", "Invalid", "The key is cut short: copy the whole line again.", {});
});

afterAll(async () => {
  await sshKeys.stop();
});

describe("kubectl get", () => {
  test("tells in one line what a key is and whether it works", async () => {
    expect(await table("get", "sshkeys", projected)).toEqual([
      ["NAME", "USER", "TYPE", "LENGTH", "FINGERPRINT", "STATE", "EXPIRES", "AGE"],
      [
        projected,
        "alice",
        "ssh-ed25519",
        "256",
        FINGERPRINT,
        "Projected",
        "2099-01-31T18:00:00Z",
        expect.stringMatching(/^\d+\w$/),
      ],
    ]);
  });

  test("adds title, proof and message with -o wide", async () => {
    const [head = [], row = []] = await table("get", "sshkeys", projected, "-o", "wide");
    expect(head.slice(-3)).toEqual(["TITLE", "PROVEN", "MESSAGE"]);
    expect(row.slice(-3)).toEqual(["Laptop", "True", "The key is in Secret sshkeys-alice."]);
  });

  test("shows the reason of Ready as the state of a refused key", async () => {
    expect((await table("get", "sshkeys", refused))[1]?.slice(1, 3)).toEqual(["bob", "Invalid"]);
  });

  test.each(["sshkeys", "sshkey", "sshk", "sshkeys.sshkey-operator.dev"])(
    "knows the name %s",
    async (name) => {
      expect((await kubectl("get", name, "-o", "name")).split("\n")).toContain(
        `sshkey.sshkey-operator.dev/${projected}`,
      );
    },
  );

  test("leaves SSHKeys out of `get all`", async () => {
    expect(await kubectl("get", "all", "-o", "name")).not.toContain("sshkey");
  });

  test("finds the keys of a user", async () => {
    expect(await found("spec.user=bob")).toEqual([refused]);
  });

  test("finds the owner of a fingerprint in any namespace", async () => {
    expect(await found(`status.fingerprint=${FINGERPRINT}`, "-A")).toEqual([projected]);
  });

  test("takes no other field for a selector", async () => {
    const { stderr } = await sshKeys.cluster.kubectl([
      "get",
      "sshkeys",
      "-A",
      "--field-selector",
      "spec.title=Laptop",
    ]);
    expect(stderr).toContain("field label not supported: spec.title");
  });
});

test("kubectl apply warns of nothing and refuses a misspelt field by its name", async () => {
  const manifest = `{apiVersion: sshkey-operator.dev/v1alpha1, kind: SSHKey, metadata: {name: misspelt}, spec: {user: a, key: b, expires: c}}`;
  const { stderr } = await sshKeys.cluster.kubectl(["apply", "-n", sshKeys.namespace, "-f", "-"], manifest);
  expect(stderr).toContain('unknown field "spec.expires"');
});

describe("kubectl explain is the reference manual", () => {
  test.each([
    ["sshkey", "one SSH public key of one user"],
    ["sshkey.spec", "key\t<string> -required-"],
    ["sshkey.spec.user", "Immutable"],
    ["sshkey.spec.key", "TYPE BASE64 [COMMENT]"],
    ["sshkey.spec.title", "Display only"],
    ["sshkey.spec.options", "sshd(8)"],
    ["sshkey.spec.expiresAt", "2027-01-31T18:00:00Z"],
    ["sshkey.spec.disabled", "keeps the SSHKey"],
    [
      "sshkey.spec.proof",
      "printf %s alice | ssh-keygen -Y sign -n sshkey-operator.dev -f ~/.ssh/id_ed25519 -",
    ],
    ["sshkey.status.proof.touched", "user presence"],
    ["sshkey.status.proof.userVerified", "user verification"],
    ["sshkey.status.lastUsed", "proves nothing"],
    ["sshkey.status.lastUsed.time", "2027-01-31T00:00:00Z"],
    ["sshkey.status.lastUsed.source", "pod/NAMESPACE/NAME"],
    ["sshkey.status.lastUsed.fingerprint", "the new one has not been used"],
    ["sshkey.spec.options", "16384 characters together"],
    ["sshkey.spec.key", "16384 characters (code points)"],
    ["sshkey.status.conditions", "Projected, Accepted, Pending, SecretConflict"],
  ])("%s", async (field, says) => {
    const explained = await eventually(`kubectl explain ${field}`, async () => {
      const { code, stdout } = await sshKeys.cluster.kubectl(["explain", field]);
      return code === 0 && stdout;
    });
    expect(explained.replaceAll(/\s*\n\s*/g, " ")).toContain(says);
  });

  test("every field of spec and status is described", async () => {
    expect(undescribed(await rootSchema(CRD), "")).toEqual(["metadata"]);
  });

  test("every field of spec comes with an example", async () => {
    const { spec } = (await rootSchema(CRD)).properties ?? {};
    for (const [name, { description }] of Object.entries(spec?.properties ?? {})) {
      expect(description, name).toMatch(/\nExample: ./);
    }
  });

  test("the states are those of the table, in its order", async () => {
    const [, listed = ""] =
      /is the STATE of kubectl get: ([^.]+)\./.exec(await conditionsDescription(CRD)) ?? [];
    expect(listed.split(/, | or /)).toEqual(Object.keys(STATES));
  });

  test("each condition is explained", async () => {
    const explained = [...(await conditionsDescription(CRD)).matchAll(/(?:^|\. )([A-Z][a-z]+): /g)];
    expect(explained.map(([, type]) => type)).toEqual([...CONDITION_TYPES]);
  });
});

async function writeStatus(name: string, status: string, reason: string, message: string, key: object) {
  const ready = { type: "Ready", status, reason, message, lastTransitionTime: "2026-01-02T03:04:05Z" };
  const valid = { ...ready, type: "Valid", reason: "Checked", message: "Not the one to print." };
  const proven = { ...ready, type: "Proven", reason: "Checked", message: "Not the one to print." };
  const conditions = [valid, proven, ready];
  const { code } = await sshKeys.patch(name, { status: { ...key, conditions } }, "/status");
  expect(code).toBe(200);
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await sshKeys.cluster.kubectl(["-n", sshKeys.namespace, ...args]);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  return stdout.trimEnd();
}

/** The cells of what kubectl prints; columns stand at least three spaces apart. */
async function table(...args: string[]): Promise<string[][]> {
  return (await kubectl(...args)).split("\n").map((row) => row.split(/ {3,}/).map((cell) => cell.trim()));
}

async function found(selector: string, ...args: string[]): Promise<string[]> {
  const names = await kubectl("get", "sshkeys", "--field-selector", selector, "-o", "name", ...args);
  return names.split("\n").map((name) => name.replace("sshkey.sshkey-operator.dev/", ""));
}
