import { hash } from "node:crypto";
import { API_VERSION, KIND } from "../src/api/names.ts";
import { sshKeysPath } from "../src/api/paths.ts";
import type { StoredSSHKey } from "../src/claims/record.ts";
import type { Write } from "./send.ts";

/** An SSHKey as a person would apply it. */
export interface NewSSHKey {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly user: string; readonly title: string; readonly key: string };
}

/** As above, and what the API server adds. */
export type CreatedSSHKey = NewSSHKey & StoredSSHKey & { readonly metadata: { readonly namespace: string } };

export interface KeySet {
  readonly namespaces: readonly string[];
  readonly keys: readonly NewSSHKey[];
}

/** Five keys a user, a hundred users a namespace: 10,000 keys are those of 2,000 users in 20 namespaces. */
const KEYS_PER_USER = 5;
const USERS_PER_NAMESPACE = 100;

/** As many different keys, the same ones each time. */
export function keySet(count: number): KeySet {
  const users = Math.ceil(count / KEYS_PER_USER);
  const namespaceCount = Math.max(1, Math.ceil(users / USERS_PER_NAMESPACE));
  const namespaces = Array.from({ length: namespaceCount }, (_, i) => `team-${i}`);
  const keys = Array.from({ length: count }, (_, i) => {
    const user = Math.floor(i / KEYS_PER_USER);
    const namespace = namespaces[user % namespaceCount] ?? "";
    return newSSHKey(namespace, `user-${user}-key-${i % KEYS_PER_USER}`, `user-${user}`, i);
  });
  return { namespaces, keys };
}

export function usersOf(keys: readonly NewSSHKey[]): number {
  return new Set(keys.map(({ metadata, spec }) => `${metadata.namespace}/${spec.user}`)).size;
}

export function newSSHKey(namespace: string, name: string, user: string, seed: number): NewSSHKey {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace },
    spec: { user, title: `Key ${name}`, key: ed25519Line(seed, `${user}@laptop`) },
  };
}

/** OpenSSH takes any 32 bytes for an Ed25519 public key, so none has to be generated. */
function ed25519Line(seed: number, comment: string): string {
  const blob = Buffer.concat([ED25519_HEAD, hash("sha256", `bench ${seed}`, "buffer")]);
  return `ssh-ed25519 ${blob.toString("base64")} ${comment}`;
}

// The name and the length of what follows it, RFC 8709 section 4.
const ED25519_HEAD = Buffer.from("0000000b7373682d6564323535313900000020", "hex");

export function creation(key: NewSSHKey): Write {
  return {
    method: "POST",
    path: sshKeysPath(key.metadata.namespace),
    contentType: "application/json",
    body: JSON.stringify(key),
  };
}
