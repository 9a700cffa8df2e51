import type { ForemanGeneration } from "../../config/portalsettings.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import type { ValidationErrors } from "./errors.ts";

/** What a program sends for a new key; null where it sent nothing of use. */
export interface SentKey {
  readonly name: string | null;
  readonly key: string | null;
}

/** The fields of a body, wrapped in `ssh_key` or not; where both are there the wrapped ones count. */
export function sentKey(body: unknown): SentKey {
  const outer = isRecord(body) ? body : {};
  const wrapped = Object.hasOwn(outer, "ssh_key") ? outer.ssh_key : outer;
  const fields = isRecord(wrapped) ? wrapped : {};
  const text = (value: unknown) =>
    typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : null;
  return { name: text(fields.name), key: text(fields.key) };
}

const KEY_ERRORS = {
  blank: "can't be blank",
  invalid: "is not a valid public ssh key",
  format: "must be in OpenSSH public key format",
  lines: "should be a single line",
} as const;
const NO_FINGERPRINT = "could not be generated";
const NO_LENGTH = "could not be calculated";

const MOST_NAME_CHARACTERS = 255;

/** What Foreman finds wrong with it, in Foreman's words; undefined for nothing. */
export function validationErrors(
  { name, key }: SentKey,
  generation: ForemanGeneration,
): ValidationErrors | undefined {
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
    if (!/^(?:ssh|ecdsa|sk)-/.test(key)) keys.push(KEY_ERRORS.format);
    if (/[\r\n]/.test(key)) keys.push(KEY_ERRORS.lines);
  }
  const errors = {
    ...(names.length === 0 ? {} : { name: names }),
    ...(keys.length === 0 ? {} : { key: keys }),
    ...(hasFingerprint ? {} : { fingerprint: [NO_FINGERPRINT] }),
    ...(isKey ? {} : { length: [NO_LENGTH] }),
  };
  return Object.keys(errors).length === 0 ? undefined : errors;
}

function tooLong(name: string): readonly string[] {
  return [...name].length > MOST_NAME_CHARACTERS
    ? [`is too long (maximum is ${MOST_NAME_CHARACTERS} characters)`]
    : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
