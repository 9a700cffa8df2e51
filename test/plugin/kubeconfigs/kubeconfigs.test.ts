import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { CLUSTER_CHOICES } from "./clusterchoices.ts";
import { KubeconfigParts } from "./kubeconfigparts.ts";
import { SIGN_INS } from "./signins.ts";
import { listedByBoth } from "./whoami.ts";

const SHAPES = [...CLUSTER_CHOICES, ...SIGN_INS];

let cluster: Cluster;
let cache: string;
let parts: KubeconfigParts;

beforeAll(async () => {
  cluster = await sharedCluster();
  cache = mkdtempSync(join(tmpdir(), "kubectl-cache-"));
  parts = await KubeconfigParts.of(cluster);
  // kubectl learns what the API server has, which people without rights may not ask.
  const shape = { files: { c: parts.config("admin") }, listed: ["c"] };
  await listedByBoth(cluster.controlPlane.kubectl, shape, cache);
});

afterAll(async () => {
  rmSync(cache, { recursive: true });
  await cluster?.stop();
});

test.for(SHAPES)("%s is the same to kubectl and to the plugin", async ([, make]) => {
  const { kubectl, plugin } = await listedByBoth(cluster.controlPlane.kubectl, make(parts), cache);
  expect(plugin).toBe(kubectl);
});

test("a user without a way to sign in comes as nobody, where kubectl asks for a password that no API server takes", async () => {
  const files = { c: parts.config("alice", { contexts: [parts.contextPart("mine", "x")] }) };
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
          parts.clusterPart(name, where === "here" ? {} : { server: "https://127.0.0.1:1" }),
        ),
        users: users.map(([name, person, as]) => ({ ...parts.userPart(person, { as }), name })),
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
    SHAPES.map(
      async ([, make]) => (await listedByBoth(cluster.controlPlane.kubectl, make(parts), cache)).kubectl,
    ),
  );
  const { namespace } = parts;
  const text = new Set(outcomes);
  expect(text).toContain(`may list, and finds: sshkey.sshkey-operator.dev/laptop`);
  expect([...text].join("\n")).toContain(`system:serviceaccount:${namespace}:bob`);
  expect(text.size).toBeGreaterThan(8);
});
