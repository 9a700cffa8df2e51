import { freshProvableKey, proofFor } from "../claims/keypairs.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Tenant } from "../operator/tenant.ts";

/** A story of a few SSHKeys: what stands before, and the one act whose writes are interrupted. */
export interface Scenario {
  readonly name: string;
  readonly keyCount: number;
  /** Brings about what stands before, and waits for it. */
  given(tenant: Tenant, keys: readonly string[]): Promise<void>;
  act(tenant: Tenant, keys: readonly string[]): Promise<void>;
  /** Waits for what the act leads to. */
  end(tenant: Tenant): Promise<unknown>;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a user's first key",
    keyCount: 1,
    given: async () => undefined,
    act: async (tenant, [one = ""]) => void (await tenant.create("one", { user: "alice", key: one })),
    end: (tenant) => tenant.until("one", "Projected"),
  },
  {
    name: "a second key",
    keyCount: 2,
    given: alicesKey,
    act: async (tenant, [, two = ""]) => void (await tenant.create("two", { user: "alice", key: two })),
    end: (tenant) => tenant.until("two", "Projected"),
  },
  {
    name: "a duplicate",
    keyCount: 1,
    async given(tenant, keys) {
      await alicesKey(tenant, keys);
      await untilOlder(tenant, "one");
    },
    act: async (tenant, [one = ""]) => void (await tenant.create("two", { user: "bob", key: one })),
    end: (tenant) => tenant.until("two", "Duplicate"),
  },
  {
    name: "a promotion",
    keyCount: 2,
    async given(tenant, keys) {
      await alicesKey(tenant, keys);
      await tenant.create("spare", { user: "alice", key: keys[1] ?? "" });
      await untilOlder(tenant, "one");
      await tenant.create("two", { user: "bob", key: keys[0] ?? "" });
      await tenant.until("spare", "Projected");
      await tenant.until("two", "Duplicate");
    },
    act: (tenant) => tenant.remove("one"),
    end: (tenant) => tenant.until("two", "Projected"),
  },
  {
    name: "a proof that takes a key over",
    keyCount: 1,
    given: bobsCopy,
    act: (tenant, [one = ""]) => tenant.edit("two", { proof: proofFor("bob", one) }),
    end: (tenant) => Promise.all([tenant.until("two", "Projected"), tenant.until("one", "Duplicate")]),
  },
  {
    name: "a proof that is taken away",
    keyCount: 1,
    async given(tenant, keys) {
      await bobsCopy(tenant, keys);
      await tenant.edit("two", { proof: proofFor("bob", keys[0] ?? "") });
      await tenant.until("two", "Projected");
      await tenant.until("one", "Duplicate");
    },
    act: (tenant) => tenant.edit("two", { proof: null }),
    end: (tenant) => Promise.all([tenant.until("one", "Projected"), tenant.until("two", "Duplicate")]),
  },
  {
    name: "an edit of the key",
    keyCount: 2,
    given: alicesKey,
    act: (tenant, [, two]) => tenant.edit("one", { key: two }),
    end: (tenant) => tenant.until("one", "Projected"),
  },
  {
    name: "a swap of two users' keys by edits",
    keyCount: 2,
    async given(tenant, keys) {
      await alicesKey(tenant, keys);
      await tenant.create("two", { user: "bob", key: keys[1] ?? "" });
      await tenant.until("two", "Projected");
    },
    async act(tenant, [one, two]) {
      await tenant.edit("one", { key: two });
      await tenant.edit("two", { key: one });
    },
    end: (tenant) => Promise.all([tenant.until("one", "Projected"), tenant.until("two", "Projected")]),
  },
  {
    name: "a revocation",
    keyCount: 2,
    async given(tenant, keys) {
      await alicesKey(tenant, keys);
      await tenant.create("two", { user: "alice", key: keys[1] ?? "" });
      await tenant.until("two", "Projected");
    },
    act: (tenant) => tenant.edit("one", { disabled: true }),
    end: (tenant) => tenant.until("one", "Disabled"),
  },
  {
    name: "an expiry",
    keyCount: 1,
    given: alicesKey,
    act: (tenant) => tenant.edit("one", { expiresAt: secondsFromNow(1) }),
    end: (tenant) => tenant.until("one", "Expired"),
  },
  {
    name: "the end of a user's last key",
    keyCount: 1,
    given: alicesKey,
    act: (tenant) => tenant.remove("one"),
    end: (tenant) => tenant.untilFile("sshkeys-alice", []),
  },
];

async function alicesKey(tenant: Tenant, [one = ""]: readonly string[]): Promise<void> {
  await tenant.create("one", { user: "alice", key: one });
  await tenant.until("one", "Projected");
}

/** Alice has the key, and bob claims it too. */
async function bobsCopy(tenant: Tenant, keys: readonly string[]): Promise<void> {
  await alicesKey(tenant, keys);
  await untilOlder(tenant, "one");
  await tenant.create("two", { user: "bob", key: keys[0] ?? "" });
  await tenant.until("two", "Duplicate");
}

/**
 * Waits until an SSHKey made from now on is younger: creation times are whole seconds, and within one the UID decides
 * which of two SSHKeys holds a key.
 */
export async function untilOlder(tenant: Tenant, name: string): Promise<void> {
  const { metadata } = await tenant.read(name);
  const created = Date.parse(metadata.creationTimestamp ?? "");
  await eventually("the next second has begun", () => Date.now() >= created + 1000);
}

function secondsFromNow(seconds: number): string {
  return `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** Fresh ones, of which each can be proven. */
export function freshKeys(count: number): readonly string[] {
  return Array.from({ length: count }, freshProvableKey);
}
