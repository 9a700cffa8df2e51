import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SHARE_KEYS_ANNOTATION } from "../../../src/api/names.ts";
import {
  AUTHORIZED_KEYS_CONDITION_TYPES,
  AUTHORIZED_KEYS_STATES,
  OMISSIONS,
} from "../../../src/api/omissions.ts";
import { eventually } from "../../cluster/eventually.ts";
import type { ObjectClient } from "../objectclient.ts";
import { conditionsDescription, fields, rootSchema, undescribed } from "../schema.ts";
import { startAuthorizedKeysClient } from "./client.ts";

const CRD = "crds/authorizedkeys.yaml";

let targets: ObjectClient;
let name: string;

beforeAll(async () => {
  targets = await startAuthorizedKeysClient();
  ({ name } = await targets.create({ secretName: "bastion-keys" }));
  const ready = {
    type: "Ready",
    status: "True",
    reason: "Projected",
    message: "The Secret holds all keys.",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
  const complete = { ...ready, type: "Complete", reason: "Checked", message: "Not the one to print." };
  const counts = { userCount: 40, keyCount: 95, omittedCount: 2 };
  const status = { ...counts, secretName: "bastion-keys", conditions: [complete, ready] };
  expect((await targets.patch(name, { status }, "/status")).message).toBe("");
});

afterAll(async () => {
  await targets.stop();
});

describe("kubectl get", () => {
  test("tells in one line how many have access and whether it works", async () => {
    expect(await table("get", "authorizedkeys", name)).toEqual([
      ["NAME", "USERS", "KEYS", "OMITTED", "STATE", "AGE"],
      [name, "40", "95", "2", "Projected", expect.stringMatching(/^\d+\w$/)],
    ]);
  });

  test("adds Secret and message with -o wide", async () => {
    const [head = [], row = []] = await table("get", "authorizedkeys", name, "-o", "wide");
    expect(head.slice(-2)).toEqual(["SECRET", "MESSAGE"]);
    expect(row.slice(-2)).toEqual(["bastion-keys", "The Secret holds all keys."]);
  });

  test("shows nothing of one that the operator has not looked at yet", async () => {
    const { name: unseen } = await targets.create({});
    const [, row = []] = await table("get", "authorizedkeys", unseen);
    expect(row).toEqual([unseen, expect.stringMatching(/^\d+\w$/)]);
  });

  test.each(["authorizedkeys", "ak", "authorizedkeys.sshkey-operator.dev"])(
    "knows the name %s",
    async (kind) => {
      expect((await kubectl("get", kind, "-o", "name")).split("\n")).toContain(
        `authorizedkeys.sshkey-operator.dev/${name}`,
      );
    },
  );
});

test("kubectl apply refuses a misspelt field by its name", async () => {
  const manifest = `{apiVersion: sshkey-operator.dev/v1alpha1, kind: AuthorizedKeys, metadata: {name: a}, spec: {from: [{user: a}]}}`;
  const { stderr } = await targets.cluster.kubectl(["apply", "-n", targets.namespace, "-f", "-"], manifest);
  expect(stderr).toContain('unknown field "spec.from[0].user"');
});

describe("kubectl explain is the reference manual", () => {
  test.each([
    ["ak", SHARE_KEYS_ANNOTATION],
    ["ak.spec.secretName", "Immutable"],
    ["ak.spec.from", "Without it: everybody of the own namespace."],
    ["ak.spec.from.users", "* stands for any number of any characters"],
    ["ak.spec.from.namespaceSelector", "needs identity ByName"],
    ["ak.spec.identity", "one user name in two namespaces is two people"],
    ["ak.spec.layout", "AuthorizedKeysCommand /bin/cat /keys/%u"],
    ["ak.spec.logins.rule", "what stands before the first @"],
    ["ak.spec.logins.map.login", "such as those of digits only, cannot be had"],
    ["ak.spec.options", "%% a percent sign"],
    ["ak.status.blockedRemovals", "can still log in"],
  ])("%s", async (field, says) => {
    const explained = await eventually(`kubectl explain ${field}`, async () => {
      const { code, stdout } = await targets.cluster.kubectl(["explain", field]);
      return code === 0 && stdout;
    });
    expect(explained.replaceAll(/\s*\n\s*/g, " ")).toContain(says);
  });

  test("every field of spec and status is described", async () => {
    expect(undescribed(await rootSchema(CRD), "")).toEqual(["metadata"]);
  });

  test("every field of spec comes with an example", async () => {
    const all = fields(await rootSchema(CRD), "").filter(([path]) => /^spec\..*[^\]]$/.test(path));
    const without = all.filter(([, { description }]) => !/\nExample: ./.test(description ?? ""));
    expect(without.map(([path]) => path)).toEqual([]);
  });

  test("the states are those of the table, in its order", async () => {
    const [, listed = ""] =
      /is the STATE of kubectl get: ([^.]+)\./.exec(await conditionsDescription(CRD)) ?? [];
    expect(listed.split(/, | or /)).toEqual(Object.keys(AUTHORIZED_KEYS_STATES));
  });

  test("the reasons of what is left out are those of the table, in its order", async () => {
    const [, { description = "" } = {}] =
      fields(await rootSchema(CRD), "").find(([path]) => path === "status.omitted") ?? [];
    const [, listed = ""] = /reason is one of ([^.]+)\./.exec(description) ?? [];
    expect(listed.split(/, | or /)).toEqual(Object.keys(OMISSIONS));
  });

  test("each condition is explained", async () => {
    const explained = [...(await conditionsDescription(CRD)).matchAll(/(?:^|\. )([A-Z][a-z]+): /g)];
    expect(explained.map(([, type]) => type)).toEqual([...AUTHORIZED_KEYS_CONDITION_TYPES]);
  });
});

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await targets.cluster.kubectl(["-n", targets.namespace, ...args]);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  return stdout.trimEnd();
}

/** The cells of what kubectl prints; columns stand at least three spaces apart. */
async function table(...args: string[]): Promise<string[][]> {
  return (await kubectl(...args)).split("\n").map((row) => row.split(/ {3,}/).map((cell) => cell.trim()));
}
