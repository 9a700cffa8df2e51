import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { accessChanges } from "../../src/projection/accesschanges.ts";
import { Projection } from "../../src/projection/projection.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { authorizedKeysRecord } from "../authorizedkeys/scene.ts";
import { proof } from "../claims/keypairs.ts";
import { blobOf, CREATED, type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";
import { line, linesRead, NOW } from "./secrets.ts";

const LAPTOP = { name: "laptop" };
const MANY = Array.from({ length: 10_000 }, (_, i) => line(`x${i}`, 1)).join("");

/** The changes of Alice's access when these are the SSHKeys of the namespace. */
function changesOf(before: string, after: string, ...all: readonly SSHKeyFacts[]) {
  const policy = { ...DEFAULT_POLICY, maximumKeysPerUser: 2 };
  const projection = new Projection(policy, DEFAULT_SETTINGS.secrets);
  for (const facts of [{ name: "desk", key: 9 }, ...all]) projection.putSSHKey(sshKeyRecord(facts), NOW);
  const target = projection.target("team-a/sshkeys-alice");
  if (target === undefined) throw new Error("there is no target");
  return accessChanges(target, projection.claims, linesRead(before), linesRead(after));
}

describe("who may log in and could not before", () => {
  it("is told with the fingerprint and the SSHKey", () => {
    expect([...changesOf("", line("laptop"), LAPTOP)]).toEqual([
      {
        change: "added",
        fingerprint: fingerprintSHA256(Buffer.from(blobOf(1), "base64")),
        sshKey: "laptop",
        reason: "Projected",
      },
    ]);
  });

  it("is nobody when the file is the same", () => {
    expect([...changesOf(line("laptop"), line("laptop"), LAPTOP)]).toEqual([]);
  });

  it("is nobody when only options change", () => {
    expect([...changesOf(line("laptop"), line("laptop", 1, "no-pty "), LAPTOP)]).toEqual([]);
  });

  it("comes before who no longer may", () => {
    const changes = [...changesOf(line("work", 2), line("laptop"), LAPTOP)];
    expect(changes.map(({ change, sshKey }) => `${change} ${sshKey}`)).toEqual([
      "added laptop",
      "removed work",
    ]);
  });

  it("is the new key and no longer the old one of an SSHKey that was edited", () => {
    const changes = [...changesOf(line("laptop", 1), line("laptop", 2), { ...LAPTOP, key: 2 })];
    expect(changes.map(({ change, reason }) => `${change} ${reason}`)).toEqual([
      "added Projected",
      "removed Edited",
    ]);
  });
});

describe("why a key may no longer log in", () => {
  it.each<[string, readonly SSHKeyFacts[]]>([
    ["Deleted", []],
    ["Edited", [{ ...LAPTOP, key: 2 }]],
    ["Edited", [{ ...LAPTOP, user: "bob" }]],
    ["Disabled", [{ ...LAPTOP, disabled: true }]],
    ["Expired", [{ ...LAPTOP, expiresAt: NOW }]],
    ["Duplicate", [{ name: "older", createdAt: CREATED - 1 }, LAPTOP]],
    [
      "Duplicate",
      [LAPTOP, { name: "owner", user: "bob", createdAt: CREATED + 1, proof: proof({ key: 1, user: "bob" }) }],
    ],
    ["SecretFull", [LAPTOP]],
  ])("is %s", (reason, all) => {
    expect([...changesOf(line("laptop"), "", ...all)]).toMatchObject([{ reason }]);
  });
});

describe("whoever asks for some of very many changes", () => {
  it.each([
    ["come", "", MANY],
    ["go", MANY, ""],
  ])("gets them one at a time, and pays for no others when they %s", (_, before, after) => {
    const changes = changesOf(before, after);
    const first = [changes.next(), changes.next()].map(({ value }) => value?.sshKey);
    changes.return();
    expect([first, changes.next().done]).toEqual([["x0", "x1"], true]);
  });
});

describe("of a Secret with many users' keys", () => {
  it("a change is told with the SSHKey's namespace and user, and with the login", () => {
    const projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
    projection.putSSHKey(sshKeyRecord({ name: "laptop", namespace: "team-a" }), NOW);
    projection.authorizedKeys.put(authorizedKeysRecord({}));
    const target = projection.target("bastion/bastion");
    if (target === undefined) throw new Error("there is no target");
    const after = new Map([["robert", line("laptop")]]);
    expect([...accessChanges(target, projection.claims, new Map(), after)]).toMatchObject([
      { change: "added", sshKey: "laptop", sshKeyNamespace: "team-a", user: "alice", login: "robert" },
    ]);
  });
});
