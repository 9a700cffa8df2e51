import { STATES } from "../../api/states.ts";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import { numberOf, userNumber } from "../sshkeys/numbers.ts";
import type { KeyFacts, PortalKey } from "../sshkeys/portalkey.ts";

/** A key as Foreman shows it, but for its dates and what only deletions tell. Null where the line is no key. */
export interface KeyRecord {
  readonly created_at: string;
  readonly updated_at: string;
  readonly id: number;
  readonly name: string;
  readonly key: string;
  readonly length: number | null;
  readonly fingerprint: string | null;
  /** Foreman has none: only where the key is not in use, as the operator says. */
  readonly state?: string;
  readonly state_message?: string;
}

/** As lists, shows and creations have it. */
export function keyRecord(key: PortalKey, generation: ForemanGeneration): KeyRecord {
  const date = shownDate(key.createdAt);
  return {
    created_at: date,
    updated_at: date,
    id: numberOf(key),
    name: nameOf(key),
    key: key.line,
    length: key.facts === undefined ? null : lengthOf(key.facts, generation),
    fingerprint: key.facts === undefined ? null : fingerprintOf(key.facts, generation),
    ...notInUse(key),
  };
}

/** Of a key that is in use, or will be in a moment, nothing is said. */
function notInUse({ state, message }: PortalKey): Pick<KeyRecord, "state" | "state_message"> {
  const isInUse = state === "Projected" || state === "Accepted";
  if (state === undefined || state === "Pending" || isInUse) return {};
  return { state, state_message: message || `the key is ${STATES[state].meaning}` };
}

/** As a deletion answers: other fields, another order, and dates as ISO 8601 has them. */
export function deletedRecord(key: PortalKey, generation: ForemanGeneration): object {
  const { id, name, key: line, fingerprint, length } = keyRecord(key, generation);
  const date = new Date(key.createdAt).toISOString();
  const user_id = userNumber(key.namespace, key.user);
  return { id, name, key: line, fingerprint, user_id, length, created_at: date, updated_at: date };
}

/** Foreman's `name` is the title; an SSHKey that came otherwise may have none. */
export function nameOf({ title, facts, name }: PortalKey): string {
  return title || facts?.comment || name;
}

/** 1.19: MD5; from 2.0 on SHA-256 in base64 with its padding and without a prefix. */
function fingerprintOf({ fingerprint, fingerprintMD5 }: KeyFacts, generation: ForemanGeneration): string {
  return generation === "1.19" ? fingerprintMD5 : `${fingerprint.slice("SHA256:".length)}=`;
}

/**
 * Before 5.1 the length of the last string of the blob as a number, in whole bytes: 520 for P-256, whose point has a byte more
 * than two coordinates. From 5.1 on what ssh-keygen says.
 */
function lengthOf({ blob, bits }: KeyFacts, generation: ForemanGeneration): number {
  if (generation === "5.1") return bits;
  let start = 0;
  let end = 0;
  while (end + 4 <= blob.length) {
    start = end + 4;
    end = start + blob.readUInt32BE(end);
  }
  while (start < end && blob[start] === 0) start += 1;
  return (end - start) * 8;
}

/** `2018-07-24 12:58:20 UTC`. */
function shownDate(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
