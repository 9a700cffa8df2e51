import { isObject } from "../../api/object.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import type { Policy } from "../../claims/policy.ts";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { newKey } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { ValidationErrors } from "./errors.ts";

/** What a program sends for a new key; null where it sent nothing of use. */
export interface SentKey {
  readonly name: string | null;
  readonly key: string | null;
}

/** The fields of a body, wrapped in `ssh_key` or not; where both are there the wrapped ones count. */
export function sentKey(body: unknown): SentKey {
  const outer = isObject(body) ? body : {};
  const wrapped = Object.hasOwn(outer, "ssh_key") ? outer.ssh_key : outer;
  const fields = isObject(wrapped) ? wrapped : {};
  const text = (value: unknown) =>
    typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : null;
  return { name: text(fields.name), key: text(fields.key) };
}

export interface WantedKeyOptions {
  readonly user: string;
  /** The keys that the user has. */
  readonly others: readonly PortalKey[];
  readonly generation: ForemanGeneration;
  readonly policy: Policy;
  /** In ms since the epoch. */
  readonly now: number;
}

export type WantedKey =
  | { readonly spec: SSHKeySpec }
  | { readonly spec?: undefined; readonly errors: ValidationErrors };

/**
 * What Foreman finds wrong with a key, in its words; then what the operator would refuse, in the operator's. Nothing is
 * corrected on the way: programs get what they have sent, or an error.
 */
export function wantedKey(sent: SentKey, o: WantedKeyOptions): WantedKey {
  const errors = validationErrors(sent, o.generation);
  const typed = { key: sent.key ?? "", title: sent.name ?? "", expiresAt: undefined, options: [] };
  const made = newKey(typed, o.user, o.policy, o.now);
  const parsed = parsePublicKey(typed.key);
  const isTaken = parsed.ok && o.others.some(({ facts }) => facts?.blob.equals(parsed.value.blob));
  if (!("spec" in made)) {
    // What Foreman has a word for is said once; that a private key has left its computer is always said.
    const messages = (isOfKey: boolean) =>
      made.problems.filter(({ field }) => (field !== "title") === isOfKey).map(({ message }) => message);
    if (errors.key === undefined || made.isPrivate) append(errors, "key", messages(true));
    if (errors.name === undefined) append(errors, "name", messages(false));
  }
  if (isTaken) append(errors, "fingerprint", [TAKEN]);
  if (Object.keys(errors).length > 0) return { errors: inOrder(errors) };
  return "spec" in made
    ? { spec: { ...made.spec, key: typed.key } }
    : { errors: { base: made.problems.map(({ message }) => message) } };
}

const KEY_ERRORS = {
  blank: "can't be blank",
  invalid: "is not a valid public ssh key",
  format: "must be in OpenSSH public key format",
  lines: "should be a single line",
} as const;
/** Of a fingerprint that the user has. */
export const TAKEN = "has already been taken";
const NO_FINGERPRINT = "could not be generated";
const NO_LENGTH = "could not be calculated";

const MOST_NAME_CHARACTERS = 255;

const FIELDS = ["name", "key", "fingerprint", "length"] as const;
type Errors = Partial<Record<(typeof FIELDS)[number], readonly string[]>>;

function append(errors: Errors, field: (typeof FIELDS)[number], messages: readonly string[]): void {
  if (messages.length > 0) errors[field] = [...(errors[field] ?? []), ...messages];
}

function inOrder(errors: Errors): ValidationErrors {
  return Object.fromEntries(FIELDS.flatMap((field) => (errors[field] ? [[field, errors[field]]] : [])));
}

function validationErrors({ name, key }: SentKey, generation: ForemanGeneration): Errors {
  const names = name === null || name === "" ? [KEY_ERRORS.blank] : tooLong(name);
  const keys: string[] = [];
  let isKey = false;
  let hasFingerprint = false;
  if (key === null || key === "") keys.push(KEY_ERRORS.blank, KEY_ERRORS.format);
  else {
    isKey = parsePublicKey(key).ok;
    hasFingerprint =
      isKey ||
      (generation !== "5.1" && /^(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)) \S+/.test(key));
    if (!isKey) keys.push(KEY_ERRORS.invalid);
    // Keys on security keys, which Foreman does not know, are keys here.
    if (!/^(?:sk-)?(?:ssh|ecdsa)-/.test(key)) keys.push(KEY_ERRORS.format);
    if (/[\r\n]/.test(key)) keys.push(KEY_ERRORS.lines);
  }
  const errors: Errors = {};
  append(errors, "name", names);
  append(errors, "key", keys);
  append(errors, "fingerprint", hasFingerprint ? [] : [NO_FINGERPRINT]);
  append(errors, "length", isKey ? [] : [NO_LENGTH]);
  return errors;
}

function tooLong(name: string): readonly string[] {
  return [...name].length > MOST_NAME_CHARACTERS
    ? [`is too long (maximum is ${MOST_NAME_CHARACTERS} characters)`]
    : [];
}
