import { examined } from "../../src/claims/examination.ts";
import type { Proof } from "../../src/claims/proof.ts";
import { type SSHKeyRecord, type StoredSSHKey, toSSHKeyRecord } from "../../src/claims/record.ts";
import { keyPair } from "./keypairs.ts";

/** Seconds since the epoch: when SSHKeys of tests were made, unless they say otherwise. */
export const CREATED = 1_700_000_000;

/** Everything a test may want to say about an SSHKey; the rest has a default. */
export interface SSHKeyFacts {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly user?: string;
  /** Which key of an endless supply, or a key line of its own. */
  readonly key?: number | string;
  /** Seconds since the epoch. */
  readonly createdAt?: number;
  /** ms since the epoch. */
  readonly expiresAt?: number;
  readonly disabled?: boolean;
  readonly isTerminating?: boolean;
  readonly options?: string[];
  readonly proof?: string;
  readonly generation?: number;
  readonly resourceVersion?: number;
  readonly status?: object;
}

/** An SSHKey as the API server would show it. */
export function sshKey(facts: SSHKeyFacts): StoredSSHKey {
  const { namespace = "team-a", name, user = "alice", key = 1, createdAt = CREATED } = facts;
  return {
    metadata: {
      name,
      namespace,
      uid: facts.uid ?? `uid-of-${namespace}-${name}`,
      resourceVersion: String(facts.resourceVersion ?? 1),
      generation: facts.generation ?? 1,
      creationTimestamp: new Date(createdAt * 1000).toISOString().replace(".000", ""),
      ...(facts.isTerminating ? { deletionTimestamp: "2024-01-01T00:00:00Z" } : {}),
    },
    spec: {
      user,
      key: typeof key === "string" ? key : ed25519(key),
      ...(facts.options === undefined ? {} : { options: facts.options }),
      ...(facts.proof === undefined ? {} : { proof: facts.proof }),
      ...(facts.disabled === undefined ? {} : { disabled: facts.disabled }),
      ...(facts.expiresAt === undefined ? {} : { expiresAt: new Date(facts.expiresAt).toISOString() }),
    },
    ...(facts.status === undefined ? {} : { status: facts.status }),
  };
}

/** The same, as the operator reads it, with its proof verified. */
export function sshKeyRecord(facts: SSHKeyFacts): SSHKeyRecord {
  return asExamined(toSSHKeyRecord(sshKey(facts)));
}

const results = new Map<string, Proof>();

/** As after a list. Of each proof the arithmetic is done once. */
export function asExamined(record: SSHKeyRecord): SSHKeyRecord {
  const { proof } = record;
  const known = proof && results.get(proof.digest);
  const done = examined(known === undefined ? record : { ...record, proof: known });
  if (done.proof !== undefined) results.set(done.proof.digest, done.proof);
  return done;
}

/** A key line. */
export function ed25519(seed: number): string {
  return `ssh-ed25519 ${blobOf(seed)} key-${seed}`;
}

/** The canonical blob of that key. */
export function blobOf(seed: number): string {
  return keyPair(seed).blob.toString("base64");
}

/** A key line without a private key, since OpenSSH takes any 32 bytes for an Ed25519 public key: cheap to make by the thousand. */
export function nobodysKey(seed: number): string {
  const type = Buffer.from("0000000b7373682d65643235353139", "hex");
  const point = Buffer.alloc(36, 0x5a);
  point.writeUInt32BE(32, 0);
  point.writeUInt32BE(seed, 32);
  return `ssh-ed25519 ${Buffer.concat([type, point]).toString("base64")} key-${seed}`;
}
