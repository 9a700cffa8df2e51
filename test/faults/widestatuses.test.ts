import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { LASTING_LEASE, NAMESPACE } from "../availability/replicas.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import { isLeaseWrite } from "./pair.ts";
import type { ProxiedRequest } from "./proxiedrequest.ts";

const USERS = 15;
const KEYS_PER_USER = 12;
/** Statuses that the operator sends at once, of which one namespace gets half at most. */
const AT_ONCE = DEFAULT_SETTINGS.concurrency;

/** Less than the 30 s that a request may take. */
const REVOCATION_MS = 20_000;

let arena: Arena;
let wide: Tenant;
const released = Promise.withResolvers<void>();

/** The API server takes its time with the statuses of one namespace. */
beforeAll(async () => {
  arena = await Arena.open();
  wide = await arena.tenant();
  await wide.send("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  for (let user = 0; user < USERS; user += 1) {
    const names = Array.from({ length: KEYS_PER_USER }, (_, key) => `user-${user}-key-${key}`);
    await Promise.all(names.map((name) => wide.create(name, { user: `user-${user}`, key: freshKey() })));
  }
  const stall = { kind: "stall", until: released.promise } as const;
  arena.proxy.inject(isWideStatus, stall, Number.POSITIVE_INFINITY);
  await arena.run({
    args: [
      "--leader-elect=true",
      `--leader-election-namespace=${NAMESPACE}`,
      ...LASTING_LEASE,
      "--leader-elect-retry-period=100ms",
    ],
  });
  const stalled = () => arena.proxy.requests.filter(isWideStatus).length;
  await eventually("its share of statuses hangs", () => stalled() >= AT_ONCE / 2, DEADLINE_MS);
});

afterAll(async () => {
  released.resolve();
  await arena.close();
});

test("another namespace's key is projected meanwhile", async () => {
  const other = await arena.tenant();
  await other.create("key", { user: "alice", key: freshKey() });
  await other.until("key", "Projected");
});

test("the namespace has half of those that are sent at once, and no more", () => {
  // Those that hang are sent again after a while.
  const names = new Set(arena.proxy.requests.filter(isWideStatus).map(({ name }) => name));
  expect(names.size).toBe(AT_ONCE / 2);
});

test("a revocation of its own waits for none of them", async () => {
  const lines = async () => (await wide.secret("sshkeys-user-0"))?.data.authorized_keys?.split("\n") ?? [];
  expect(await lines()).toHaveLength(KEYS_PER_USER + 1);
  await wide.remove("user-0-key-0");
  const isOut = async () => !(await lines()).some((line) => line.endsWith("/user-0-key-0"));
  await eventually("the key is out", isOut, REVOCATION_MS);
});

test("the lease is renewed meanwhile", async () => {
  const count = () => arena.proxy.requests.filter(isLeaseWrite).length;
  const before = count();
  await eventually("it is renewed ten times", () => count() >= before + 10, DEADLINE_MS);
  expect((await arena.stage.operator.log()).filter(({ event }) => event === "LeadershipLost")).toEqual([]);
});

test("all are written in the end", async () => {
  released.resolve();
  const areProjected = async () => (await wide.list()).every(({ status }) => stateOf(status) === "Projected");
  await eventually("every key is Projected", areProjected, DEADLINE_MS);
});

function isWideStatus({ namespace, resource, subresource, verb }: ProxiedRequest): boolean {
  return (
    namespace === wide.namespace && resource === "sshkeys" && subresource === "status" && verb === "patch"
  );
}
