import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BYTES_OF_CONTAINER } from "../../src/usage/containerlog.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { acceptedLine, Bastion, type RunningUsage, storedKey, today } from "./bastion.ts";
import { Kubelet } from "./kubelet.ts";

const MIB = 1 << 20;

let cluster: Cluster;
let kubelet: Kubelet;
let bastion: Bastion;
/** Of somebody who writes what he likes into the log of his pod. */
let tenant: string;
let usage: RunningUsage;

beforeAll(async () => {
  cluster = await sharedCluster();
  kubelet = await Kubelet.start(cluster);
  bastion = await Bastion.open(cluster);
  tenant = await cluster.namespace();
  await bastion.mayReport(tenant);
  for (const namespace of [bastion.namespace, tenant]) await bastion.mayReadLogs(namespace);
  await kubelet.pod(bastion.namespace, "bastion");
  await kubelet.pod(tenant, "hostile");
  usage = await bastion.start(["--namespace", tenant, "--pods"]);
  await eventually(
    "both are read",
    () => kubelet.readers(tenant, "hostile") + kubelet.readers(bastion.namespace, "bastion") === 2,
  );
});

afterAll(async () => {
  await usage?.stop();
  await kubelet?.stop();
  await cluster?.stop();
});

/** A login at the neighbour's, and one that comes behind what the tenant has written. */
async function expectBothReported(name: string): Promise<void> {
  const neighbours = await storedKey(cluster, bastion.namespace, name);
  await kubelet.logUntilReported(neighbours, "bastion");
  const own = await storedKey(cluster, tenant, name);
  await kubelet.logUntilReported(own, "hostile");
  expect([(await neighbours.lastUsed())?.time, (await own.lastUsed())?.time]).toEqual([today(), today()]);
}

describe("after what a tenant writes into the log of a pod, his and his neighbour's logins are reported:", () => {
  test.each<[string, () => void]>([
    ["a line that is too long", () => kubelet.flood(tenant, "hostile", "x".repeat(8 * MIB), 1)],
    ["control characters", () => kubelet.flood(tenant, "hostile", "\0\x1b[2J\r\u2028\ufffd\x85", 1000)],
    ["JSON that has no end", () => kubelet.flood(tenant, "hostile", '{"MESSAGE":['.repeat(5000), 50)],
    [
      "twenty thousand keys that nobody has",
      () => kubelet.flood(tenant, "hostile", acceptedLine(`SHA256:${"x".repeat(43)}`), 20_000),
    ],
  ])("%s", async (name, write) => {
    write();
    await expectBothReported(name.replaceAll(" ", "-").toLowerCase());
  });
});

test("another namespace's keys cost a look a minute, and are told nowhere", async () => {
  const others = await storedKey(cluster, bastion.namespace, "others");
  const foreign = 'sshkey_usage_reports_total{result="foreign"}';
  const before = await usage.metric(foreign);
  kubelet.flood(tenant, "hostile", others.line(), 10_000);
  await expectBothReported("after-the-others");
  expect([(await usage.metric(foreign)) - before, await others.lastUsed()]).toEqual([1, undefined]);
});

test("the reader holds little of all that", async () => {
  expect(await usage.metric("process_resident_memory_bytes")).toBeLessThan(200 * MIB);
});

test("what a container writes without a pause is not read at once, and holds nobody else up", async () => {
  const text = acceptedLine(`SHA256:${"x".repeat(43)}`).padEnd(16_000, " ");
  kubelet.flood(tenant, "hostile", text, 5000);
  const key = await storedKey(cluster, bastion.namespace, "meanwhile");
  await kubelet.logUntilReported(key, "bastion");
  const read = async () => (await usage.metric("sshkey_usage_lines_total")) * text.length;
  await eventually(
    "it is read as far as it is at once",
    async () => (await read()) > BYTES_OF_CONTAINER.burst / 2,
  );
  expect(kubelet.unread(tenant, "hostile")).toBeGreaterThan(BYTES_OF_CONTAINER.burst);
});
