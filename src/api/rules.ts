import { OPTION_LIMITS } from "../ssh/options.ts";
import { describePrivateKey } from "../ssh/privatekey.ts";
import { MAX_KEY_CHARACTERS } from "../ssh/publickey.ts";
import { characterAt, codePoints, firstUnprintable, strayCharacter } from "../ssh/unprintable.ts";
import type { KeyErrorCode } from "./errors.ts";
import type { SSHKeySpec } from "./sshkey.generated.ts";
import { MAX_TIME_CHARACTERS, parseRFC3339 } from "./time.ts";

/** Why a field is not accepted. */
export interface FieldError {
  readonly field: "spec" | `spec.${keyof SSHKeySpec}`;
  /** A stable word for programs, usable as the reason of a condition. */
  readonly code: Extract<
    KeyErrorCode,
    | "PrivateKey"
    | "InvalidUser"
    | "InvalidKey"
    | "InvalidTitle"
    | "InvalidOptionList"
    | "InvalidExpiresAt"
    | "InvalidProof"
  >;
  /** What is wrong and what to do, in the CRD's own words. */
  readonly message: string;
}

/**
 * The rules of crds/sshkeys.yaml for a new SSHKey, as its CEL has them, and what CEL cannot say: a user's Unicode form.
 * At most one error a field, and one for a private key anywhere in the spec; a spec.key that holds one has no other.
 * Empty where the API server would store the spec. Only the messages on a text or a list that is too long are the API
 * server's own.
 */
export function validateSpec(spec: SSHKeySpec): readonly FieldError[] {
  const { title, options, expiresAt, proof } = spec;
  const secret = validateNoPrivateKey(spec);
  const isKeySecret = secret !== undefined && describePrivateKey(spec.key) !== undefined;
  return [
    secret,
    validateUser(spec.user),
    isKeySecret ? undefined : validateKey(spec.key),
    title === undefined ? undefined : validateTitle(title),
    options === undefined ? undefined : validateOptions(options),
    expiresAt === undefined ? undefined : validateExpiresAt(expiresAt),
    proof === undefined ? undefined : validateProof(proof),
  ].filter((error) => error !== undefined);
}

/**
 * The CRD's words on a change of the user, which it takes from nobody; undefined where it stays. Of an SSHKey that is there
 * nothing else is said of spec.user.
 */
export function validateUserChange({ user }: SSHKeySpec, old: SSHKeySpec): string | undefined {
  return user === old.user
    ? undefined
    : "the user of an SSHKey cannot be changed: delete this SSHKey and create one for the other user";
}

/** An error if a private key stands in any text of the spec, as it is or in what careless tools make of it. */
function validateNoPrivateKey(spec: SSHKeySpec): FieldError | undefined {
  const { key, user, title, expiresAt, proof, options } = spec;
  const texts = [key, user, title, expiresAt, proof, ...(options ?? [])].filter((text) => text !== undefined);
  if (describePrivateKey(texts.join("\n")) === undefined) return undefined;
  return {
    field: "spec",
    code: "PrivateKey",
    message:
      "this holds a private key. It was not stored, but it has left your machine: if it is in use, replace it. Put the public half into spec.key: the line of the .pub file, or what `ssh-keygen -y -f FILE` prints",
  };
}

/** What is wrong with spec.user: the CRD's rule, and the form NFC, so that one name has one spelling. */
export function validateUser(user: string): FieldError | undefined {
  const error = (message: string): FieldError => ({ field: "spec.user", code: "InvalidUser", message });
  if (user === "") return error("name the user who owns the key, such as alice or alice@example.com");
  if (codePoints(user) > MAX_USER_CHARACTERS) {
    return error(`the user has more than ${MAX_USER_CHARACTERS} characters: use a shorter name`);
  }
  const hidden = hiddenIn("the user", user);
  if (hidden !== undefined) return error(hidden);
  if (/^\p{Zs}|\p{Zs}$/u.test(user)) return error("the user begins or ends with a space: remove it");
  const composed = user.normalize("NFC");
  if (composed !== user) {
    const position = 1 + firstDifference([...user], [...composed]);
    return error(
      `the user is not in Unicode normalization form NFC from character ${position} on: write it with composed characters`,
    );
  }
  return undefined;
}

/** What is wrong with spec.title. */
export function validateTitle(title: string): FieldError | undefined {
  const error = (message: string): FieldError => ({ field: "spec.title", code: "InvalidTitle", message });
  if (codePoints(title) > MAX_TITLE_CHARACTERS) {
    return error(`the title has more than ${MAX_TITLE_CHARACTERS} characters: shorten it`);
  }
  const hidden = hiddenIn("the title", title);
  return hidden === undefined ? undefined : error(hidden);
}

/** What the CRD says of spec.options; renderOptions in src/ssh judges what each of them means. */
export function validateOptions(options: readonly string[]): FieldError | undefined {
  const { options: most, charactersEach, charactersTogether } = OPTION_LIMITS;
  const error = (message: string): FieldError => ({
    field: "spec.options",
    code: "InvalidOptionList",
    message,
  });
  if (options.length > most) return error(`there are more than ${most} options: remove some`);
  if (options.some((option) => codePoints(option) > charactersEach)) {
    return error(`an option has more than ${charactersEach} characters: shorten it`);
  }
  if (options.reduce((sum, option) => sum + codePoints(option), 0) > charactersTogether) {
    return error(`the options have more than ${charactersTogether} characters together: shorten them`);
  }
  if (options.includes("")) return error("an option is empty: remove it");
  const hidden = options.map(firstUnprintable).find((found) => found !== undefined);
  return hidden && error(`an option contains ${hidden.name}, which cannot be seen: remove it`);
}

/** What is wrong with spec.expiresAt. */
export function validateExpiresAt(expiresAt: string): FieldError | undefined {
  if (codePoints(expiresAt) <= MAX_TIME_CHARACTERS && parseRFC3339(expiresAt) !== undefined) return undefined;
  return {
    field: "spec.expiresAt",
    code: "InvalidExpiresAt",
    message:
      'give an existing date, a time and an offset as RFC 3339 writes them, such as 2027-01-31T18:00:00Z; `date -u -d "+90 days" +%FT%TZ` prints one',
  };
}

/** What the CRD says of spec.proof: whether it has the shape of a signature. Whose it is, readProof in src/claims says. */
function validateProof(proof: string): FieldError | undefined {
  const error = (message: string): FieldError => ({ field: "spec.proof", code: "InvalidProof", message });
  if (codePoints(proof) > MAX_PROOF_CHARACTERS) {
    return error(`the proof has more than ${MAX_PROOF_CHARACTERS} characters: give one signature`);
  }
  if (PROOF.test(proof)) return undefined;
  return error(
    "this is not one SSH signature. Put in all that `printf %s USER | ssh-keygen -Y sign -n sshkey-operator.dev -f KEY -` prints",
  );
}

/**
 * What the CRD says of spec.key: whether it has the shape of a key line. Whether the key in it is one, parsePublicKey
 * in src/ssh says.
 */
export function validateKey(key: string): FieldError | undefined {
  const error = (message: string): FieldError => ({ field: "spec.key", code: "InvalidKey", message });
  if (codePoints(key) > MAX_KEY_CHARACTERS) {
    return error(`the key has more than ${MAX_KEY_CHARACTERS} characters: give one key, on one line`);
  }
  return isKeyLine(key) ? undefined : error(shapeMessage(key));
}

/** In two steps, as a pattern of the whole takes too long to prove linear. Only one place can end the first. */
function isKeyLine(key: string): boolean {
  const start = KEY_START.exec(key)?.[0];
  return start !== undefined && KEY_REST.test(key.slice(start.length));
}

function shapeMessage(key: string): string {
  if (/BEGIN[ A-Z0-9]{1,40}--/.test(key)) {
    return "this is a public key or certificate in PEM or RFC 4716 form. Convert a public key with `ssh-keygen -i -f FILE` (RFC 4716) or `ssh-keygen -i -m PKCS8 -f FILE` (PEM) and put in the line that it prints";
  }
  if (key.includes('"kty"')) {
    return "this is a JSON Web Key. Put in an OpenSSH public key: the line of a .pub file";
  }
  const text = key.replace(/^[ \t\r\n]+/, "");
  if (/^M[C-I][A-Za-z0-9+/]{30}/.test(text)) {
    return "this is base64 of a key in another format. If it is a public key in PEM form without its first and last line, add them and convert it with `ssh-keygen -i -m PKCS8 -f FILE`";
  }
  if (/^(c3NoL[VW]|ZWNkc2Et|c2st(c3No|ZWNk))/.test(text)) {
    return "this is the base64 of a whole key line. Decode it with `base64 -d` and put in the line itself";
  }
  if (/^[ \t]*["\x27`\u201c\u201d\u201e\u2018\u2019\u201a\xab\xbb](ssh|ecdsa|sk)-/.test(key)) {
    return "quotes stand around the key. Remove them, also the one at the end";
  }
  if (isSeveralKeys(key)) return "these are several keys. Create one SSHKey object for each";
  if (/[\r\u2028\u2029]|\n./s.test(key)) {
    return "this is more than one line. Put in the one line of the .pub file, without line breaks or carriage returns";
  }
  if (keyWords(key).some(({ word, isFirst }) => !isFirst && TYPE.test(word))) {
    return 'something stands in front of the key type. Begin with the type and move options such as restrict or from="..." to spec.options, one an item';
  }
  const stray = key.includes("AAAA") ? strayCharacter(key) : undefined;
  if (stray !== undefined) {
    return `${stray.name} cannot stand in the type or the base64 of a key: replace it, or copy the line again as plain text`;
  }
  const control = KEY_START.test(key) ? characterAt(key, key.search(/[^\P{Cc}\t\n]/u)) : undefined;
  if (control !== undefined) return `the comment contains ${control.name}, which cannot be seen: remove it`;
  return "this is not an OpenSSH public key. Copy the whole line of a .pub file: TYPE BASE64 [COMMENT], as in `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA... alice@laptop`";
}

/** A base64 word, then behind a line break another one with a type before it. */
function isSeveralKeys(key: string): boolean {
  const start = key.indexOf("AAAA");
  const end = start === -1 ? -1 : key.slice(start).search(/[\r\n]/);
  return (
    end !== -1 && keyWords(key.slice(start + end + 1)).some(({ word }) => TYPE_AT_END.test(lastLine(word)))
  );
}

/** Each word that a word with AAAA at its start follows. */
function keyWords(text: string): { readonly word: string; readonly isFirst: boolean }[] {
  const words = text.split(/[ \t]+/);
  const firstWord = words[0] === "" ? 1 : 0;
  return words.flatMap((word, index) =>
    words[index + 1]?.startsWith("AAAA") === true ? [{ word, isFirst: index === firstWord }] : [],
  );
}

/** What could be a type, at the end of a word, looked for from its end. */
function lastLine(word: string): string {
  let start = word.length;
  while (start > 0 && /[A-Za-z0-9@.-]/.test(word.charAt(start - 1))) start -= 1;
  return word.slice(start);
}

function hiddenIn(what: string, text: string): string | undefined {
  const hidden = firstUnprintable(text);
  return hidden && `${what} contains ${hidden.name}, which cannot be seen: remove it`;
}

function firstDifference(one: readonly string[], other: readonly string[]): number {
  return one.findIndex((character, index) => character !== other[index]);
}

const MAX_USER_CHARACTERS = 253;
const MAX_TITLE_CHARACTERS = 255;
const MAX_PROOF_CHARACTERS = 16_384;
// RE2's \s is ASCII's.
const PROOF =
  /^[\ufeff\t\n\f\r ]*-----BEGIN SSH SIGNATURE-----[A-Za-z0-9+/=\t\n\f\r ]*-----END SSH SIGNATURE-----[\t\n\f\r ]*$/;
const KEY_START = /^[ \t]*(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+[ \t]+AAAA/;
// The base64 must begin as the wire format of a key named ssh-*, ecdsa-* or sk-* does (RFC 4253 section 6.6).
const KEY_REST =
  /^[A-Za-z0-9+/]([HXn3]NzaC1|[GWm2]VjZHNh|[HXn3]NrL)[A-Za-z0-9+/]*={0,2}([ \t]([^\p{Cc}\p{Zl}\p{Zp}]|\t)*)?\n?$/u;
const TYPE = /^(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+$/;
const TYPE_AT_END = /(ssh|ecdsa|sk)-[A-Za-z0-9@.-]/;
