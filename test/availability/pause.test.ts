import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readWrites } from "../cluster/auditlog.ts";
import { check } from "../cluster/checker.ts";
import { eventually } from "../cluster/eventually.ts";
import { History } from "../cluster/history.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import type { ProxiedRequest } from "../faults/proxiedrequest.ts";
import { freshKey } from "../operator/publickeys.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../operator/tenant.ts";
import { type AuditedRequest, isLeadersWrite } from "./auditedwrites.ts";
import { LASTING_LEASE, type Replica, Replicas, SHORT_LEASE } from "./replicas.ts";

/** More statuses of one user than there are connections: what waits for one must not be sent after waking either. */
const USERS = 8;
const KEYS = 200;
/** So many of their statuses get through before the leader is stopped. */
const WRITTEN = 100;
/** How long a change may wait until another one leads, in ms. */
const BLIND_MS = 15_000;

let replicas: Replicas;
let proxy: FaultProxy;
let history: History;
let tenant: Tenant;
let paused: Replica;
let other: Replica;
let stoppedAt: number;
let wokenAt: number;
let writes: readonly AuditedRequest[];

/** The leader is stopped in the middle of its work, and wakes up when another has taken over and finished it. */
beforeAll(async () => {
  replicas = await Replicas.open();
  history = await History.start(replicas.cluster.controlPlane.kubeconfig);
  tenant = await replicas.tenant();
  paused = await replicas.start("a", SHORT_LEASE, async (kubeconfig) => {
    proxy = await FaultProxy.start(kubeconfig);
    return proxy.kubeconfig;
  });
  await paused.process.logged("StartedLeading");
  other = await replicas.start("b", LASTING_LEASE);
  let asked = 0;
  const isTooMuch = ({ subresource, verb }: ProxiedRequest) => {
    if (subresource !== "status" || verb !== "patch") return false;
    asked += 1;
    return asked > WRITTEN;
  };
  const hang = { kind: "hang", forwarded: false } as const;
  const { struck } = proxy.inject(isTooMuch, hang, Number.POSITIVE_INFINITY);
  const numbers = Array.from({ length: KEYS }, (_, i) => i);
  const userOf = (number: number) => `user-${number % USERS}`;
  await Promise.all(numbers.map((i) => tenant.create(`key-${i}`, { user: userOf(i), key: freshKey() })));
  await struck;
  paused.process.child.kill("SIGSTOP");
  stoppedAt = Date.now();
  proxy.thaw();
  await disable(0, 50);
  await other.process.logged("StartedLeading");
  await untilDone(50);
  wokenAt = Date.now();
  paused.process.child.kill("SIGCONT");
  await paused.process.logged("LeadershipLost");
  await disable(50, 100);
  await untilDone(100);
  writes = (await replicas.writes()).filter(isLeadersWrite);
});

afterAll(async () => {
  await history?.stop();
  await replicas?.close();
  await proxy?.stop();
});

describe("a leader that was paused for longer than its lease", () => {
  test("had work left when it was stopped, and more has come since", () => {
    const before = writes.filter(({ by, receivedAt }) => by === paused.name && receivedAt <= stoppedAt);
    const statuses = before.filter(({ resource }) => resource === "sshkeys/status");
    expect([statuses.length > 0, statuses.length <= WRITTEN]).toEqual([true, true]);
  });

  test("writes nothing after it has woken up", () => {
    expect(writes.filter(({ by, receivedAt }) => by === paused.name && receivedAt > wokenAt)).toEqual([]);
  });

  test("left the lead to the other one, which wrote before it woke up", () => {
    const taken = writes.filter(({ by, receivedAt }) => by === other.name && receivedAt > stoppedAt);
    expect(taken[0]?.receivedAt).toBeLessThan(wokenAt);
  });

  test("stands by with complete caches: it is ready, and leads when the other one goes", async () => {
    expect(await paused.probe("/readyz")).toBe(200);
    await replicas.stop(other);
    await replicas.leader();
    await tenant.create("last", { user: "last", key: freshKey() });
    await tenant.until("last", "Projected");
    const last = (await replicas.writes()).findLast(({ name }) => name === "sshkeys-last" || name === "last");
    expect(last?.by).toBe(paused.name);
  });
});

test("the outcome is that of a calm run", async () => {
  const [keys, secrets] = [await tenant.list(), await tenant.secrets()];
  const inForce = keys
    .filter(({ status }) => stateOf(status) === "Projected")
    .map(({ metadata }) => metadata?.name);
  const lines = secrets.flatMap(({ data }) => (data.authorized_keys ?? "").trimEnd().split("\n"));
  const sources = lines.map((line) => line.split("/").at(-1));
  expect([sources.sort(), keys.length]).toEqual([inForce.sort(), KEYS + 1]);
  expect(inForce.length).toBe(KEYS - 100 + 1);
});

test("no write of either broke a rule at the moment it was made", async () => {
  const audited = await readWrites(replicas.cluster.controlPlane.auditLog ?? "");
  const { breaches, statusWrites } = check(history.ordered(), audited, { blindMs: BLIND_MS });
  expect([breaches, statusWrites > KEYS]).toEqual([[], true]);
});

async function disable(from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  await Promise.all(numbers.map((number) => tenant.edit(`key-${number}`, { disabled: true })));
}

/** Waits until so many keys are out of force and all others are in their Secrets, as the other one sees it. */
async function untilDone(disabled: number): Promise<void> {
  const done = async () => {
    const scraped = await other.scrape();
    const count = (state: string) => scraped.value("sshkey_operator_sshkeys", { state });
    return count("Disabled") === disabled && count("Projected") === KEYS - disabled;
  };
  await eventually(`${disabled} keys are Disabled and the others Projected`, done, DEADLINE_MS);
}
