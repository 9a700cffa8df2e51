import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LeaderElector } from "../../src/kube/leaderelection.ts";
import { Connection, type LeaseFault, LeaseServer } from "./leaseserver.ts";

const DURATION_MS = 6000;
const RENEW_DEADLINE_MS = 4000;
const RETRY_PERIOD_MS = 800;
/** Between two looks of a candidate, at most. */
const LOOK_MS = (RETRY_PERIOD_MS / 2) * 1.2;
/** An attempt without an answer, and until the next one. */
const ATTEMPT_MS = RENEW_DEADLINE_MS / 2 + LOOK_MS;
/** For all attempts to release the lease. */
const RELEASE_MS = 1500;
/** How finely the scripted clock goes. */
const STEP_MS = 10;

const FAULTS: Readonly<Record<string, LeaseFault>> = {
  "is carried out and its answer lost": { kind: "break", isCarriedOut: true },
  "breaks before it is carried out": { kind: "break", isCarriedOut: false },
  "is carried out and answered too late": { kind: "hang", isCarriedOut: true, answeredAfterMs: 3000 },
  "is carried out and never answered": { kind: "hang", isCarriedOut: true },
  "is not carried out and never answered": { kind: "hang", isCarriedOut: false },
  "is answered 409": { kind: "answer", status: 409 },
  "is answered 429": { kind: "answer", status: 429, retryAfter: "1" },
  "is answered 500": { kind: "answer", status: 500 },
};

let server: LeaseServer;
let candidates: Candidate[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  server = new LeaseServer();
  candidates = [];
});

afterEach(async () => {
  for (const { stop } of candidates) stop.abort();
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
});

interface Candidate {
  readonly identity: string;
  readonly connection: Connection;
  readonly elector: LeaderElector;
  readonly terms: readonly AbortSignal[];
  readonly stop: AbortController;
  readonly state: { readonly hasEnded: boolean };
  /** The process stands still for so long, and its clock goes on. */
  pause(ms: number): void;
}

/** A candidate that leads until its term ends. `prepare` is told of its connection before it starts. */
function startCandidate(
  identity: string,
  prepare: (connection: Connection) => void = () => undefined,
): Candidate {
  const connection = new Connection(server);
  prepare(connection);
  let pausedMs = 0;
  const elector = new LeaderElector({
    transport: connection,
    namespace: "ns",
    name: "leader",
    identity,
    leaseDurationMs: DURATION_MS,
    renewDeadlineMs: RENEW_DEADLINE_MS,
    retryPeriodMs: RETRY_PERIOD_MS,
    now: () => performance.now() + pausedMs,
  });
  const terms: AbortSignal[] = [];
  const stop = new AbortController();
  const state = { hasEnded: false };
  const ended = elector.run(stop.signal, async (term) => {
    terms.push(term);
    await new Promise<void>((resolve) => term.addEventListener("abort", () => resolve(), { once: true }));
  });
  void ended.finally(() => {
    state.hasEnded = true;
  });
  const pause = (ms: number) => {
    pausedMs += ms;
  };
  const candidate = { identity, connection, elector, terms, stop, state, pause };
  candidates.push(candidate);
  return candidate;
}

/** Lets the clock run until this is so, and gives the ms. At no moment two candidates lead. */
async function until(what: string, isSo: () => boolean): Promise<number> {
  const started = performance.now();
  for (; !isSo(); await vi.advanceTimersByTimeAsync(STEP_MS)) {
    const leaders = candidates.filter(({ elector }) => elector.isLeader());
    expect(leaders.length).toBeLessThanOrEqual(1);
    if (performance.now() - started > 60_000) throw new Error(`it never came about: ${what}`);
  }
  return performance.now() - started;
}

const leads = async ({ identity, elector }: Candidate) =>
  await until(`${identity} leads`, () => elector.isLeader());

async function writes({ identity, connection }: Candidate, count: number): Promise<void> {
  const before = connection.writes;
  await until(`${identity} writes the lease`, () => connection.writes >= before + count);
}

const holder = () => server.lease?.spec.holderIdentity;

describe.each(Object.entries(FAULTS))("when a write of the Lease %s", (_, fault) => {
  test("the first candidate creates it all the same, and leads after one more attempt", async () => {
    const a = startCandidate("a", (connection) => connection.spoil(fault));
    expect(await leads(a)).toBeLessThanOrEqual(ATTEMPT_MS + STEP_MS);
    expect(holder()).toBe("a");
  });

  test("a leader whose renewal it was goes on", async () => {
    const a = startCandidate("a");
    await leads(a);
    a.connection.spoil(fault);
    const before = a.connection.writes;
    await until("it renews", () => {
      expect(a.elector.isLeader()).toBe(true);
      return a.connection.writes >= before + 5;
    });
    expect([a.terms.length, a.terms[0]?.aborted]).toEqual([1, false]);
  });

  test("the standby takes over when it happens to every renewal and to its acquisition", async () => {
    const a = startCandidate("a");
    await leads(a);
    const b = startCandidate("b", (connection) => connection.spoil(fault));
    await writes(a, 2);
    a.connection.always = fault;
    await writes(a, 1);
    expect(await leads(b)).toBeLessThanOrEqual(DURATION_MS + LOOK_MS + ATTEMPT_MS + STEP_MS);
  });

  test("a leader that is told to stop has ended in time, and hands over at once", async () => {
    const a = startCandidate("a");
    await leads(a);
    const b = startCandidate("b", (connection) => connection.spoil(fault));
    await writes(a, 2);
    a.connection.spoil(fault);
    a.stop.abort();
    expect(await until("it has ended", () => a.state.hasEnded)).toBeLessThanOrEqual(RELEASE_MS + STEP_MS);
    expect(await leads(b)).toBeLessThanOrEqual(LOOK_MS + ATTEMPT_MS + STEP_MS);
  });

  test("a leader that is told to stop has ended in time though it happens to every attempt to release", async () => {
    const a = startCandidate("a");
    await leads(a);
    a.connection.always = fault;
    a.stop.abort();
    expect(await until("it has ended", () => a.state.hasEnded)).toBeLessThanOrEqual(RELEASE_MS + STEP_MS);
  });
});

describe("a process that is killed right after", () => {
  const FREEZE: LeaseFault = { kind: "hang", isCarriedOut: true };

  /** It writes once more, is carried out, and nothing ever comes of it again. */
  async function killAfterWrite(candidate: Candidate, write: () => void): Promise<void> {
    const { connection } = candidate;
    const before = connection.writes;
    connection.spoil(FREEZE);
    write();
    await until("it has written", () => connection.writes > before);
    connection.isDead = true;
  }

  test("the creation is followed when the lease has run out", async () => {
    const a = startCandidate("a");
    await killAfterWrite(a, () => undefined);
    expect(holder()).toBe("a");
    const ms = await leads(startCandidate("b"));
    expect(ms).toBeGreaterThanOrEqual(DURATION_MS);
    expect(ms).toBeLessThanOrEqual(DURATION_MS + LOOK_MS + STEP_MS);
  });

  test("the acquisition of another's lease is followed when that has run out", async () => {
    server.put({ holderIdentity: "gone", leaseDurationSeconds: 1 });
    const a = startCandidate("a");
    await killAfterWrite(a, () => undefined);
    expect(holder()).toBe("a");
    const ms = await leads(startCandidate("b"));
    expect(ms).toBeGreaterThanOrEqual(DURATION_MS);
    expect(ms).toBeLessThanOrEqual(DURATION_MS + LOOK_MS + STEP_MS);
  });

  test("a renewal is followed when the lease has run out", async () => {
    const a = startCandidate("a");
    await leads(a);
    const b = startCandidate("b");
    await writes(a, 2);
    await killAfterWrite(a, () => undefined);
    const ms = await leads(b);
    // The standby has seen the renewal no later than at its next look.
    expect(ms).toBeGreaterThanOrEqual(DURATION_MS - STEP_MS);
    expect(ms).toBeLessThanOrEqual(DURATION_MS + 2 * LOOK_MS + STEP_MS);
  });

  test("the release is followed at once", async () => {
    const a = startCandidate("a");
    await leads(a);
    const b = startCandidate("b");
    await writes(a, 2);
    await killAfterWrite(a, () => a.stop.abort());
    expect(await leads(b)).toBeLessThanOrEqual(LOOK_MS + STEP_MS);
  });
});

test("a candidate that is told to stop between a creation and its answer leaves no Lease that nobody holds", async () => {
  const a = startCandidate("a", (connection) => connection.spoil({ kind: "hang", isCarriedOut: true }));
  await until("it was created", () => holder() === "a");
  a.stop.abort();
  expect(await until("it has ended", () => a.state.hasEnded)).toBeLessThanOrEqual(RELEASE_MS + STEP_MS);
  expect(holder()).toBe("");
  expect(await leads(startCandidate("b"))).toBeLessThanOrEqual(LOOK_MS + STEP_MS);
});

test("of three candidates each stop hands over at once, and each hand-over is counted", async () => {
  const standing = ["a", "b", "c"].map((identity) => startCandidate(identity));
  const leader = () => standing.find(({ elector }) => elector.isLeader());
  for (let left = 3; left > 0; left -= 1) {
    expect(await until("one leads", () => leader() !== undefined)).toBeLessThanOrEqual(LOOK_MS + STEP_MS);
    const first = leader();
    first?.stop.abort();
    await until("it has ended", () => first?.state.hasEnded === true);
  }
  expect(server.lease?.spec).toMatchObject({
    holderIdentity: "",
    leaseDurationSeconds: 1,
    leaseTransitions: 2,
  });
});

test("a leader that cannot renew ends its term at the renew deadline, before another may begin one", async () => {
  const a = startCandidate("a");
  await leads(a);
  a.connection.isDead = true;
  const ms = await until("the term has ended", () => a.terms[0]?.aborted === true);
  expect(ms).toBeGreaterThanOrEqual(RENEW_DEADLINE_MS - STEP_MS);
  expect(ms).toBeLessThanOrEqual(RENEW_DEADLINE_MS + STEP_MS);
  expect(a.elector.isLeader()).toBe(false);
});

test("a process that was paused knows that it may not write before any timer has fired", async () => {
  const a = startCandidate("a");
  await leads(a);
  a.pause(RENEW_DEADLINE_MS);
  expect(a.elector.isLeader()).toBe(false);
});

test("a leader that lost its lease to another ends its term and stands again", async () => {
  const a = startCandidate("a");
  await leads(a);
  server.put({ holderIdentity: "thief", leaseDurationSeconds: 1 });
  const ms = await until("the term has ended", () => a.terms[0]?.aborted === true);
  expect(ms).toBeLessThanOrEqual(RETRY_PERIOD_MS + STEP_MS);
  await leads(a);
  expect([holder(), a.terms.length]).toEqual(["a", 2]);
});

test("a leader whose lease is deleted makes it again and goes on", async () => {
  const a = startCandidate("a");
  await leads(a);
  server.lease = undefined;
  await until("it is back", () => holder() === "a" && a.elector.isLeader());
  expect([a.terms.length, a.terms[0]?.aborted]).toEqual([1, false]);
});

test("times that leave a leader no room to stop are refused", () => {
  const transport = new Connection(server);
  const make = () =>
    new LeaderElector({ transport, namespace: "a", name: "b", identity: "c", leaseDurationMs: 10_000 });
  expect(make).toThrow(RangeError);
});
