import type { SSHKeySpec, SSHKeyStatus } from "../api/sshkey.ts";
import { renderOptions } from "../ssh/options.ts";
import { type KeyType, parsePublicKey } from "../ssh/publickey.ts";
import { flat } from "./flat.ts";
import { type Policy, policyRefusal } from "./policy.ts";
import { readStatus, type SeenStatus } from "./seenstatus.ts";

/**
 * What is kept of one SSHKey: all that verdict, file and status need, and nothing else of the object.
 * Times are in ms since the epoch.
 */
export interface KeyRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: number;
  readonly user: string;
  readonly disabled: boolean;
  readonly expiresAt: number | undefined;
  /** What the key line says, also of a key that policy refuses; undefined when it is no key. */
  readonly key: KeyFacts | undefined;
  /** Why the key can never be in a file as it stands. */
  readonly refusal: KeyRefusal | undefined;
  /** The status that the API server holds, as last read or written. */
  seen: SeenStatus;
  /** Id of the unit that the key belongs to; set by the keyring that takes it in. */
  unitId: string;
}

export interface KeyFacts {
  readonly type: KeyType;
  readonly bits: number;
  /** The canonical blob: two spellings of one key are one string. */
  readonly base64: string;
  readonly comment: string;
  /** authorized_keys options as sshd reads them, "" for none. */
  readonly options: string;
}

export interface KeyRefusal {
  readonly state: "Invalid" | "Weak";
  readonly code: string;
  readonly message: string;
}

/** An SSHKey as the API server shows it. What the CRD requires is not relied on: it may have been changed. */
export interface StoredSSHKey {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
  };
  readonly spec?: Partial<SSHKeySpec>;
  readonly status?: SSHKeyStatus;
}

/**
 * Reads an SSHKey into a record. Total: whatever the object holds, it becomes a record with a verdict.
 * `known`, what is known of an SSHKey of this name, saves judging the same spec again.
 */
export function readKey(object: StoredSSHKey, policy: Policy, known?: KeyRecord): KeyRecord {
  const { metadata, spec } = object;
  const seen = readStatus(object.status, metadata.resourceVersion);
  if (known?.uid === metadata.uid && known.generation === metadata.generation) return { ...known, seen };
  const createdAt = Date.parse(metadata.creationTimestamp ?? "") || 0;
  const expiresAt = spec?.expiresAt === undefined ? undefined : Date.parse(spec.expiresAt);
  const { key, refusal } = judge(object, policy, createdAt, expiresAt);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation ?? 0,
    createdAt,
    user: spec?.user ?? "",
    disabled: spec?.disabled === true,
    expiresAt,
    // Named one by one: what is spread in takes a second allocation for each SSHKey.
    key,
    refusal,
    seen,
    unitId: "",
  };
}

function judge(
  { spec }: StoredSSHKey,
  policy: Policy,
  createdAt: number,
  expiresAt: number | undefined,
): Pick<KeyRecord, "key" | "refusal"> {
  const parsed = parsePublicKey(spec?.key ?? "");
  if (!parsed.ok) return { key: undefined, refusal: { state: "Invalid", ...parsed.refusal } };
  const options = renderOptions(spec?.options ?? []);
  const key: KeyFacts = {
    type: parsed.value.type,
    bits: parsed.value.bits,
    base64: parsed.value.blob.toString("base64"),
    comment: flat(parsed.value.comment),
    options: options.ok ? options.value : "",
  };
  if (!options.ok) return { key, refusal: { state: "Invalid", ...options.refusal } };
  if (spec?.user === undefined || spec.user === "") {
    return {
      key,
      refusal: { state: "Invalid", code: "UserMissing", message: "The key has no user; set spec.user." },
    };
  }
  // sshd's expiry-time has four digits for the year.
  if (expiresAt !== undefined && !(expiresAt < Date.UTC(10000, 0))) {
    return {
      key,
      refusal: {
        state: "Invalid",
        code: "BadExpiry",
        message: "expiresAt is not a date that sshd can hold; give one as 2030-01-31T12:00:00Z.",
      },
    };
  }
  return { key, refusal: policyRefusal(policy, key, createdAt, expiresAt) };
}
