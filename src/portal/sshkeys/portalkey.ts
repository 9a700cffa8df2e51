import { createdAt, type KubeObject } from "../../api/object.ts";
import type { SSHKeySpec, SSHKeyStatus } from "../../api/sshkey.generated.ts";
import { STATES, type State } from "../../api/states.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { printable } from "../../ssh/unprintable.ts";

/** An SSHKey as the API server shows it. What the CRD requires is not relied on: it may have been changed. */
export interface SSHKeyObject extends KubeObject {
  readonly spec?: Partial<SSHKeySpec>;
  readonly status?: SSHKeyStatus;
}

/** What the portal keeps of an SSHKey. Times are in ms since the epoch. */
export interface PortalKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly createdAt: number;
  readonly user: string;
  readonly title: string;
  /** The line as it is stored, on one line and printable. */
  readonly line: string;
  /** What the line says; undefined when it is no key. */
  readonly facts: KeyFacts | undefined;
  readonly options: readonly string[];
  readonly expiresAt: number | undefined;
  readonly disabled: boolean;
  readonly isTerminating: boolean;
  /** STATE; undefined until the operator has looked at this generation. */
  readonly state: State | undefined;
  /** What the operator says of it. */
  readonly message: string;
  readonly isProven: boolean;
  readonly secretName: string | undefined;
}

export interface KeyFacts {
  readonly type: string;
  readonly bits: number;
  readonly comment: string;
  readonly blob: Buffer;
  readonly fingerprint: string;
  readonly fingerprintMD5: string;
}

/** Reads an SSHKey. Total: whatever the object holds, it becomes one. `known` saves parsing the same line again. */
export function toPortalKey(object: KubeObject, known?: PortalKey): PortalKey {
  const { metadata, spec = {}, status } = object as SSHKeyObject;
  const line = printable(textOf(spec.key));
  const isObserved = status?.observedGeneration === metadata.generation;
  const conditions = isObserved ? (status?.conditions ?? []) : [];
  const condition = (type: string) => conditions.find((each) => each.type === type);
  const ready = condition("Ready");
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: createdAt(metadata),
    user: textOf(spec.user),
    title: textOf(spec.title),
    line,
    facts: known?.line === line ? known.facts : factsOf(line),
    options: Array.isArray(spec.options) ? spec.options.map(textOf) : [],
    expiresAt: timeOf(spec.expiresAt),
    disabled: spec.disabled === true,
    isTerminating: metadata.deletionTimestamp !== undefined,
    state: ready !== undefined && Object.hasOwn(STATES, ready.reason) ? (ready.reason as State) : undefined,
    message: ready?.message ?? "",
    isProven: condition("Proven")?.status === "True",
    secretName: status?.secretName,
  };
}

function factsOf(line: string): KeyFacts | undefined {
  const parsed = parsePublicKey(line);
  if (!parsed.ok) return undefined;
  const { type, bits, comment, blob } = parsed.value;
  return {
    type,
    bits,
    comment,
    blob,
    fingerprint: fingerprintSHA256(blob),
    fingerprintMD5: fingerprintMD5(blob),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function timeOf(value: unknown): number | undefined {
  const time = Date.parse(textOf(value));
  return Number.isNaN(time) ? undefined : time;
}
