import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../cluster/cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster?.stop());

test("a cluster serves SSHKeys as soon as it has started", async () => {
  const namespace = await cluster.namespace();
  const path = `/apis/sshkey-operator.dev/v1alpha1/namespaces/${namespace}/sshkeys`;
  expect(await cluster.request("GET", path)).toMatchObject({ status: 200, body: { items: [] } });
});

test("each namespace is a new one", async () => {
  const names = await Promise.all([cluster.namespace(), cluster.namespace()]);
  expect(new Set(names).size).toBe(2);
});

test("a refused request is an answer, not an error", async () => {
  expect(await cluster.request("GET", "/api/v1/namespaces/absent")).toMatchObject({
    status: 404,
    body: { reason: "NotFound" },
  });
});

test("kubectl reads its input from the text given", async () => {
  const manifest = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "by-kubectl" } });
  expect(await cluster.kubectl(["create", "-f", "-", "-o", "name"], manifest)).toEqual({
    code: 0,
    stdout: "namespace/by-kubectl\n",
    stderr: "",
  });
});

test("kubectl's failure is a result with its exit code", async () => {
  const { code, stderr } = await cluster.kubectl(["get", "namespace", "absent"]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("not found") });
});
