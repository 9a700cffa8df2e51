import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLeadersWrite } from "../availability/auditedwrites.ts";
import { Replicas } from "../availability/replicas.ts";
import { readWrites } from "../cluster/auditlog.ts";
import { check } from "../cluster/checker.ts";
import { eventually } from "../cluster/eventually.ts";
import { History } from "../cluster/history.ts";
import type { Fault } from "./faultproxy.ts";
import { type Candidate, isLeaseWrite, LEASE, Pair } from "./pair.ts";

/** What becomes of one write of the Lease, or of every one that the leader sends. */
const FAULTS = {
  "is carried out and its answer lost": { kind: "lose" },
  "breaks before it is carried out": { kind: "drop" },
  "is carried out and answered too late": { kind: "late", ms: 3000 },
  "is carried out and never answered": { kind: "hang", forwarded: true },
  "is not carried out and never answered": { kind: "hang", forwarded: false },
  "is answered 409": { kind: "answer", status: 409 },
  "is answered 429": { kind: "answer", status: 429, headers: { "retry-after": "1" } },
  "is answered 500": { kind: "answer", status: 500 },
} satisfies Record<string, Fault>;

type FaultName = keyof typeof FAULTS;

const WRITES = ["the creation", "the acquisition", "a renewal", "the release"] as const;

type LeaseWrite = (typeof WRITES)[number];

/** A lease that nobody renews is over so long after its last renewal, as a standby finds out; in ms. */
const OVER_MS = LEASE.durationMs + 1.2 * LEASE.retryPeriodMs;
/** How long a replica waits for the answer to one write of the Lease, and until it tries again; in ms. */
const ATTEMPT_MS = LEASE.renewDeadlineMs / 2 + LEASE.retryPeriodMs;
/** For a write to get through on a busy machine. */
const SLACK_MS = 1500;
/** Pairs of processes at once, so that starting them does not cost the others their lease. */
const AT_ONCE = 6;

let replicas: Replicas;
let history: History;
let pairs = 0;
const lives = new Map<FaultName, PromiseSettledResult<Life>>();
const kills = new Map<LeaseWrite, PromiseSettledResult<number>>();
let regret: PromiseSettledResult<number>;

beforeAll(async () => {
  replicas = await Replicas.open();
  history = await History.start(replicas.cluster.controlPlane.kubeconfig);
  const names = Object.keys(FAULTS) as FaultName[];
  const stories = [
    ...names.map((name) => async () => void lives.set(name, await settled(live(FAULTS[name])))),
    ...WRITES.map((write) => async () => void kills.set(write, await settled(killedAfter(write)))),
    async () => {
      regret = await settled(stoppedBeforeTheLead());
    },
  ];
  const tellOn = async () => {
    for (let story = stories.shift(); story !== undefined; story = stories.shift()) await story();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, tellOn));
});

afterAll(async () => {
  await history?.stop();
  await replicas?.close();
});

describe.each(Object.keys(FAULTS) as FaultName[])("when a write of the Lease %s", (name) => {
  test("the first replica creates it all the same, and leads", () => {
    expect(lifeOf(name).createdMs).toBeLessThan(LEASE.durationMs);
  });

  test("a leader whose renewal it was goes on", () => {
    expect(lifeOf(name).termsLost).toBe(0);
  });

  test("the standby takes over when it happens to every renewal and to its acquisition", () => {
    expect(lifeOf(name).takenOverMs).toBeLessThan(OVER_MS + ATTEMPT_MS + SLACK_MS);
  });

  test("SIGTERM ends the leader in time, with 0", () => {
    const { code, stoppedMs } = lifeOf(name);
    expect([code, stoppedMs < 5000]).toEqual([0, true]);
  });

  test("a leader whose release it was hands over at once, though the acquisition is spoilt too", () => {
    expect(lifeOf(name).handedOverMs).toBeLessThan(LEASE.renewDeadlineMs);
  });

  test("none of it needs a restart", () => {
    expect(lifeOf(name).starts).toBe(1);
  });
});

test.each(WRITES)("kill -9 right after %s is over when the lease has run out", (write) => {
  expect(told(kills.get(write))).toBeLessThan(OVER_MS + SLACK_MS);
});

test("SIGTERM between a creation and its answer leaves no Lease that nobody holds", () => {
  expect(told(regret)).toBeLessThan(LEASE.renewDeadlineMs);
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
  expect(leaders.length).toBeGreaterThan(100);
});

test("no write on the way broke a guarantee", async () => {
  const writes = await readWrites(replicas.cluster.controlPlane.auditLog ?? "");
  expect(check(history.ordered(), writes, { blindMs: 3000 })).toMatchObject({ breaches: [] });
});

/** What came of the writes of one pair's Lease that were spoilt one after the other; times in ms. */
interface Life {
  /** From the spoilt creation to the lead. */
  readonly createdMs: number;
  /** How often the lead was lost by one spoilt renewal. */
  readonly termsLost: number;
  /** From the first of renewals that are all spoilt to the lead of the other one, whose acquisition is spoilt too. */
  readonly takenOverMs: number;
  /** From SIGTERM to the end of the process. */
  readonly stoppedMs: number;
  readonly code: number | null;
  /** From its end to the lead of the first one. */
  readonly handedOverMs: number;
  /** How often the first one was started. */
  readonly starts: number;
}

async function live(fault: Fault): Promise<Life> {
  const pair = await open();
  const creation = Promise.withResolvers<number>();
  const a = await pair.start("a", (proxy) => {
    void proxy.inject(isLeaseWrite, fault).struck.then(({ at }) => creation.resolve(wallTime(at)));
  });
  const createdMs = (await a.began(1)) - (await creation.promise);
  const b = await pair.start("b");
  await renewed(a);
  const renewal = a.proxy.inject(isLeaseWrite, fault);
  await renewal.struck;
  await renewed(a);
  await pair.untilServed();
  b.proxy.inject(isLeaseWrite, fault);
  const { at } = await a.proxy.inject(isLeaseWrite, fault, Number.POSITIVE_INFINITY).struck;
  const takenOverMs = (await b.began(1)) - wallTime(at);
  a.proxy.thaw();
  await pair.untilServed();
  b.proxy.inject(isLeaseWrite, fault);
  a.proxy.inject(isLeaseWrite, fault);
  const notifiedAt = Date.now();
  const code = await replicas.stop(b.replica);
  const stoppedAt = Date.now();
  const handedOverMs = (await a.began(2)) - stoppedAt;
  await pair.close();
  const starts = (await a.lines("Started")).length;
  const losses = (await a.lines("LeadershipLost")).map(({ time }) => Date.parse(String(time)));
  const termsLost = losses.filter((lostAt) => lostAt < wallTime(at)).length;
  await replicas.stop(a.replica);
  return {
    createdMs,
    termsLost,
    takenOverMs,
    stoppedMs: stoppedAt - notifiedAt,
    code,
    handedOverMs,
    starts,
  };
}

/** Kills a process when the write has been carried out and not been answered. Gives the ms until another one leads. */
async function killedAfter(write: LeaseWrite): Promise<number> {
  const pair = await open();
  const isFirst = write === "the creation" || write === "the acquisition";
  if (write === "the acquisition") await pair.leaveLease();
  const freeze = { kind: "freeze", forwarded: true } as const;
  const first = Promise.withResolvers<unknown>();
  const a = await pair.start("a", (proxy) => {
    if (isFirst) first.resolve(proxy.inject(isLeaseWrite, freeze).struck);
  });
  if (isFirst) {
    await first.promise;
    await replicas.kill(a.replica);
    return await endWithHeir(pair);
  }
  await a.began(1);
  const b = await pair.start("b");
  await renewed(a);
  const { struck } = a.proxy.inject(isLeaseWrite, freeze);
  if (write === "the release") a.replica.process.child.kill("SIGTERM");
  await struck;
  const killedAt = Date.now();
  await replicas.kill(a.replica);
  return await end(pair, b, killedAt);
}

/** Gives the ms from when the next one looks for the first time until it leads. */
async function stoppedBeforeTheLead(): Promise<number> {
  const pair = await open();
  const creation = Promise.withResolvers<unknown>();
  const a = await pair.start("a", (proxy) => {
    creation.resolve(proxy.inject(isLeaseWrite, { kind: "hang", forwarded: true }).struck);
  });
  await creation.promise;
  await replicas.stop(a.replica);
  return await endWithHeir(pair);
}

async function endWithHeir(pair: Pair): Promise<number> {
  const heir = await pair.start("b");
  return await end(pair, heir, await heir.synced());
}

async function end(pair: Pair, heir: Candidate, since: number): Promise<number> {
  const ms = (await heir.began(1)) - since;
  await pair.close();
  await replicas.stop(heir.replica);
  return ms;
}

async function open(): Promise<Pair> {
  pairs += 1;
  return await Pair.open(replicas, `pair-${pairs}`);
}

/** Waits until the leader has sent three more writes of its Lease, so that two of them have been answered. */
async function renewed({ replica, proxy }: Candidate): Promise<void> {
  const count = () => proxy.requests.filter(isLeaseWrite).length;
  const before = count();
  await eventually(`${replica.name} renews its lease`, () => count() >= before + 3);
}

function lifeOf(name: FaultName): Life {
  return told(lives.get(name));
}

async function settled<T>(story: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([story]);
  if (result === undefined) throw new Error("one promise has one result");
  return result;
}

function told<T>(result: PromiseSettledResult<T> | undefined): T {
  if (result?.status === "fulfilled") return result.value;
  throw result?.reason ?? new Error("it has not been told");
}

/** ms since the epoch of a moment in monotonic ms. */
function wallTime(at: number): number {
  return performance.timeOrigin + at;
}
