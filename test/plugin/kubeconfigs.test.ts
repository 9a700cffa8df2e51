import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { flatKubeconfig } from "./flatkubeconfig.ts";
import { listedByBoth, type Shape } from "./whoami.ts";

let cluster: Cluster;
let cache: string;
/** What kubeconfigs are made of. */
let parts: Parts;

interface Parts {
  readonly server: string;
  readonly ca: string;
  /** Tokens of two people who may do nothing, and of one who may do everything. */
  readonly alice: string;
  readonly bob: string;
  readonly admin: string;
  /** A namespace with one SSHKey. */
  readonly namespace: string;
}

beforeAll(async () => {
  cluster = await sharedCluster();
  cache = mkdtempSync(join(tmpdir(), "kubectl-cache-"));
  const tenant = new Tenant(cluster, await cluster.namespace());
  await tenant.create("laptop", { user: "alice", key: freshKey() });
  const tokenOf = async (name: string) => {
    const accounts = `/api/v1/namespaces/${tenant.namespace}/serviceaccounts`;
    await tenant.send("POST", accounts, { metadata: { name } });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const answer = await tenant.send("POST", `${accounts}/${name}/token`, request);
    return (answer as { status: { token: string } }).status.token;
  };
  const { clusters, users } = await flatKubeconfig(cluster);
  parts = {
    server: clusters[0]?.cluster.server ?? "",
    ca: clusters[0]?.cluster["certificate-authority-data"] ?? "",
    admin: users[0]?.user.token ?? "",
    alice: await tokenOf("alice"),
    bob: await tokenOf("bob"),
    namespace: tenant.namespace,
  };
  // kubectl learns what the API server has, which people without rights may not ask.
  await listedByBoth(cluster.controlPlane.kubectl, { files: { c: config("admin") }, listed: ["c"] }, cache);
});

afterAll(async () => {
  rmSync(cache, { recursive: true });
  await cluster?.stop();
});

type Person = "alice" | "bob" | "admin";

function clusterPart(name = "here", more: object = {}) {
  const { server, ca } = parts;
  return { name, cluster: { server, "certificate-authority-data": ca, ...more } };
}

function userPart(person: Person, more: object = {}) {
  return { name: person, user: { token: parts[person], ...more } };
}

function contextPart(name: string, user: string, more: object = {}) {
  return { name, context: { cluster: "here", user, ...more } };
}

/** A whole kubeconfig of one person. */
function config(person: Person, more: object = {}) {
  return {
    clusters: [clusterPart()],
    users: [userPart(person)],
    contexts: [contextPart("mine", person)],
    "current-context": "mine",
    ...more,
  };
}

/** The three people, each in a context of their own name; none is the current one. */
function everybody(more: object = {}) {
  const people: readonly Person[] = ["alice", "bob", "admin"];
  return {
    clusters: [clusterPart(), { name: "gone", cluster: { server: "https://127.0.0.1:1" } }],
    users: people.map((person) => userPart(person)),
    contexts: [
      ...people.map((person) => contextPart(person, person, { namespace: parts.namespace })),
      { name: "gone", context: { cluster: "gone", user: "alice" } },
    ],
    ...more,
  };
}

const SHAPES: readonly (readonly [what: string, make: () => Shape])[] = [
  ["one file", () => ({ files: { c: config("alice") }, listed: ["c"] })],
  ["the home folder", () => ({ files: { ".kube/config": config("alice") } })],
  [
    "the home folder, whatever else is there, when KUBECONFIG is not set",
    () => ({
      files: { ".kube/config": config("alice"), c: config("bob") },
    }),
  ],
  [
    "KUBECONFIG before the home folder",
    () => ({
      files: { ".kube/config": config("alice"), c: config("bob") },
      listed: ["c"],
    }),
  ],
  [
    "--kubeconfig before KUBECONFIG",
    () => ({
      files: { c: config("alice"), d: config("bob") },
      listed: ["c"],
      flags: ["--kubeconfig", "DIR/d"],
    }),
  ],
  [
    "an empty --kubeconfig",
    () => ({ files: { c: config("alice") }, listed: ["c"], flags: ["--kubeconfig", ""] }),
  ],
  [
    "--kubeconfig of a file that is not there",
    () => ({
      files: { c: config("alice") },
      listed: ["c"],
      flags: ["--kubeconfig", "DIR/d"],
    }),
  ],
  [
    "missing and empty names in KUBECONFIG",
    () => ({
      files: { c: config("alice") },
      listed: ["missing", "", "c", "missing"],
    }),
  ],
  [
    "KUBECONFIG that names nothing that is there, beside a home folder",
    () => ({
      files: { ".kube/config": config("alice") },
      listed: ["missing"],
    }),
  ],
  [
    "KUBECONFIG of a colon, beside a home folder",
    () => ({
      files: { ".kube/config": config("alice") },
      listed: ["", ""],
    }),
  ],
  ["an empty file before a whole one", () => ({ files: { e: "", c: config("alice") }, listed: ["e", "c"] })],
  [
    "a broken file behind a whole one",
    () => ({ files: { c: config("alice"), b: "a: [" }, listed: ["c", "b"] }),
  ],
  ["a folder among the files", () => ({ files: { c: config("alice"), "d/x": "" }, listed: ["c", "d"] })],
  [
    "the same user in two files: the first counts, whole",
    () => ({
      files: {
        a: { users: [userPart("bob")] },
        b: config("bob", { users: [{ name: "bob", user: { as: "x", token: parts.admin } }] }),
      },
      listed: ["a", "b"],
    }),
  ],
  [
    "the current context of the first file that has one",
    () => ({
      files: {
        a: { "current-context": "" },
        b: { "current-context": "bob" },
        c: everybody({ "current-context": "alice" }),
      },
      listed: ["a", "b", "c"],
    }),
  ],
  [
    "parts spread over files",
    () => ({
      files: {
        a: { contexts: [contextPart("mine", "bob")] },
        b: { users: [userPart("bob")], "current-context": "mine" },
        c: { clusters: [clusterPart()] },
      },
      listed: ["a", "b", "c"],
    }),
  ],
  ["no current context", () => ({ files: { c: everybody() }, listed: ["c"] })],
  [
    "a current context that is not there",
    () => ({ files: { c: everybody({ "current-context": "x" }) }, listed: ["c"] }),
  ],
  [
    "a current context that is not there, and --server",
    () => ({
      files: { c: everybody({ "current-context": "x" }) },
      listed: ["c"],
      flags: ["--server", parts.server, "--token", parts.alice],
    }),
  ],
  [
    "--context",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", "bob"],
    }),
  ],
  [
    "an empty --context",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", ""],
    }),
  ],
  [
    "--context that is not there",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", "x"],
    }),
  ],
  [
    "--context of a cluster that is gone",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", "gone"],
    }),
  ],
  [
    "--cluster in place of that of the context",
    () => ({
      files: { c: everybody({ "current-context": "gone" }) },
      listed: ["c"],
      flags: ["--cluster", "here"],
    }),
  ],
  [
    "--cluster that is not there",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--cluster", "x"],
    }),
  ],
  [
    "--server in place of that of the cluster",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--server", "https://127.0.0.1:1"],
    }),
  ],
  [
    "an address without a scheme",
    () => ({
      files: {
        c: config("alice", {
          clusters: [clusterPart("here", { server: parts.server.slice("https://".length) })],
        }),
      },
      listed: ["c"],
    }),
  ],
  [
    "--token in place of the user's",
    () => ({
      files: { c: config("alice") },
      listed: ["c"],
      flags: ["--token", parts.bob],
    }),
  ],
  [
    "--token beside a token file",
    () => ({
      files: { c: config("alice", { users: [{ name: "alice", user: { tokenFile: "t" } }] }), t: parts.alice },
      listed: ["c"],
      flags: ["--token", parts.bob],
    }),
  ],
  [
    "--token beside a password",
    () => ({
      files: { c: config("alice", { users: [{ name: "alice", user: { username: "a", password: "b" } }] }) },
      listed: ["c"],
      flags: ["--token", parts.bob],
    }),
  ],
  [
    "--token, --server and --certificate-authority without a file",
    () => ({
      files: { "ca.crt": Buffer.from(parts.ca, "base64").toString() },
      flags: ["-s", parts.server, "--token", parts.bob, "--certificate-authority", "DIR/ca.crt"],
    }),
  ],
  [
    "a relative --certificate-authority",
    () => ({
      files: { "ca.crt": Buffer.from(parts.ca, "base64").toString() },
      flags: ["-s", parts.server, "--token", parts.bob, "--certificate-authority", "ca.crt"],
    }),
  ],
  [
    "a token file that is relative to its kubeconfig",
    () => ({
      files: {
        "d/c": config("alice", { users: [{ name: "alice", user: { tokenFile: "./t" } }] }),
        "d/t": `${parts.bob}\n`,
      },
      listed: ["d/c"],
    }),
  ],
  [
    "a token file before the token beside it",
    () => ({
      files: {
        c: config("alice", { users: [userPart("alice", { tokenFile: "t" })] }),
        t: parts.bob,
      },
      listed: ["c"],
    }),
  ],
  [
    "an authority that is relative to its kubeconfig",
    () => ({
      files: {
        "d/c": config("alice", {
          clusters: [
            clusterPart("here", {
              "certificate-authority": "ca.crt",
              "certificate-authority-data": undefined,
            }),
          ],
        }),
        "d/ca.crt": Buffer.from(parts.ca, "base64").toString(),
      },
      listed: ["d/c"],
    }),
  ],
  [
    "an authority given twice",
    () => ({
      files: {
        c: config("alice", { clusters: [clusterPart("here", { "certificate-authority": "ca.crt" })] }),
        "ca.crt": Buffer.from(parts.ca, "base64").toString(),
      },
      listed: ["c"],
    }),
  ],
  [
    "an authority beside a check that is skipped",
    () => ({
      files: {
        c: config("alice", { clusters: [clusterPart("here", { "insecure-skip-tls-verify": true })] }),
      },
      listed: ["c"],
    }),
  ],
  [
    "--insecure-skip-tls-verify in place of the authority",
    () => ({
      files: { c: config("alice") },
      listed: ["c"],
      flags: ["--insecure-skip-tls-verify"],
    }),
  ],
  [
    "no authority",
    () => ({
      files: {
        c: config("alice", { clusters: [clusterPart("here", { "certificate-authority-data": undefined })] }),
      },
      listed: ["c"],
    }),
  ],
  [
    "a wrong tls-server-name",
    () => ({
      files: { c: config("alice", { clusters: [clusterPart("here", { "tls-server-name": "wrong" })] }) },
      listed: ["c"],
    }),
  ],
  [
    "a wrong tls-server-name beside --server",
    () => ({
      files: { c: config("alice", { clusters: [clusterPart("here", { "tls-server-name": "wrong" })] }) },
      listed: ["c"],
      flags: ["--server", parts.server],
    }),
  ],
  [
    "--tls-server-name in place of a wrong one",
    () => ({
      files: { c: config("alice", { clusters: [clusterPart("here", { "tls-server-name": "wrong" })] }) },
      listed: ["c"],
      flags: ["--tls-server-name", "localhost"],
    }),
  ],
  [
    "a user with two ways to sign in",
    () => ({
      files: { c: config("alice", { users: [userPart("alice", { username: "a", password: "b" })] }) },
      listed: ["c"],
    }),
  ],
  [
    "a client certificate without its key",
    () => ({
      files: { c: config("alice", { users: [userPart("alice", { "client-certificate-data": parts.ca })] }) },
      listed: ["c"],
    }),
  ],
  [
    "the namespace of the context",
    () => ({
      files: { c: everybody({ "current-context": "admin" }) },
      listed: ["c"],
    }),
  ],
  [
    "-n in place of the namespace of the context",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["-n", "elsewhere"],
    }),
  ],
  [
    "an empty -n",
    () => ({
      files: { c: everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["-n", ""],
    }),
  ],
  [
    "the namespace of the context, of another cluster",
    () => ({
      files: { c: everybody({ "current-context": "bob" }) },
      listed: ["c"],
      flags: ["--cluster", "here"],
    }),
  ],
  ["--as", () => ({ files: { c: config("admin") }, listed: ["c"], flags: ["--as", "mallory"] })],
  [
    "--as by one who may not",
    () => ({ files: { c: config("alice") }, listed: ["c"], flags: ["--as", "mallory"] }),
  ],
  [
    "--as and --as-group",
    () => ({
      files: { c: everybody({ "current-context": "admin" }) },
      listed: ["c"],
      flags: ["--as", "mallory", "--as-group", "dev", "--as-group", "system:masters"],
    }),
  ],
  [
    "--as-group alone",
    () => ({ files: { c: config("admin") }, listed: ["c"], flags: ["--as-group", "dev"] }),
  ],
  ["--as-uid alone", () => ({ files: { c: config("admin") }, listed: ["c"], flags: ["--as-uid", "1"] })],
  [
    "--as beside groups of the kubeconfig",
    () => ({
      files: {
        c: config("admin", { users: [userPart("admin", { as: "x", "as-groups": ["system:masters"] })] }),
      },
      listed: ["c"],
      flags: ["--as", "mallory", "-n", parts.namespace],
    }),
  ],
  [
    "--as-group beside `as` of the kubeconfig",
    () => ({
      files: {
        c: config("admin", { users: [userPart("admin", { as: "x", "as-groups": ["system:masters"] })] }),
      },
      listed: ["c"],
      flags: ["--as-group", "dev"],
    }),
  ],
  [
    "--as-user-extra by one who may not",
    () => ({
      files: { c: config("alice") },
      listed: ["c"],
      flags: ["--as", "mallory", "--as-user-extra", "scopes=a", "--as-user-extra", "scopes=b"],
    }),
  ],
  [
    "KUBERNETES_MASTER where nothing names a cluster",
    () => ({
      files: { "ca.crt": Buffer.from(parts.ca, "base64").toString() },
      env: { KUBERNETES_MASTER: parts.server },
      flags: ["--token", parts.bob, "--certificate-authority", "ca.crt"],
    }),
  ],
];

test.for(SHAPES)("%s is the same to kubectl and to the plugin", async ([, make]) => {
  const { kubectl, plugin } = await listedByBoth(cluster.controlPlane.kubectl, make(), cache);
  expect(plugin).toBe(kubectl);
});

test("a user without a way to sign in comes as nobody, where kubectl asks for a password that no API server takes", async () => {
  const files = { c: config("alice", { contexts: [contextPart("mine", "x")] }) };
  expect(await listedByBoth(cluster.controlPlane.kubectl, { files, listed: ["c"] }, cache)).toEqual({
    kubectl: "asked for a name and a password",
    plugin: expect.stringContaining('User "system:anonymous" cannot list'),
  });
});

const NAMES = ["a", "b", "c"];
const PEOPLE = ["alice", "bob", "admin"] as const;

/** One file of several: any of its parts may be missing, name what is not there, or be in another file too. */
const anyFile = fc.record(
  {
    clusters: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom("here", "gone")), {
      selector: ([name]) => name,
    }),
    users: fc.uniqueArray(
      fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...PEOPLE), fc.constantFrom(undefined, "mallory")),
      { selector: ([name]) => name },
    ),
    contexts: fc.uniqueArray(fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(...NAMES)), fc.boolean()), {
      selector: ([name]) => name,
    }),
    current: fc.constantFrom("", ...NAMES),
  },
  { requiredKeys: [] },
);

const anyFlags = fc.record(
  {
    context: fc.constantFrom("", ...NAMES),
    cluster: fc.constantFrom("", ...NAMES),
    namespace: fc.constantFrom("", "elsewhere"),
    as: fc.constantFrom("", "carol"),
  },
  { requiredKeys: [] },
);

test("whatever is spread over files, kubectl and the plugin come as the same person to the same API server", async () => {
  const property = fc.asyncProperty(
    fc.array(anyFile, { minLength: 1, maxLength: 3 }),
    anyFlags,
    async (made, flags) => {
      const files = made.map(({ clusters = [], users = [], contexts = [], current }) => ({
        clusters: clusters.map(([name, where]) =>
          clusterPart(name, where === "here" ? {} : { server: "https://127.0.0.1:1" }),
        ),
        users: users.map(([name, person, as]) => ({ ...userPart(person, { as }), name })),
        contexts: contexts.map(([name, cluster, user, isThere]) => ({
          name,
          context: { cluster, user, ...(isThere ? { namespace: parts.namespace } : {}) },
        })),
        "current-context": current,
      }));
      const shape = {
        files: Object.fromEntries(files.map((file, i) => [`f${i}`, file])),
        listed: files.map((_, i) => `f${i}`),
        flags: Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
      };
      const outcome = await listedByBoth(cluster.controlPlane.kubectl, shape, cache);
      // Of a user without a way to sign in another test speaks.
      if (!outcome.kubectl.startsWith("asked")) expect(outcome.plugin).toBe(outcome.kubectl);
    },
  );
  await fc.assert(property, { numRuns: 60, seed: 15 });
});

test("the comparison tells people, namespaces and servers apart", async () => {
  const outcomes = await Promise.all(
    SHAPES.map(async ([, make]) => (await listedByBoth(cluster.controlPlane.kubectl, make(), cache)).kubectl),
  );
  const { namespace } = parts;
  const text = new Set(outcomes);
  expect(text).toContain(`may list, and finds: sshkey.sshkey-operator.dev/laptop`);
  expect([...text].join("\n")).toContain(`system:serviceaccount:${namespace}:bob`);
  expect(text.size).toBeGreaterThan(8);
});
