import { validateSpec } from "../../api/rules.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { parseRFC3339 } from "../../api/time.ts";
import { fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { describePrivateKey } from "../../ssh/privatekey.ts";
import { printable } from "../../ssh/unprintable.ts";
import { lineOf } from "../givenkeys/keytext.ts";
import type { NewSSHKey } from "../givenkeys/newsshkey.ts";
import { type LineFinding, readAuthorizedKeys } from "./authorizedkeysfile.ts";

/** A text with key lines, as a source has it. */
export interface KeyText {
  /** Where it stands, as messages have it: a file, or a place in one. */
  readonly place: string;
  readonly text: string;
  /** Whose keys it holds, if the source says so. */
  readonly user?: string;
  /** Which namespace the source names. */
  readonly namespace?: string;
  /** What the source calls the key. */
  readonly title?: string;
  readonly expiresAt?: string;
  /** Is it one line of a source that numbers none? */
  readonly isOneLine?: boolean;
  /** Is it one file of several, of which others may be for something else? */
  readonly isOneOfMany?: boolean;
}

/** What the reader of a source has found: keys, or why something is none. */
export type Source = KeyText | { readonly place: string; readonly leftOut: string };

export interface ImportedKey {
  readonly place: string;
  readonly made: NewSSHKey;
  /** Undefined: the one to work in. */
  readonly namespace: string | undefined;
}

/** What a person should know of the sources, a sentence each. `lost`: something did not come along. */
export interface Told {
  readonly place: string;
  readonly text: string;
  readonly lost: boolean;
}

/** Makes an SSHKey of each key of the sources, and says why of what is left out. */
export class ImportedKeys {
  readonly #user: string | undefined;
  readonly #namespace: string | undefined;
  /** By namespace, user and blob. */
  readonly #seen = new Map<string, ImportedKey>();
  readonly #users = new Map<string, string>();

  /** `user`: whose keys those are of which the source does not say it. `namespace`: for all of them. */
  constructor({ user, namespace }: { readonly user?: string; readonly namespace?: string }) {
    this.#user = user;
    this.#namespace = namespace;
  }

  *read(source: Source): Generator<ImportedKey | Told, void, undefined> {
    const { place } = source;
    if ("leftOut" in source) {
      yield { place, text: source.leftOut, lost: true };
      return;
    }
    const privateKey = describePrivateKey(source.text);
    if (privateKey !== undefined) {
      yield { place, text: privateKey, lost: true };
      return;
    }
    if (source.isOneOfMany === true) {
      const findings = [...readAuthorizedKeys(source.text)];
      const [first] = findings;
      if (first?.kind === "leftOut" && !findings.some(isKey)) {
        yield { place, text: `no line of it is a key; of line ${first.line}: ${first.why}`, lost: true };
        return;
      }
    }
    const disabled: number[] = [];
    for (const finding of readAuthorizedKeys(source.text)) {
      const at = source.isOneLine === true ? place : `${place}:${finding.line}`;
      if (finding.kind === "disabled") disabled.push(finding.line);
      else if (finding.kind === "leftOut") yield { place: at, text: finding.why, lost: true };
      else yield* this.#toSSHKey(source, finding, at);
    }
    if (disabled.length > 0) yield { place, text: disabledText(disabled), lost: false };
  }

  *#toSSHKey(
    source: KeyText,
    key: Extract<LineFinding, { kind: "key" }>,
    place: string,
  ): Generator<ImportedKey | Told, void, undefined> {
    const user = source.user ?? this.#user;
    if (user === undefined) {
      yield { place, text: "it does not say whose key this is: give --user", lost: true };
      return;
    }
    const namespace = this.#namespace ?? source.namespace;
    const spec = toSpec(source, key, user);
    const blob = key.blob.toString("base64");
    const id = JSON.stringify([namespace, user, blob]);
    const before = this.#seen.get(id);
    if (before !== undefined) {
      yield sameAgain(before, spec, place);
      return;
    }
    const [fault] = validateSpec(spec);
    if (fault !== undefined) {
      yield { place, text: `${fault.field}: ${fault.message}`, lost: true };
      return;
    }
    const made = { key: { ...key, convertedFrom: undefined }, spec, name: undefined };
    const found = { place, made, namespace };
    this.#seen.set(id, found);
    yield found;
    const others = this.#users.get(`${namespace ?? ""}/${blob}`);
    if (others === undefined) this.#users.set(`${namespace ?? ""}/${blob}`, user);
    else
      yield {
        place,
        text: `this is also a key of ${printable(others)}, and one of the two becomes Duplicate unless the operator's duplicateScope is User`,
        lost: false,
      };
  }
}

function isKey({ kind }: LineFinding): boolean {
  return kind === "key";
}

function toSpec(
  { title, expiresAt }: KeyText,
  key: Extract<LineFinding, { kind: "key" }>,
  user: string,
): SSHKeySpec {
  const label = firstCharacters(printable(title ?? key.comment), MAXIMUM_TITLE);
  const limit = earliest([expiresAt, key.expiresAt]);
  return {
    user,
    key: lineOf(key),
    ...(label === "" ? {} : { title: label }),
    ...(key.options.length === 0 ? {} : { options: [...key.options] }),
    ...(limit === undefined ? {} : { expiresAt: limit }),
  };
}

/** Times of RFC 3339, which may have different offsets. */
function earliest(times: readonly (string | undefined)[]): string | undefined {
  const at = (time: string) => parseRFC3339(time) ?? 0;
  return times.filter((time) => time !== undefined).toSorted((a, b) => at(a) - at(b))[0];
}

const MAXIMUM_TITLE = 255;

function firstCharacters(text: string, most: number): string {
  return text.length <= most ? text : [...text.slice(0, 2 * most)].slice(0, most).join("").trim();
}

function sameAgain({ place: before, made }: ImportedKey, again: SSHKeySpec, place: string): Told {
  const isSame =
    JSON.stringify([made.spec.options, made.spec.expiresAt]) ===
    JSON.stringify([again.options, again.expiresAt]);
  const key = fingerprintSHA256(made.key.blob);
  return isSame
    ? { place, text: `${key} is the same key as at ${before}`, lost: false }
    : {
        place,
        text: `${key} is the same key as at ${before} with other options, and a key can have only those of one line: the first is taken`,
        lost: true,
      };
}

function disabledText(lines: readonly number[]): string {
  const [first] = lines;
  return lines.length === 1
    ? `the key behind the # in line ${first} is not imported`
    : `${lines.length} keys behind a # are not imported: lines ${lines.join(", ")}`;
}
