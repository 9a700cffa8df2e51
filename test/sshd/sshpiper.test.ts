import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { secretName } from "../../src/projection/usertarget.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "examples", "sshpiper");
const { spec } = parse(readFileSync(join(FOLDER, "pipe.yaml"), "utf8"));
const [from] = spec.from;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await sharedCluster();
});

afterAll(() => cluster.stop());

test("the Pipe reads the Secret of the user that it is for", () => {
  const expected = secretName(DEFAULT_SETTINGS.secrets.namePrefix, from.username);
  expect(from.authorized_keys_secret.name).toBe(expected);
});

test("the API server takes the proxy without a warning", async () => {
  const namespace = await cluster.namespace();
  const file = join(FOLDER, "sshpiper.yaml");
  const { code, stderr } = await cluster.kubectl(["apply", "--dry-run=server", "-n", namespace, "-f", file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("the proxy may read the Secrets that the Pipe names, and no others", () => {
  const objects = parseAllDocuments(readFileSync(join(FOLDER, "sshpiper.yaml"), "utf8")).map((document) =>
    document.toJS(),
  );
  const { rules } = objects.find(({ kind }) => kind === "Role");
  const ofSecrets = rules.filter(({ resources }: { resources: string[] }) => resources.includes("secrets"));
  const names = [from.authorized_keys_secret.name, spec.to.private_key_secret.name];
  expect(ofSecrets).toEqual([
    { apiGroups: [""], resources: ["secrets"], resourceNames: names, verbs: ["get"] },
  ]);
});
