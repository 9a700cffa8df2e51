import type { StoredSSHKey } from "../../src/keyring/record.ts";

/** Everything a test may want to say about an SSHKey; the rest has a default. */
export interface SSHKeyFacts {
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
  readonly user: string;
  /** Which key of an endless supply, or a key line of its own. */
  readonly key: number | string;
  /** Seconds since the epoch. */
  readonly createdAt?: number;
  /** ms since the epoch. */
  readonly expiresAt?: number;
  readonly disabled?: boolean;
  readonly options?: string[];
  readonly generation?: number;
  readonly resourceVersion?: number;
}

/** An SSHKey as the API server would show it. */
export function sshKey(facts: SSHKeyFacts): StoredSSHKey {
  const { namespace = "team-a", name, user, key, createdAt = 1_700_000_000 } = facts;
  return {
    metadata: {
      name,
      namespace,
      uid: facts.uid ?? `uid-of-${namespace}-${name}`,
      resourceVersion: String(facts.resourceVersion ?? 1),
      generation: facts.generation ?? 1,
      creationTimestamp: `${new Date(createdAt * 1000).toISOString().slice(0, 19)}Z`,
    },
    spec: {
      user,
      key: typeof key === "string" ? key : ed25519(key),
      ...(facts.options === undefined ? {} : { options: facts.options }),
      ...(facts.disabled === undefined ? {} : { disabled: facts.disabled }),
      ...(facts.expiresAt === undefined ? {} : { expiresAt: new Date(facts.expiresAt).toISOString() }),
    },
  };
}

/** A key line; OpenSSH takes any 32 bytes for an Ed25519 public key. */
export function ed25519(seed: number): string {
  const type = Buffer.from("0000000b7373682d65643235353139", "hex");
  const point = Buffer.alloc(36);
  point.writeUInt32BE(32, 0);
  point.writeUInt32BE(seed, 32);
  return `ssh-ed25519 ${Buffer.concat([type, point]).toString("base64")} key-${seed}`;
}
