import { lastUse } from "../../api/lastused.ts";
import { createdAt, type KubeObject } from "../../api/object.ts";
import type { SSHKeyCondition, SSHKeySpec, SSHKeyStatus } from "../../api/sshkey.generated.ts";
import { STATES, type State } from "../../api/states.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import type { AuthenticatorFlags } from "../../ssh/signature.ts";
import { printable } from "../../ssh/unprintable.ts";

/** An SSHKey as the API server shows it. What the CRD requires is not relied on: it may have been changed. */
export interface SSHKeyObject extends KubeObject {
  readonly spec?: Partial<SSHKeySpec>;
  readonly status?: SSHKeyStatus;
}

/**
 * How many characters are kept of what somebody else wrote, so that nobody's SSHKeys take the memory of all: of the line the
 * longest key there is (RSA of 16,384 bits) with a comment of 300, of options all together. What is longer ends in `…`.
 */
const MOST_KEPT = { line: 3072, comment: 300, options: 1024, message: 1024, title: 255 } as const;

/** What the portal keeps of an SSHKey. Times are in ms since the epoch. */
export interface PortalKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly createdAt: number;
  readonly user: string;
  readonly title: string;
  /** The line as it is stored, on one line and printable; a very long comment is cut. */
  readonly line: string;
  /** What the line says; undefined when it is no key. */
  readonly facts: KeyFacts | undefined;
  readonly options: readonly string[];
  readonly expiresAt: number | undefined;
  readonly disabled: boolean;
  /** Is there a proof of possession, whatever it is worth? */
  readonly hasProof: boolean;
  readonly isTerminating: boolean;
  /** STATE; undefined until the operator has looked at this generation. */
  readonly state: State | undefined;
  /** What the operator says of it. */
  readonly message: string;
  /** What is unusual about the key, which is not refused for it, as the operator says it; empty for nothing. */
  readonly advice: string;
  readonly isProven: boolean;
  /** Why it is not proven, as the operator says it; undefined where it is, or where the operator says nothing of it. */
  readonly unproven: Unproven | undefined;
  /** How the proof of a security key was made; undefined for other keys and without a proof that counts. */
  readonly authenticator: AuthenticatorFlags | undefined;
  readonly secretName: string | undefined;
  /** The day on which the key was last used, as far as logs are read: its first moment in UTC. */
  readonly lastUsed: number | undefined;
}

/** Reason and message of the condition `Proven`. */
export interface Unproven {
  readonly reason: string;
  readonly message: string;
}

export interface KeyFacts {
  readonly type: string;
  readonly bits: number;
  readonly comment: string;
  readonly blob: Buffer;
  readonly fingerprint: string;
  readonly fingerprintMD5: string;
}

/**
 * Reads an SSHKey, at `now` in ms since the epoch. Total: whatever the object holds, it becomes one. `known` saves reading the
 * same spec again.
 */
export function toPortalKey(object: KubeObject, known?: PortalKey, now = Date.now()): PortalKey {
  const { metadata, spec = {}, status } = object as SSHKeyObject;
  const { generation = 0 } = metadata;
  const isObserved = status?.observedGeneration === metadata.generation;
  const conditions = isObserved ? (status?.conditions ?? []) : [];
  const condition = (type: string) => conditions.find((each) => each.type === type);
  const [ready, proven, advice] = [condition("Ready"), condition("Proven"), condition("Advice")];
  const isProven = proven?.status === "True";
  const isKnown = known?.uid === metadata.uid && known.generation === generation;
  const given = isKnown ? givenBy(known) : readSpec(spec);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation,
    createdAt: createdAt(metadata),
    user: textOf(spec.user),
    ...given,
    isTerminating: metadata.deletionTimestamp !== undefined,
    state: ready !== undefined && Object.hasOwn(STATES, ready.reason) ? (ready.reason as State) : undefined,
    message: kept(textOf(ready?.message), MOST_KEPT.message),
    advice: advice?.status === "True" ? kept(textOf(advice.message), MOST_KEPT.message) : "",
    isProven,
    unproven: isProven ? undefined : unprovenBy(proven),
    authenticator: isProven ? authenticatorOf(status?.proof) : undefined,
    secretName: secretNameOf(status?.secretName),
    lastUsed: lastUse({ ...status, fingerprint: given.facts?.fingerprint }, now),
  };
}

/** What the spec says but for the user, who never changes. */
type Given = Pick<PortalKey, "title" | "line" | "facts" | "options" | "expiresAt" | "disabled" | "hasProof">;

function givenBy({ title, line, facts, options, expiresAt, disabled, hasProof }: PortalKey): Given {
  return { title, line, facts, options, expiresAt, disabled, hasProof };
}

function readSpec(spec: Partial<SSHKeySpec>): Given {
  const line = printable(textOf(spec.key));
  return {
    title: kept(textOf(spec.title), MOST_KEPT.title),
    line: kept(line, MOST_KEPT.line),
    facts: factsOf(line),
    options: Array.isArray(spec.options) ? keptOptions(spec.options.map(textOf)) : NO_OPTIONS,
    expiresAt: timeOf(spec.expiresAt),
    disabled: spec.disabled === true,
    hasProof: typeof spec.proof === "string",
  };
}

const NO_OPTIONS: readonly string[] = [];

function keptOptions(options: readonly string[]): readonly string[] {
  const found: string[] = [];
  let left: number = MOST_KEPT.options;
  for (const option of options) {
    if (option.length > left) return [...found, "…"];
    found.push(option);
    left -= option.length;
  }
  return found;
}

function kept(text: string, most: number): string {
  return text.length <= most ? text : copy(`${text.slice(0, most - 1)}…`);
}

/** A part of a string keeps the whole of it in memory; a copy does not. */
function copy(text: string): string {
  return Buffer.from(text).toString();
}

function factsOf(line: string): KeyFacts | undefined {
  const parsed = parsePublicKey(line);
  if (!parsed.ok) return undefined;
  const { type, bits } = parsed.value;
  // Else a part of the line, and of a pool that other parts of it have filled.
  const isLong = line.length > MOST_KEPT.line;
  const comment = isLong ? copy(kept(parsed.value.comment, MOST_KEPT.comment)) : parsed.value.comment;
  const blob = isLong ? Buffer.alloc(parsed.value.blob.length, parsed.value.blob) : parsed.value.blob;
  return {
    type,
    bits,
    comment,
    blob,
    fingerprint: fingerprintSHA256(blob),
    fingerprintMD5: fingerprintMD5(blob),
  };
}

/** What is longer is no name of a Secret. */
function secretNameOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= 253 ? value : undefined;
}

function unprovenBy(condition: SSHKeyCondition | undefined): Unproven | undefined {
  if (condition === undefined) return undefined;
  return {
    reason: kept(textOf(condition.reason), 64),
    message: kept(textOf(condition.message), MOST_KEPT.message),
  };
}

/** One of four, however many keys there are. */
function authenticatorOf(proof: SSHKeyStatus["proof"]): AuthenticatorFlags | undefined {
  if (proof === undefined) return undefined;
  return AUTHENTICATORS.find(
    ({ touched, userVerified }) =>
      touched === (proof.touched === true) && userVerified === (proof.userVerified === true),
  );
}

const AUTHENTICATORS: readonly AuthenticatorFlags[] = [
  { touched: true, userVerified: true },
  { touched: true, userVerified: false },
  { touched: false, userVerified: true },
  { touched: false, userVerified: false },
];

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function timeOf(value: unknown): number | undefined {
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? undefined : time;
}
