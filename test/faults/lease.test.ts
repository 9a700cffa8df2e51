import { afterAll, beforeAll, expect, test } from "vitest";
import { isLeadersWrite } from "../availability/auditedwrites.ts";
import { Replicas } from "../availability/replicas.ts";
import { readWrites } from "../cluster/auditlog.ts";
import { check } from "../cluster/checker.ts";
import { eventually } from "../cluster/eventually.ts";
import { History } from "../cluster/history.ts";
import { type Candidate, isLeaseWrite, type LeaseTimes, Pair } from "./pair.ts";

// What each fault of each write of the Lease does to two candidates, and when, is told by test/kube/lease.test.ts.
// Here: that the processes do the same, and what they write meanwhile; at the same time, since most of it is waiting.

/** No machine is so busy that a lease like this runs out: who leads then does so because it was handed over. */
const LONG: LeaseTimes = { durationMs: 180_000, renewDeadlineMs: 120_000, retryPeriodMs: 500 };
/** For a lease that has to run out. */
const SHORT: LeaseTimes = { durationMs: 12_000, renewDeadlineMs: 9000, retryPeriodMs: 800 };
/** What an unanswered request of a process may take; one that is told to stop does not wait for it. */
const REQUEST_MS = 30_000;

let replicas: Replicas;
let history: History;
let pairs = 0;

beforeAll(async () => {
  replicas = await Replicas.open();
  history = await History.start(replicas.cluster.controlPlane.kubeconfig);
});

afterAll(async () => {
  await history?.stop();
  await replicas?.close();
});

test.concurrent("lost answers to a creation, a renewal and a release cost no term, and delay no hand-over", async () => {
  const pair = await open(LONG);
  const a = await pair.start("a", (proxy) => {
    proxy.inject(isLeaseWrite, { kind: "lose" });
  });
  await a.began(1);
  const b = await pair.start("b");
  await a.proxy.inject(isLeaseWrite, { kind: "lose" }).struck;
  await renewed(a);
  await pair.untilServed();
  expect(await a.lines("LeadershipLost")).toEqual([]);
  a.proxy.inject(isLeaseWrite, { kind: "lose" });
  b.proxy.inject(isLeaseWrite, { kind: "lose" });
  expect(await replicas.stop(a.replica)).toBe(0);
  const stoppedAt = Date.now();
  expect((await b.began(1)) - stoppedAt).toBeLessThan(LONG.renewDeadlineMs);
  await pair.close();
  await replicas.stop(b.replica);
});

test.concurrent("a leader whose renewals hang loses the lead to the standby, and leads again when that stops, without a restart", async () => {
  const pair = await open(SHORT);
  const a = await pair.start("a");
  await a.began(1);
  const b = await pair.start("b");
  await pair.untilServed();
  const hang = { kind: "hang", forwarded: false } as const;
  b.proxy.inject(isLeaseWrite, hang);
  const hanging = a.proxy.inject(isLeaseWrite, hang, Number.POSITIVE_INFINITY);
  await hanging.struck;
  await b.began(1);
  await pair.untilServed();
  hanging.end();
  b.proxy.inject(isLeaseWrite, hang);
  const toldAt = Date.now();
  expect(await replicas.stop(b.replica)).toBe(0);
  expect(Date.now() - toldAt).toBeLessThan(REQUEST_MS);
  await a.began(2);
  expect(await a.lines("Started")).toHaveLength(1);
  await pair.close();
  await replicas.stop(a.replica);
});

test.concurrent("kill -9 right after a renewal is over when the lease has run out, and not before", async () => {
  const pair = await open(SHORT);
  const a = await pair.start("a");
  await a.began(1);
  const b = await pair.start("b");
  await renewed(a);
  const { at } = await a.proxy.inject(isLeaseWrite, { kind: "freeze", forwarded: true }).struck;
  await replicas.kill(a.replica);
  expect((await b.began(1)) - wallTime(at)).toBeGreaterThan(SHORT.durationMs - SHORT.retryPeriodMs);
  await pair.untilServed();
  await pair.close();
  await replicas.stop(b.replica);
});

test("whoever wrote a Secret or a status was the last to have written the Lease", async () => {
  const writes = await replicas.writes();
  const leaders = writes.filter(isLeadersWrite);
  const usurped = leaders.filter(({ by, namespace, receivedAt }) => {
    const isEarlier = (answeredAt: number) => answeredAt <= receivedAt;
    const leases = writes.filter((write) => write.resource === "leases" && write.namespace === namespace);
    return leases.findLast(({ answeredAt }) => isEarlier(answeredAt))?.by !== by;
  });
  expect(usurped).toEqual([]);
  expect(leaders.length).toBeGreaterThan(20);
});

test("no write on the way broke a guarantee", async () => {
  const writes = await readWrites(replicas.cluster.controlPlane.auditLog ?? "");
  expect(check(history.ordered(), writes, { blindMs: 15_000 })).toMatchObject({ breaches: [] });
});

async function open(times: LeaseTimes): Promise<Pair> {
  pairs += 1;
  return await Pair.open(replicas, `pair-${pairs}`, times);
}

/** Waits until the leader has sent three more writes of its Lease, so that two of them have been answered. */
async function renewed({ replica, proxy }: Candidate): Promise<void> {
  const count = () => proxy.requests.filter(isLeaseWrite).length;
  const before = count();
  await eventually(`${replica.name} renews its lease`, () => count() >= before + 3, 180_000);
}

/** ms since the epoch of a moment in monotonic ms. */
function wallTime(at: number): number {
  return performance.timeOrigin + at;
}
