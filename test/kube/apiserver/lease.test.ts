import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Credentials } from "../../../src/kube/credentials.ts";
import { LeaderElector } from "../../../src/kube/leaderelection.ts";
import { Transport } from "../../../src/kube/transport.ts";
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { eventually } from "../../cluster/eventually.ts";

let cluster: Cluster;
let credentials: Credentials;
let namespace: string;
let running: { transport: Transport; stop: AbortController; ended: Promise<void> }[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  credentials = new Credentials({ kubeconfig: cluster.controlPlane.kubeconfig });
});

afterAll(async () => {
  await credentials.close();
  await cluster.stop();
});

beforeEach(async () => {
  namespace = await cluster.namespace();
});

afterEach(async () => {
  for (const { stop, ended, transport } of running) {
    stop.abort();
    await ended.catch(() => {});
    await transport.close();
  }
  running = [];
});

/** A candidate that leads until its term ends. No machine is so busy that its lease runs out. */
const startCandidate = (identity: string) => {
  const transport = new Transport({ credentials, userAgent: "test" });
  const elector = new LeaderElector({
    transport,
    namespace,
    name: "leader",
    identity,
    leaseDurationMs: 180_000,
    renewDeadlineMs: 120_000,
    retryPeriodMs: 100,
  });
  const stop = new AbortController();
  const ended = elector.run(stop.signal, async (term) => {
    await new Promise<void>((resolve) => term.addEventListener("abort", () => resolve(), { once: true }));
  });
  running.push({ transport, stop, ended });
  return { elector, stop, ended, transport };
};

const lease = async () => {
  const { body } = await cluster.request(
    "GET",
    `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader`,
  );
  return (
    body as {
      spec: {
        holderIdentity: string;
        leaseDurationSeconds: number;
        leaseTransitions: number;
        renewTime: string;
      };
    }
  ).spec;
};

test("a lone candidate leads and renews", async () => {
  const { elector } = startCandidate("a");
  await eventually("it leads", () => elector.isLeader());
  const { renewTime, holderIdentity } = await lease();
  expect(holderIdentity).toBe("a");
  await eventually("it renews", async () => (await lease()).renewTime !== renewTime);
  expect(elector.isLeader()).toBe(true);
});

test("of three candidates no two lead at the same time, and each stop hands over at once", async () => {
  const candidates = ["a", "b", "c"].map((identity) => startCandidate(identity));
  const leaders = () => candidates.filter(({ elector }) => elector.isLeader());
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, leaders().length);
  }, 1);
  for (let left = 3; left > 0; left -= 1) {
    const [leader] = await eventually("one leads", () => leaders().length === 1 && leaders());
    leader?.stop.abort();
    await leader?.ended;
  }
  clearInterval(watch);
  expect(most).toBe(1);
  expect(await lease()).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1, leaseTransitions: 2 });
});

test("a process that was stopped while another took over does not take itself for the leader when it goes on", async () => {
  const script = join(import.meta.dirname, "candidate.ts");
  const child = spawn(process.execPath, [script, cluster.controlPlane.kubeconfig, namespace], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (text) => {
    printed += text;
  });
  try {
    await eventually("the process leads", () => printed.endsWith("true\n"));
    child.kill("SIGSTOP");
    const before = printed.length;
    const other = startCandidate("other");
    await eventually("the other leads", () => other.elector.isLeader());
    child.kill("SIGCONT");
    await eventually("it has noticed", () => printed.endsWith("false\n"));
    expect(printed.slice(before)).not.toContain("true");
    expect(other.elector.isLeader()).toBe(true);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a deleted lease is made again", async () => {
  const { elector } = startCandidate("a");
  await eventually("it leads", () => elector.isLeader());
  await cluster.request("DELETE", `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader`);
  await eventually("it is back", async () => (await lease())?.holderIdentity === "a");
});

test("what the term's work rejects with ends the run, after the lease was released", async () => {
  const transport = new Transport({ credentials, userAgent: "test" });
  const elector = new LeaderElector({ transport, namespace, name: "leader", identity: "a" });
  const run = elector.run(new AbortController().signal, async () => {
    throw new Error("a bug");
  });
  await expect(run).rejects.toThrow("a bug");
  expect((await lease()).holderIdentity).toBe("");
  await transport.close();
});
