import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  API_VERSION,
  AUTHORIZED_KEYS_ANNOTATION,
  AUTHORIZED_KEYS_KIND,
  MANAGED_LABEL,
  SECRET_ANNOTATION,
  USER_ANNOTATION,
} from "../../src/api/names.ts";
import { authorizedKeysPath, podsPath } from "../../src/api/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { personWith } from "./person.ts";
import { plugin } from "./plugin.ts";

const KEY = freshKey();

let cluster: Cluster;
let people: Tenant;
let bastion: Tenant;
let viewer: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  people = new Tenant(cluster, await cluster.namespace());
  bastion = new Tenant(cluster, await cluster.namespace());
  viewer = await personWith("view", people);
  await people.create("laptop", { user: "alice", key: KEY });
  await people.create("desk", { user: "alice", key: freshKey() });
  const line = `${KEY} ${people.namespace}/laptop\n`;
  await secret(people, "sshkeys-alice", { authorized_keys: line }, { [USER_ANNOTATION]: "alice" });
  await secret(bastion, "keys", { alice: line, bob: "" }, { [AUTHORIZED_KEYS_ANNOTATION]: "bastion" });
  await secret(bastion, "copied", { authorized_keys: line }, { [SECRET_ANNOTATION]: "elsewhere/keys" });
  const { generation } = (await people.read("laptop")).metadata ?? {};
  const condition = { status: "True", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" };
  await people.editStatus("laptop", {
    observedGeneration: generation,
    secretName: "sshkeys-alice",
    conditions: ["Ready", "Projected"].map((type) => ({ type, reason: "Projected", ...condition })),
  });
  await people.send("POST", authorizedKeysPath(people.namespace), {
    apiVersion: API_VERSION,
    kind: AUTHORIZED_KEYS_KIND,
    metadata: { name: "all" },
    spec: {},
  });
  await pod("live", { mountPath: "/keys" });
  await pod("frozen", { mountPath: "/keys/alice", subPath: "alice" });
});

afterAll(async () => {
  await cluster?.stop();
});

async function secret(
  { namespace, ...tenant }: Tenant,
  name: string,
  data: Record<string, string>,
  more: object,
) {
  const annotations = { [SECRET_ANNOTATION]: `${namespace}/${name}`, ...more };
  const metadata = { name, labels: { [MANAGED_LABEL]: "default" }, annotations };
  await new Tenant(tenant.cluster, namespace).buildCreate(name, data, { metadata });
}

/** In the bastion's namespace; it mounts the Secret of the AuthorizedKeys. */
async function pod(name: string, mount: object): Promise<void> {
  const volumes = [{ name: "v", projected: { sources: [{ secret: { name: "keys" } }] } }];
  const containers = [{ name: "sshd", image: "sshd", volumeMounts: [{ name: "v", ...mount }] }];
  await bastion.send("POST", podsPath(bastion.namespace), {
    metadata: { name },
    spec: { automountServiceAccountToken: false, volumes, containers },
  });
}

async function where(...args: readonly string[]) {
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["where", "-n", people.namespace, ...args], { kubeconfig });
}

const answer = async (...args: readonly string[]) => JSON.parse((await where(...args, "-o", "json")).stdout);

describe("a key opens", () => {
  test("each Secret with its line, of the user, of AuthorizedKeys, and copies", async () => {
    const { secrets } = await answer("laptop");
    const places = secrets.map((each: Record<string, unknown>) => [
      each.namespace,
      each.name,
      each.files,
      each.isCopy,
    ]);
    expect(places).toEqual(
      expect.arrayContaining([
        [people.namespace, "sshkeys-alice", ["authorized_keys"], false],
        [bastion.namespace, "keys", ["alice"], false],
        [bastion.namespace, "copied", ["authorized_keys"], true],
      ]),
    );
    expect(places).toHaveLength(3);
  });

  test("the pods that mount them, and whether a removal reaches those", async () => {
    const { pods } = await answer("laptop");
    const whole = { namespace: bastion.namespace, container: "sshd", secret: "keys" };
    expect(pods).toEqual([
      { ...whole, name: "frozen", path: "/keys/alice", removal: "subPath" },
      { ...whole, name: "live", path: "/keys", removal: "reaches" },
    ]);
  });

  test("to a person the same, with a warning", async () => {
    const { code, stdout, stderr } = await where("--user", "alice");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${bastion.namespace} +keys +alice +bastion$`, "m"));
    expect(stdout).toMatch(/ frozen +sshd +keys +\/keys\/alice +subPath: needs a restart$/m);
    expect(stderr).toMatch(/^warning: in pod .*\/frozen, container sshd: .*restart the pod after a removal/m);
  });
});

test("what a pod says of itself moves nothing in the terminal", async () => {
  await pod("hostile", { mountPath: "/keys\u001b[31m##[add-mask]x\r" });
  try {
    const { stdout } = await where("laptop");
    expect(stdout).toMatch(/ hostile +sshd +keys +\/keys\[31m# #\[add-mask\]x +reaches$/m);
  } finally {
    await bastion.send("DELETE", `${podsPath(bastion.namespace)}/hostile`);
  }
});

test("all keys of a user are looked for", async () => {
  const { keys } = await answer("--user", "alice", "-A");
  const own = keys.filter(({ namespace }: { namespace: string }) => namespace === people.namespace);
  expect(own.map(({ name }: { name: string }) => name)).toEqual(["desk", "laptop"]);
});

test("whoever may only view is told what the status says and what is missing", async () => {
  const { secrets, unread } = await answer("laptop", "--as", viewer);
  expect(secrets).toEqual([
    expect.objectContaining({ namespace: people.namespace, name: "sshkeys-alice", isFromStatus: true }),
  ]);
  expect(unread).toContain("you may not list secrets in all namespaces: none were looked at");
  expect(unread).toContain(
    `AuthorizedKeys ${people.namespace}/all asks for keys of alice, and you may not list secrets in ${people.namespace}: whether it holds them is not known`,
  );
});

test("a key that stands nowhere opens nothing", async () => {
  const { code, stdout, stderr } = await where("desk");
  expect([code, stdout, stderr]).toEqual([
    0,
    "",
    "it opens nothing that you may see: it stands in no Secret\n",
  ]);
});

test("a key that stands in the name of another SSHKey is noted with that", async () => {
  await people.create("borrowed", { user: "bob", key: KEY });
  const { stdout } = await where("borrowed");
  expect(stdout).toMatch(
    new RegExp(`^${people.namespace} +sshkeys-alice .* in the name of ${people.namespace}/laptop$`, "m"),
  );
});

test("one key and all of a user are not asked for at once", async () => {
  const { code, stderr } = await where("laptop", "--user", "alice");
  expect([code, stderr]).toEqual([2, "error: give a name or --user, and not both\n"]);
});

test.each([[[]], [["--user", "nobody"]], [["nothing"]]])("%j is refused with what to do", async (args) => {
  const { code, stderr } = await where(...args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/Give the name|kubectl sshkey list/)]);
});
