import { rename } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { podsPath } from "../../src/api/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { acceptedLine, Bastion, logFile, RunningUsage, send, storedKey } from "./bastion.ts";

let cluster: Cluster;
let bastion: Bastion;

beforeAll(async () => {
  cluster = await sharedCluster();
  bastion = await Bastion.open(cluster);
});

afterAll(async () => {
  await cluster?.stop();
});

const becomes = (usage: RunningUsage, series: string, value: number) =>
  eventually(`${series} is ${value}`, async () => (await usage.metric(series)) === value);

describe("a reader of logs that goes on", () => {
  let usage: RunningUsage;
  let file: string;

  beforeAll(async () => {
    file = await logFile([]);
    usage = await bastion.start(["--follow", file]);
  });

  afterAll(async () => {
    await usage?.stop();
  });

  test("is alive and ready", async () => {
    expect([await usage.get("/healthz"), await usage.get("/readyz")]).toEqual([
      { status: 200, body: "ok\n" },
      { status: 200, body: "ok\n" },
    ]);
    expect(await usage.metric("sshkey_usage_ready")).toBe(1);
  });

  test("says when a log is not there, and when it is", async () => {
    const away = `${file}-2`;
    const other = await bastion.start(["--follow", away]);
    try {
      await becomes(other, 'sshkey_usage_logs{state="unreadable"}', 1);
      await other.logged("LogUnreadable");
      await rename(await logFile([]), away);
      await becomes(other, 'sshkey_usage_logs{state="unreadable"}', 0);
      expect(await other.metric('sshkey_usage_logs{state="read"}')).toBe(1);
    } finally {
      await other.stop();
    }
  });
});

describe("what it has read is counted:", () => {
  test("lines, logins and what became of the reports", async () => {
    const people = await cluster.namespace();
    await bastion.mayReport(people);
    const own = await storedKey(cluster, bastion.namespace, "own");
    const foreign = await storedKey(cluster, people, "foreign");
    const nobodys = acceptedLine(`SHA256:${"x".repeat(43)}`);
    const file = await logFile(["Server listening on 0.0.0.0 port 22.", own.line(), foreign.line(), nobodys]);
    const usage = await bastion.start(["--from", people, "--follow", file]);
    try {
      await becomes(usage, 'sshkey_usage_reports_total{result="written"}', 1);
      await becomes(usage, 'sshkey_usage_reports_total{result="foreign"}', 1);
      const counted = ["lines_total", 'logins_total{key="known"}', 'logins_total{key="unknown"}', "sshkeys"];
      const values = await Promise.all(counted.map((name) => usage.metric(`sshkey_usage_${name}`)));
      expect(values).toEqual([4, 2, 1, 2]);
    } finally {
      await usage.stop();
    }
  });

  test("a report that is refused", async () => {
    const people = await cluster.namespace();
    const own = await Bastion.open(cluster);
    await own.may(people, "look", [
      { apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys"], verbs: ["list", "watch"] },
    ]);
    const key = await storedKey(cluster, own.namespace, "own");
    const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${own.namespace}/roles/report-${own.namespace}`;
    await send(cluster, "PATCH", role, {
      rules: [{ apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys"], verbs: ["list", "watch"] }],
    });
    const usage = await own.start(["--follow", await logFile([key.line()])]);
    try {
      await becomes(usage, 'sshkey_usage_reports_total{result="refused"}', 1);
    } finally {
      await usage.stop();
    }
  });

  test("a pod whose log cannot be read", async () => {
    const own = await Bastion.open(cluster);
    await own.mayReadLogs(own.namespace);
    const spec = { nodeName: "nowhere", containers: [{ name: "sshd", image: "sshd" }] };
    await send(cluster, "POST", podsPath(own.namespace), { metadata: { name: "lost" }, spec });
    const status = { phase: "Running" };
    await send(cluster, "PATCH", `${podsPath(own.namespace)}/lost/status`, { status });
    const usage = await own.start(["--pods"]);
    try {
      await becomes(usage, 'sshkey_usage_logs{state="unreadable"}', 1);
    } finally {
      await usage.stop();
    }
  });
});

test("where the SSHKeys of a namespace may not be listed it is alive, and not ready", async () => {
  const elsewhere = await cluster.namespace();
  const command = bastion.command(["--from", elsewhere, "--follow", await logFile([])]);
  const usage = await RunningUsage.start(command, "LogUnreadable");
  try {
    expect([(await usage.get("/healthz")).status, await usage.get("/readyz")]).toEqual([
      200,
      { status: 503, body: expect.stringContaining("LogUnreadable") },
    ]);
    await becomes(usage, "sshkey_usage_unwatched_namespaces", 1);
    expect(await usage.metric("sshkey_usage_ready")).toBe(0);
  } finally {
    await usage.stop();
  }
});

test("a log that is read once is read without an open port", async () => {
  const { stdout } = await bastion.usage([]);
  const started = stdout.split("\n").find((line) => line.includes('"UsageStarted"'));
  expect(JSON.parse(started ?? "{}")).toMatchObject({ addresses: [] });
});
