import { hash } from "node:crypto";

/**
 * The number of an SSHKey for programs that know keys by number: the first 48 bits of its UID. It survives restarts and
 * replicas without a database, and is exact in JSON. Two of 10,000 SSHKeys have the same with a chance of 1 in 5 million.
 */
export function numberOf({ uid }: { readonly uid: string }): number {
  return Number.parseInt(uid.replaceAll("-", "").slice(0, 12), 16);
}

/** The number of a user of a namespace: 48 bits of SHA-256 of both. */
export function userNumber(namespace: string, user: string): number {
  return Number.parseInt(hash("sha256", `${namespace}/${user}`).slice(0, 12), 16);
}
