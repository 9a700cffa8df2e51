import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { API_VERSION, KIND } from "../../src/api/names.ts";
import { sshKeysPath } from "../../src/api/paths.ts";
import { renewedList } from "../../src/blocklist/auditlist.ts";
import { readList } from "../../src/blocklist/readlist.ts";
import { VERSION } from "../../src/version.ts";
import { type Finished, run } from "../cluster/run.ts";
import { freshRSAKey } from "../operator/publickeys.ts";
import { type MadeKey, prime, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { grants, needed, requestsOf } from "./grants.ts";
import { type Installation, NAMESPACE, startInstallation } from "./installation.ts";

const ACCOUNT = "sshkey-audit";
const EXAMPLE = "examples/audit/cronjob.yaml";
const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "main.cjs");
const LIST = `/api/v1/namespaces/${NAMESPACE}/configmaps/sshkey-operator-blocklists`;

const MAP = `--config-map=${NAMESPACE}/sshkey-operator-blocklists/shared-factors.txt`;
const namesOn = (list: string) => [...list.matchAll(/^ssh-rsa \S+ (\S+)$/gm)].map(([, name]) => name);

let installation: Installation;
let applied: Finished;
let kubeconfig: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-"));
  installation = await startInstallation({ audit: true });
  const { kubectl, controlPlane } = installation;
  await kubectl(["apply", "--server-side", "-f", "crds"]);
  await kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
  for (const name of [NAMESPACE, "team-a", "team-b"]) await kubectl(["create", "namespace", name]);
  applied = await installation.attempt(["apply", "-f", EXAMPLE]);
  const token = await kubectl(["create", "token", ACCOUNT, "-n", NAMESPACE]);
  kubeconfig = await controlPlane.tokenKubeconfig({ namespace: NAMESPACE, serviceAccount: ACCOUNT, token });
  const shared = prime(1024);
  await store("team-a", "alices", line({ modulus: shared * prime(1024), exponent: 65537n }));
  await store("team-b", "bobs", line({ modulus: shared * prime(1024), exponent: 65537n }));
  await store("team-b", "carols", freshRSAKey(2048));
});

afterAll(async () => {
  await installation?.stop();
  await rm(folder, { recursive: true });
});

function line(key: MadeKey): string {
  return `ssh-rsa ${rsaBlob(key).toString("base64")}`;
}

async function store(namespace: string, name: string, key: string): Promise<void> {
  const object = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: { user: name, key } };
  const { status } = await installation.request("POST", sshKeysPath(namespace), object);
  expect(status).toBe(201);
}

async function audit(...args: string[]): Promise<Finished> {
  return await run(process.execPath, [BUNDLE, "audit", "--kubeconfig", kubeconfig, ...args]);
}

async function listed(): Promise<string> {
  const { data = {} } = await installation.read<{ data?: Record<string, string> }>(LIST);
  return data["shared-factors.txt"] ?? "";
}

test("the example is taken by the API server without a warning, and runs the image of this version", async () => {
  expect([applied.code, applied.stderr]).toEqual([0, ""]);
  const [job] = parseAllDocuments(await readFile(EXAMPLE, "utf8"))
    .map((document) => document.toJS())
    .filter(({ kind }) => kind === "CronJob");
  expect(job.spec.jobTemplate.spec.template.spec.containers[0].image).toBe(`sshkey-operator:${VERSION}`);
});

describe("audit with the account and the arguments of the example", () => {
  test("says of each key that shares a prime with whom, and lists both", async () => {
    const [job] = parseAllDocuments(await readFile(EXAMPLE, "utf8"))
      .map((document) => document.toJS())
      .filter(({ kind }) => kind === "CronJob");
    const [, ...args] = job.spec.jobTemplate.spec.template.spec.containers[0].args as string[];
    const { code, stdout, stderr } = await audit(...args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "team-a/alices shares a prime with team-b/bobs",
      "team-b/bobs shares a prime with team-a/alices",
      "3 different RSA keys of 3 SSHKeys: 2 SSHKeys share a prime",
    ]);
    const { sections } = await readList("shared-factors.txt", Buffer.from(await listed()));
    expect(sections.map(({ reason, hashes }) => [reason, hashes.size])).toEqual([["SharedFactor", 2]]);
  });

  test("writes nothing when it finds the same again", async () => {
    const before = await installation.read<{ metadata: { resourceVersion: string } }>(LIST);
    await audit(MAP);
    const after = await installation.read<{ metadata: { resourceVersion: string } }>(LIST);
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test("needs no right that is not shipped, and none is shipped beside", async () => {
    const username = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`;
    const requests = await requestsOf(username, installation.controlPlane.auditLog ?? "");
    const shipped = grants(await readFile(EXAMPLE, "utf8"), { namespace: NAMESPACE, name: ACCOUNT });
    const used = new Set(requests.flatMap(needed));
    expect(requests.filter(({ responseStatus }) => (responseStatus?.code ?? 0) >= 400)).toEqual([]);
    expect(shipped.filter((grant) => !used.has(grant))).toEqual([]);
  });
});

const GONE = { namespace: "gone", name: "old", user: "old", bits: 2048, more: 0 };

describe("audit into a ConfigMap that its other lists nearly fill", () => {
  /** A key that no SSHKey has. */
  const old = { modulus: prime(1024) * prime(1024), exponent: 65537n };
  const before = renewedList("", {
    found: [{ key: { ...old, ...GONE, base64: rsaBlob(old).toString("base64") }, with: undefined }],
    chosen: { moduli: new Map() },
    gone: new Set(),
  }).text;

  /** The list has that key, and so many bytes are left for it. */
  async function leaveRoom(bytes: number): Promise<void> {
    const others = "#".repeat(1_000_000 - "other.txt".length - bytes);
    const data = { "other.txt": others, "shared-factors.txt": before };
    expect((await installation.request("PATCH", LIST, { data })).status).toBe(200);
  }

  test("lets keys go that no SSHKey has any more", async () => {
    await leaveRoom(before.length + 450);
    const { code } = await audit(MAP);
    expect([code, namesOn(await listed())]).toEqual([0, ["team-a/alices", "team-b/bobs"]]);
  });

  test("lets none go where it does not look at all namespaces, and says what is not listed", async () => {
    await leaveRoom(before.length + 450);
    const { code, stderr } = await audit(MAP, "--namespace=team-a", "--namespace=team-b");
    expect([code, namesOn(await listed()).includes("gone/old")]).toEqual([3, true]);
    expect(stderr).toContain(
      `ConfigMap ${NAMESPACE}/sshkey-operator-blocklists is full; keys in use that share a prime and are not listed: 1`,
    );
  });
});

test("audit adds to a file what is not in it", async () => {
  const file = join(folder, "list.txt");
  await writeFile(file, "# mine\n");
  await audit("--output", file);
  const text = await readFile(file, "utf8");
  expect([text.startsWith("# mine\n"), text.match(/^ssh-rsa /gm)?.length]).toEqual([true, 2]);
});

test("audit of one namespace knows nothing of the others", async () => {
  const { stdout } = await audit("--namespace", "team-b");
  expect(stdout).toBe("2 different RSA keys of 2 SSHKeys: 0 SSHKeys share a prime\n");
});

test.each([
  ["a ConfigMap that it may not write", ["--config-map=team-a/other/key"], 3, "give this account the right"],
  ["a folder that is not there", ["--output=/nowhere/list.txt"], 3, "cannot write /nowhere/list.txt"],
  ["half of a ConfigMap's name", ["--config-map=team-a"], 2, "NAMESPACE/NAME/KEY"],
])("audit into %s says so", async (_what, args, code, sentence) => {
  const finished = await audit(...args);
  expect([finished.code, finished.stderr.includes(sentence)]).toEqual([code, true]);
});

test("audit into a ConfigMap that is not there says how to make it", async () => {
  const admin = ["--kubeconfig", installation.controlPlane.kubeconfig];
  const { code, stderr } = await audit(...admin, "--config-map=team-a/lists/shared-factors.txt");
  expect([code, stderr]).toEqual([
    3,
    "sshkey-operator: ConfigMap team-a/lists is not there: kubectl create configmap -n team-a lists\n",
  ]);
});
