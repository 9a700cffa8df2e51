import { describe, expect, it } from "vitest";
import type { SSHKeyCondition } from "../../src/api/sshkey.ts";
import { DEFAULT_POLICY } from "../../src/keyring/policy.ts";
import { type KeyRecord, readKey } from "../../src/keyring/record.ts";
import { statusWrite } from "../../src/keyring/status.ts";
import type { Verdict } from "../../src/keyring/verdict.ts";
import { sshKey } from "./sshkeys.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const projected: Verdict = { state: "Projected", message: "It is there.", secretName: "sshkeys-alice" };
const duplicate: Verdict = {
  state: "Duplicate",
  message: "SSHKey other holds it.",
  secretName: "sshkeys-alice",
  duplicateOf: { namespace: "team-a", name: "other" },
};

const record = readKey(sshKey({ name: "laptop", user: "alice", key: 1, generation: 3 }), DEFAULT_POLICY);

/** The record as it will be read when the status has been written. */
function written(from: KeyRecord, verdict: Verdict, now: number): KeyRecord {
  const write = statusWrite(from, verdict, now);
  if (write === undefined) throw new Error("a write was expected");
  const { status } = write;
  return readKey(
    { ...sshKey({ name: "laptop", user: "alice", key: 1, generation: 3 }), status },
    DEFAULT_POLICY,
  );
}

function condition(from: KeyRecord, verdict: Verdict, type: string, now = NOW): SSHKeyCondition | undefined {
  const conditions = statusWrite(from, verdict, now)?.status.conditions;
  return conditions?.find((each) => each.type === type);
}

describe("which status a verdict calls for", () => {
  it("is none when it is there already", () => {
    expect(statusWrite(written(record, projected, NOW), projected, NOW + 1000)).toBeUndefined();
  });

  it("knows after a write what it will read back", () => {
    const write = statusWrite(record, duplicate, NOW);
    const { digest, state, transitions } = written(record, duplicate, NOW).seen;
    expect(write?.seen).toEqual({ digest, state, transitions });
  });

  it("says what the key is", () => {
    expect(statusWrite(record, projected, NOW)?.status).toMatchObject({
      type: "ssh-ed25519",
      length: 256,
      comment: "key-1",
      observedGeneration: 3,
      secretName: "sshkeys-alice",
    });
  });

  it("names the Secret only while the key is in it", () => {
    expect(statusWrite(record, duplicate, NOW)?.status.secretName).toBeUndefined();
  });

  it("takes out what no longer holds with a null, whoever wrote it", () => {
    expect(statusWrite(written(record, duplicate, NOW), projected, NOW)?.status.duplicateOf).toBeUndefined();
  });

  it("keeps the transition time of a condition whose status stays", () => {
    const later = condition(written(record, projected, NOW), duplicate, "Valid", NOW + 60_000);
    expect(later?.lastTransitionTime).toBe("2026-01-02T03:04:05Z");
  });

  it("moves the transition time of a condition whose status changes", () => {
    const later = condition(written(record, projected, NOW), duplicate, "Ready", NOW + 60_000);
    expect(later?.lastTransitionTime).toBe("2026-01-02T03:05:05Z");
  });

  it("has Stalled only while a person has to act", () => {
    const stalled = [projected, duplicate].map((verdict) => condition(record, verdict, "Stalled")?.status);
    expect(stalled).toEqual([undefined, "True"]);
  });

  it("tells the state before, so that an Event is due only when it changes", () => {
    expect(statusWrite(written(record, projected, NOW), duplicate, NOW)?.previousState).toBe("Projected");
  });

  it("does not count conditions of other writers", () => {
    const object = sshKey({ name: "laptop", user: "alice", key: 1, generation: 3 });
    const { conditions: own = [], ...facts } = statusWrite(record, projected, NOW)?.status ?? {};
    const foreign: SSHKeyCondition = {
      type: "Audited",
      status: "True",
      reason: "Seen",
      message: "",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    };
    const read = readKey({ ...object, status: { ...facts, conditions: [...own, foreign] } }, DEFAULT_POLICY);
    expect(statusWrite(read, projected, NOW)).toBeUndefined();
  });
});
