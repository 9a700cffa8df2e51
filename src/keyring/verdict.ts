import type { State } from "../api/sshkey.ts";
import type { KeyRecord } from "./record.ts";

/** What becomes of one key: the printed state, one sentence that says why and what to do. */
export interface Verdict {
  readonly state: State;
  readonly message: string;
  readonly secretName: string;
  /** The SSHKey that holds the key, where the reader of this status may know it. */
  readonly duplicateOf?: { readonly namespace: string; readonly name: string };
}

/** The verdict that follows from the key alone, or undefined when it may be projected. */
export function ownVerdict(record: KeyRecord, now: number): Pick<Verdict, "state" | "message"> | undefined {
  if (record.refusal !== undefined) {
    return { state: record.refusal.state, message: record.refusal.message };
  }
  if (record.disabled) {
    return { state: "Disabled", message: "spec.disabled is true; set it to false to put the key back." };
  }
  if (isExpired(record, now)) {
    return {
      state: "Expired",
      message: "spec.expiresAt has passed; set a later one or delete the SSHKey.",
    };
  }
  return undefined;
}

/** A key is out of force from expiresAt on, that moment included. */
export function isExpired({ expiresAt }: KeyRecord, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** May the key be projected, as far as it alone decides? Only such keys count as duplicates of each other. */
export function isEligible(record: KeyRecord, now: number): boolean {
  return ownVerdict(record, now) === undefined;
}

export function duplicateMessage(holder: KeyRecord, seenFrom: KeyRecord): string {
  return holder.namespace === seenFrom.namespace
    ? `SSHKey ${holder.name} holds this key already; delete one of the two, or use another key.`
    : "This key is taken by another SSHKey in the cluster; use a key of your own.";
}

/** Of a key that cannot leave a rival's Secret. */
export function stuckMessage(
  secret: { readonly namespace: string; readonly secretName: string; readonly isFailing: boolean },
  seenFrom: KeyRecord,
): string {
  const isLocal = secret.namespace === seenFrom.namespace;
  const which = isLocal ? `Secret ${secret.secretName}` : "A Secret in another namespace";
  if (secret.isFailing) {
    const step = isLocal ? "look for an admission webhook that fails" : "ask whoever runs the cluster";
    return `${which} still holds this key and could not be written for a while; if that lasts, ${step}.`;
  }
  const step = isLocal
    ? "look for an admission policy or an immutable Secret, or delete that Secret"
    : "ask whoever runs the cluster";
  return `${which} still holds this key and cannot be written; ${step}.`;
}
