import type { KeyErrorCode } from "../api/errors.ts";
import { createdAt, type KubeObject } from "../api/object.ts";
import { validateExpiresAt, validateUser } from "../api/rules.ts";
import type { SSHKeySpec, SSHKeyStatus } from "../api/sshkey.generated.ts";
import { parseRFC3339 } from "../api/time.ts";
import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import type { KeyType } from "../ssh/keytype.ts";
import { renderOptions } from "../ssh/options.ts";
import { type PublicKey, parsePublicKey } from "../ssh/publickey.ts";
import { type AdviceCode, adviceOf } from "../ssh/weakness/advice.ts";
import type { Weakness } from "../ssh/weakness/classes.ts";
import { type ObservedStatus, toObservedStatus } from "./observedstatus.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { type Proof, readProof } from "./proof.ts";

/** Facts of one SSHKey: what the object says, parsed once. Times are in ms since the epoch. */
export interface SSHKeyRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly createdAt: number;
  /** Has it a deletionTimestamp? */
  readonly isTerminating: boolean;
  readonly user: string;
  readonly disabled: boolean;
  readonly expiresAt: number | undefined;
  /** What the key line says; undefined when it is no key. */
  readonly key: KeyFacts | undefined;
  /** What makes the spec no usable key, whatever the policy. */
  readonly faults: readonly Fault[];
  /** What spec.proof shows; undefined without one, and while the rest of the spec is no usable key. */
  readonly proof: Proof | undefined;
  /** Is there a spec.proof? */
  readonly hasProof: boolean;
  /**
   * Since when this SSHKey has had this key, as attested when it was first seen: by its status or, before the first
   * status, by its creation; undefined when the key came in by an edit that no status speaks of yet.
   */
  readonly attestedSince: number | undefined;
  /** About how much a write of the object's status costs the API server: the whole object, in bytes. */
  readonly bytes: number;
  /** The status that the API server holds. */
  readonly observed: ObservedStatus;
}

export interface KeyFacts {
  readonly type: KeyType;
  readonly bits: number;
  /** The canonical blob: two spellings of one key are one string. */
  readonly base64: string;
  readonly comment: string;
  /** authorized_keys options as sshd reads them, "" for none. */
  readonly options: string;
  /** The weaknesses that take arithmetic to find; undefined while that is not done. See examination.ts. */
  readonly arithmetic: readonly Weakness[] | undefined;
  /** What is unusual about the key. */
  readonly advice: readonly AdviceCode[];
}

/** A stable code for programs, and a sentence for people: what is wrong, then what to do. */
export interface Fault {
  readonly code: KeyErrorCode;
  readonly message: string;
}

/** An SSHKey as the API server shows it. What the CRD requires is not relied on: it may have been changed. */
export interface StoredSSHKey extends KubeObject {
  readonly spec?: Partial<SSHKeySpec>;
  readonly status?: SSHKeyStatus;
}

/**
 * Reads an SSHKey. Total: whatever the object holds, it becomes a record. `known`, an older record of an SSHKey of this
 * name in the same history, saves parsing the same spec and verifying the same proof again.
 */
export function toSSHKeyRecord(
  object: StoredSSHKey,
  known?: SSHKeyRecord,
  proofNamespace = DEFAULT_POLICY.proofNamespace,
): SSHKeyRecord {
  const { metadata, status } = object;
  const changing = {
    resourceVersion: metadata.resourceVersion,
    isTerminating: metadata.deletionTimestamp !== undefined,
    bytes: sizeOf(object),
    observed: toObservedStatus(status),
  };
  if (known?.uid === metadata.uid && known.generation === metadata.generation)
    return { ...known, ...changing };
  const spec = readSpec(object.spec);
  const created = createdAt(metadata);
  const generation = metadata.generation ?? 0;
  const { key, faults } = parse(spec, known?.key);
  const expiresAt = spec.expiresAt === undefined ? undefined : parseRFC3339(spec.expiresAt);
  const canProve = spec.proof !== undefined && key !== undefined && faults.length === 0;
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: changing.resourceVersion,
    generation,
    createdAt: created,
    isTerminating: changing.isTerminating,
    user: spec.user,
    disabled: spec.disabled,
    expiresAt,
    key,
    faults,
    proof: canProve ? readProof(spec.proof, spec.user, key, proofNamespace, known?.proof) : undefined,
    hasProof: spec.proof !== undefined,
    attestedSince: attestedAtFirstSight(status, key, created, generation),
    bytes: changing.bytes,
    observed: changing.observed,
  };
}

/**
 * In the order to store what a list shows. SSHKeys whose key came in by an edit that no status attests come last: they are
 * dated behind all who have the key, so those have to be known first. Those that wait for a key come before its holder: they
 * are examined in this order, and whoever comes into the place of one that is refused has to be examined by then.
 */
export function inOrderToStore(records: readonly SSHKeyRecord[]): readonly SSHKeyRecord[] {
  const undated = records.filter(({ attestedSince }) => attestedSince === undefined);
  undated.sort((a, b) => a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1));
  const dated = records.filter(({ attestedSince }) => attestedSince !== undefined);
  const waits = ({ observed }: SSHKeyRecord) => observed.state === "Duplicate";
  return [...dated.filter(waits), ...dated.filter((record) => !waits(record)), ...undated];
}

/** Do two records of one SSHKey differ in its status at most? The generation counts the changes of the spec. */
export function isSameSpec(a: SSHKeyRecord, b: SSHKeyRecord): boolean {
  return (
    a.generation === b.generation &&
    a.isTerminating === b.isTerminating &&
    a.key === b.key &&
    a.proof === b.proof
  );
}

/** What is kept of a comment, and stands on the status, in code points. */
const MAXIMUM_COMMENT_CHARACTERS = 1024;

function firstCharacters(text: string, most: number): string {
  return text.length <= most ? text : [...text.slice(0, 2 * most)].slice(0, most).join("");
}

/** What the API server adds, mostly: managedFields and the status. */
const SERVER_BYTES = 4096;

/** Anybody who may write the object can make its managedFields, owners and finalizers as long as an object may be. */
function sizeOf({ metadata, spec }: StoredSSHKey): number {
  const { annotations, labels, ...others } = metadata;
  const otherBytes = Buffer.byteLength(JSON.stringify(others));
  return Math.max(SERVER_BYTES, otherBytes) + Buffer.byteLength(JSON.stringify([annotations, labels, spec]));
}

const NO_FAULTS: readonly Fault[] = [];
const NO_WEAKNESSES: readonly Weakness[] = [];

/** A spec with the types that the CRD promises. */
interface ReadSpec {
  readonly user: string;
  readonly key: string;
  readonly options: readonly string[];
  readonly expiresAt: string | undefined;
  readonly disabled: boolean;
  readonly proof: string | undefined;
}

/** A field of another type than the CRD's (the CRD was changed) becomes a string that no rule accepts. */
function readSpec(spec: unknown): ReadSpec {
  const { user, key, options, expiresAt, disabled, proof } = (spec ?? {}) as Record<string, unknown>;
  const items = isAbsent(options) ? [] : Array.isArray(options) ? options : [options];
  return {
    user: textOf(user),
    key: textOf(key),
    options: items.map(textOf),
    expiresAt: isAbsent(expiresAt) ? undefined : textOf(expiresAt),
    disabled: disabled === true,
    proof: isAbsent(proof) ? undefined : textOf(proof),
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function parse(spec: ReadSpec, known: KeyFacts | undefined): Pick<SSHKeyRecord, "key" | "faults"> {
  const faults: Fault[] = [];
  const parsed = parsePublicKey(spec.key);
  if (!parsed.ok) faults.push(parsed.refusal);
  const options = renderOptions(spec.options);
  if (!options.ok) faults.push(options.refusal);
  const ofFields = [
    validateUser(spec.user),
    spec.expiresAt === undefined ? undefined : validateExpiresAt(spec.expiresAt),
  ];
  for (const fault of ofFields) {
    if (fault !== undefined) faults.push({ code: fault.code, message: `${fault.field}: ${fault.message}.` });
  }
  const key = parsed.ok ? toKeyFacts(parsed.value, options.ok ? options.value : "", known) : undefined;
  return { key, faults: faults.length === 0 ? NO_FAULTS : faults };
}

function toKeyFacts(
  { type, bits, blob, comment }: PublicKey,
  options: string,
  known: KeyFacts | undefined,
): KeyFacts {
  const base64 = blob.toString("base64");
  const arithmetic = known?.base64 === base64 ? known.arithmetic : undefined;
  return {
    type,
    bits,
    base64,
    comment: flat(firstCharacters(comment, MAXIMUM_COMMENT_CHARACTERS)),
    options,
    arithmetic: type === "ssh-rsa" ? arithmetic : NO_WEAKNESSES,
    advice: adviceOf({ type, bits, blob }),
  };
}

/**
 * Only a first generation is known to have had its key from the start: without a status that speaks of this very key,
 * anything later counts as an edit. A restore from a backup makes first generations, so it falls back to the creation.
 */
function attestedAtFirstSight(
  status: SSHKeyStatus | undefined,
  key: KeyFacts | undefined,
  created: number,
  generation: number,
): number | undefined {
  const { observedGeneration = -1 } = status ?? {};
  if (status === undefined || observedGeneration < 0) return generation <= 1 ? created : undefined;
  if (key === undefined) return undefined;
  if (observedGeneration !== generation && status.fingerprint !== fingerprintOf(key)) return undefined;
  const attested = Date.parse(status.claimedSince ?? "");
  return attested > created ? attested : created;
}

/**
 * Since when a known SSHKey has had its key, as its status attests. Only a status of this very generation counts: one of an
 * earlier generation may speak of the same key and not of the one that was there in between.
 */
export function attestedNow({ key, observed, generation, createdAt }: SSHKeyRecord): number | undefined {
  if (key === undefined || observed.generation !== generation) return undefined;
  return Math.max(observed.claimedSince ?? 0, createdAt);
}

function fingerprintOf({ base64 }: KeyFacts): string {
  return fingerprintSHA256(Buffer.from(base64, "base64"));
}

/** A copy of its own: V8 keeps the whole longer string alive for one that was cut from it. */
function flat(text: string): string {
  return text === "" ? "" : Buffer.from(text, "utf8").toString("utf8");
}
