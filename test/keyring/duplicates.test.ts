import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, type DuplicateScope } from "../../src/keyring/policy.ts";
import type { Verdict } from "../../src/keyring/verdict.ts";
import { type SSHKeyFacts, sshKey } from "./sshkeys.ts";
import { World } from "./world.ts";

const older = { createdAt: 1_700_000_000 };
const younger = { createdAt: 1_700_000_001 };

/** What becomes of the last of these SSHKeys. */
function verdictOfLast(scope: DuplicateScope, ...all: SSHKeyFacts[]): Verdict | undefined {
  const world = new World({ ...DEFAULT_POLICY, duplicateScope: scope });
  for (const each of all) world.put(sshKey(each));
  world.settle();
  const last = all.at(-1);
  for (const { id } of world.keyring.units()) {
    const found = world.keyring.plan(id, world.now)?.keys.find(({ record }) => record.name === last?.name);
    if (found !== undefined) return found.verdict;
  }
  return undefined;
}

describe("two SSHKeys of one key", () => {
  it("ATMO: a key that exists already is refused", () => {
    const verdict = verdictOfLast(
      "Cluster",
      { name: "first", user: "alice", key: 1, ...older },
      { name: "second", user: "bob", key: 1, ...younger },
    );
    expect(verdict?.state).toBe("Duplicate");
  });

  it("names the holder within a namespace", () => {
    const verdict = verdictOfLast(
      "Cluster",
      { name: "first", user: "alice", key: 1, ...older },
      { name: "second", user: "alice", key: 1, ...younger },
    );
    expect(verdict?.duplicateOf).toEqual({ namespace: "team-a", name: "first" });
  });

  it("says no more than that it is taken across namespaces", () => {
    const verdict = verdictOfLast(
      "Cluster",
      { namespace: "secret-project", name: "hidden", user: "alice", key: 1, ...older },
      { name: "second", user: "bob", key: 1, ...younger },
    );
    expect(JSON.stringify(verdict)).not.toMatch(/secret-project|hidden|alice/);
  });

  it.each<[DuplicateScope, string, Partial<SSHKeyFacts>, string]>([
    ["Cluster", "another user in another namespace", { namespace: "team-b", user: "bob" }, "Duplicate"],
    ["Cluster", "the same user in another namespace", { namespace: "team-b", user: "alice" }, "Projected"],
    ["Cluster", "the same user in the same namespace", { user: "alice" }, "Duplicate"],
    ["Namespace", "another user in the same namespace", { user: "bob" }, "Duplicate"],
    ["Namespace", "another user in another namespace", { namespace: "team-b", user: "bob" }, "Projected"],
    ["User", "another user in the same namespace", { user: "bob" }, "Projected"],
    ["User", "the same user in the same namespace", { user: "alice" }, "Duplicate"],
  ])("in the scope %s, the second SSHKey, of %s, is judged so", (scope, _, second, state) => {
    const verdict = verdictOfLast(
      scope,
      { name: "first", user: "alice", key: 1, ...older },
      { name: "second", user: "alice", key: 1, ...younger, ...second },
    );
    expect(verdict?.state).toBe(state);
  });

  it("made in the same second go by their UID", () => {
    const verdict = verdictOfLast(
      "Cluster",
      { name: "first", user: "alice", key: 1, uid: "b" },
      { name: "second", user: "bob", key: 1, uid: "a" },
    );
    expect(verdict?.state).toBe("Projected");
  });

  it.each<[string, Partial<SSHKeyFacts>]>([
    ["disabled", { disabled: true }],
    ["expired", { expiresAt: 1_699_999_999_000 }],
    ["no key any more", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==" }],
  ])("leave the key to the next in line when the holder is %s", (_, change) => {
    const verdict = verdictOfLast(
      "Cluster",
      { name: "first", user: "alice", key: 1, ...older, ...change },
      { name: "second", user: "bob", key: 1, ...younger },
    );
    expect(verdict?.state).toBe("Projected");
  });
});
