import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Credentials } from "../../../src/kube/credentials.ts";
import { LeaderElector, type LeaderElectorOptions } from "../../../src/kube/lease.ts";
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

/** A candidate that leads until its term ends, with times short enough for a test. */
const startCandidate = (identity: string, options: Partial<LeaderElectorOptions> = {}) => {
  const transport = new Transport({ credentials, userAgent: "test" });
  const elector = new LeaderElector({
    transport,
    namespace,
    name: "leader",
    identity,
    leaseDurationMs: 2000,
    renewDeadlineMs: 1000,
    retryPeriodMs: 100,
    ...options,
  });
  const terms: AbortSignal[] = [];
  const stop = new AbortController();
  const ended = elector.run(stop.signal, async (term) => {
    terms.push(term);
    await new Promise<void>((resolve) => term.addEventListener("abort", () => resolve(), { once: true }));
  });
  running.push({ transport, stop, ended });
  return { elector, terms, stop, ended, transport };
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

test("a candidate waits as long as the lease of a leader that vanished", async () => {
  const first = startCandidate("a");
  await eventually("a leads", () => first.elector.isLeader());
  // Its requests fail from here, as if the process were gone.
  await first.transport.close();
  const since = performance.now();
  const second = startCandidate("b");
  await eventually("b leads", () => second.elector.isLeader());
  expect(performance.now() - since).toBeGreaterThan(1500);
});

test("a leader that cannot renew ends its term before another may begin one", async () => {
  const { elector, terms, transport } = startCandidate("a");
  await eventually("it leads", () => elector.isLeader());
  const since = performance.now();
  await transport.close();
  await eventually("the term has ended", () => terms[0]?.aborted === true);
  expect(performance.now() - since).toBeLessThan(1500);
  expect(elector.isLeader()).toBe(false);
});

test("a process that was paused knows that it may not write before any timer has fired", async () => {
  let paused = 0;
  const { elector } = startCandidate("a", { now: () => performance.now() + paused });
  await eventually("it leads", () => elector.isLeader());
  paused = 1000;
  expect(elector.isLeader()).toBe(false);
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
    await eventually("the process leads", () => printed === "false\ntrue\n");
    child.kill("SIGSTOP");
    const other = startCandidate("other");
    await eventually("the other leads", () => other.elector.isLeader());
    child.kill("SIGCONT");
    await eventually("it has noticed", () => printed === "false\ntrue\nfalse\n");
    expect(other.elector.isLeader()).toBe(true);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a leader that lost its lease to another ends its term and stands again", async () => {
  const { elector, terms } = startCandidate("a");
  await eventually("it leads", () => elector.isLeader());
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader`;
  await cluster.request("PATCH", path, { spec: { holderIdentity: "thief", leaseDurationSeconds: 1 } });
  await eventually("the term has ended", () => terms[0]?.aborted === true);
  await eventually("it leads again", () => elector.isLeader() && terms.length === 2);
  expect((await lease()).holderIdentity).toBe("a");
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

test("times that leave a leader no room to stop are refused", () => {
  const transport = new Transport({ credentials, userAgent: "test" });
  const make = () =>
    new LeaderElector({ transport, namespace: "a", name: "b", identity: "c", leaseDurationMs: 10_000 });
  expect(make).toThrow(RangeError);
});
