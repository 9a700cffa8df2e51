import { type DesiredSecret, fileDigest, type SecretRecord } from "../../src/keyring/secret.ts";

/** What Alice's Secret should hold. */
export function desiredSecret(file: string): DesiredSecret {
  return { namespace: "team-a", name: "sshkeys-alice", user: "alice", file, isNamed: true };
}

/** Alice's Secret as the API server has it; the rest has a default. */
export function secretRecord(file: string, facts: Partial<SecretRecord> = {}): SecretRecord {
  return {
    namespace: "team-a",
    name: "sshkeys-alice",
    uid: "u1",
    resourceVersion: "7",
    createdAt: 0,
    user: "alice",
    fileDigest: fileDigest(file),
    keys: ["AAAA"],
    strayData: [],
    emptySince: undefined,
    ...facts,
  };
}
