import { describe, expect, it } from "vitest";
import { Keyring } from "../../src/keyring/keyring.ts";
import { DEFAULT_POLICY } from "../../src/keyring/policy.ts";
import { type KeyRecord, readKey } from "../../src/keyring/record.ts";
import { fileDigest } from "../../src/keyring/secret.ts";
import { secretRecord } from "./secrets.ts";
import { type SSHKeyFacts, sshKey } from "./sshkeys.ts";

const NOW = 1_700_000_000_000;
const UNIT = "team-a/sshkeys-alice";

const secret = secretRecord("newer", { resourceVersion: "100" });

/** A keyring that knows one SSHKey and one Secret as of version 100. */
function keyringAt100() {
  const keyring = new Keyring(DEFAULT_POLICY, "sshkeys-");
  keyring.putKey(laptop({ key: 2, resourceVersion: 100 }), NOW);
  keyring.putSecret(secret);
  return keyring;
}

/** The SSHKey that an older history has under the generation that is known. */
function restored(): KeyRecord {
  return laptop({ key: 1, resourceVersion: 50 });
}

function laptop(facts: Pick<SSHKeyFacts, "key" | "resourceVersion">): KeyRecord {
  const object = sshKey({ name: "laptop", user: "alice", generation: 2, ...facts });
  return readKey(object, DEFAULT_POLICY);
}

function plannedFile(keyring: Keyring): string | undefined {
  return keyring.plan(UNIT, NOW)?.secret.file;
}

describe("when history went back", () => {
  it("an SSHKey is what the list shows, though its generation is known for another key", () => {
    const keyring = keyringAt100();
    const before = plannedFile(keyring);
    keyring.putKey(restored(), NOW, true);
    expect(plannedFile(keyring)).not.toBe(before);
  });

  it("the status is the one that the list shows", () => {
    const keyring = keyringAt100();
    keyring.putKey(restored(), NOW, true);
    expect(keyring.key("team-a", "laptop")?.seen.resourceVersion).toBe("50");
  });

  it("a Secret is what the list shows, though a newer version is known", () => {
    const keyring = keyringAt100();
    const older = { ...secret, resourceVersion: "50", fileDigest: fileDigest("older") };
    keyring.replaceSecrets([older], undefined, "60", true);
    expect(keyring.secretOf(UNIT)?.fileDigest).toBe(older.fileDigest);
  });

  it("a Secret that is not in the list is gone, though a version newer than the list is known", () => {
    const keyring = keyringAt100();
    keyring.replaceSecrets([], undefined, "60", true);
    expect(keyring.secretOf(UNIT)).toBeUndefined();
  });

  it("Secrets of namespaces that were not listed stay", () => {
    const keyring = keyringAt100();
    keyring.replaceSecrets([], "team-b", "60", true);
    expect(keyring.secretOf(UNIT)).toBeDefined();
  });

  it("the unit comes up again", () => {
    const keyring = keyringAt100();
    expect([...keyring.replaceSecrets([], undefined, "60", true).keys()]).toEqual([UNIT]);
  });
});

describe("while history goes on", () => {
  it("an older view of a Secret changes nothing", () => {
    const keyring = keyringAt100();
    keyring.replaceSecrets([{ ...secret, resourceVersion: "50" }], undefined, "110");
    expect(keyring.secretOf(UNIT)?.resourceVersion).toBe("100");
  });

  it("an older view of a status changes nothing", () => {
    const keyring = keyringAt100();
    keyring.putKey(restored(), NOW);
    expect(keyring.key("team-a", "laptop")?.seen.resourceVersion).toBe("100");
  });
});
