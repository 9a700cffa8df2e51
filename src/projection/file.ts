import { isDNSLabel } from "../api/names.ts";
import { MAXIMUM_KEYS_PER_USER, type Policy } from "../claims/policy.ts";
import { ownOptions } from "../claims/possession.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import { type ExpiryTimeFormat, renderAuthorizedKey } from "../ssh/authorizedkeys.ts";
import { skipOptions } from "../ssh/keyline.ts";
import { lineType } from "../ssh/keytype.ts";

/** What is left of a Secret's 1 MiB (core/v1 MaxSecretSize) for its files. */
export const MAXIMUM_FILE_BYTES = 1_000_000;

/** The line of an SSHKey in its user's file, without the newline: `[options ]TYPE BASE64 namespace/name`. */
export function lineOf(record: SSHKeyRecord, policy: Policy, format: ExpiryTimeFormat): string {
  const { key, expiresAt, namespace, name } = record;
  if (key === undefined) throw new TypeError(`${namespace}/${name} has no key`);
  const { type, base64 } = key;
  const options = ownOptions(record, policy);
  const limit = expiresAt === undefined ? {} : { expiresAt };
  return renderAuthorizedKey({ options, type, base64, ...limit, comment: `${namespace}/${name}` }, format);
}

/** A parsed line of the file. */
export interface FileLine {
  readonly text: string;
  /** The canonical blob. */
  readonly base64: string;
  /** Of the SSHKey. */
  readonly namespace: string;
  readonly name: string;
}

/** The lines of a file that the operator wrote, or could have written. */
export function linesOf(file: string): readonly FileLine[] {
  return file
    .split("\n")
    .slice(0, -1)
    .map((text) => {
      const end = text.lastIndexOf(" ");
      const slash = text.lastIndexOf("/");
      return {
        text,
        base64: text.slice(text.lastIndexOf(" ", end - 1) + 1, end),
        namespace: text.slice(end + 1, slash),
        name: text.slice(slash + 1),
      };
    });
}

/** Identity of a line: the same key of the same SSHKey, whatever its options. */
export function lineIdentity({ base64, namespace, name }: FileLine): string {
  return `${base64} ${namespace}/${name}`;
}

/** By the names of their SSHKeys, as the lines of a file are sorted. */
export function byName(one: FileLine, other: FileLine): number {
  const [a, b] = [`${one.namespace}/${one.name}`, `${other.namespace}/${other.name}`];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The file that these lines make. */
export function fileOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * The lines of a file that the operator could have written, with SSHKeys of this namespace or, if undefined, of any; every
 * other line is left out. Linear in the file, whatever it holds, and without a copy of what is left out; never more lines
 * than a file can have (maximumKeysPerUser).
 */
export function operatorLines(file: Buffer, namespace: string | undefined): string {
  // Every blob begins with the length of its type.
  const mark = Buffer.from(namespace === undefined ? " AAAA" : ` ${namespace}/`, "utf8");
  const lines: string[] = [];
  for (let start = 0; start < file.length && lines.length < 2 * MAXIMUM_KEYS_PER_USER; ) {
    // Most of what another client wrote has no such place, and need not be looked at line by line.
    const place = file.indexOf(mark, start);
    if (place === -1) break;
    const end = file.indexOf(newline, place);
    if (end === -1) break;
    const line = file.toString("utf8", file.lastIndexOf(newline, place) + 1, end);
    if (isOperatorLine(line, namespace)) lines.push(line, "\n");
    start = end + 1;
  }
  return lines.join("");
}

const newline = 0x0a;

/** A key line begins with its type, or with options in front of it, as the operator writes both. */
function isOperatorLine(line: string, namespace: string | undefined): boolean {
  if (isBareLine(line, namespace)) return true;
  const bare = skipOptions(line);
  return bare !== undefined && isBareLine(bare, namespace);
}

function isBareLine(line: string, expected: string | undefined): boolean {
  const first = line.indexOf(" ");
  const second = line.indexOf(" ", first + 1);
  if (first <= 0 || second <= first + 1 || line.indexOf(" ", second + 1) !== -1) return false;
  const type = line.slice(0, first);
  const slash = line.indexOf("/", second + 1);
  const namespace = line.slice(second + 1, slash);
  if (lineType(type) !== type || slash === -1) return false;
  if (expected === undefined ? !isDNSLabel(namespace) : namespace !== expected) return false;
  return (
    /^AAAA[A-Za-z0-9+/]+={0,2}$/.test(line.slice(first + 1, second)) &&
    /^[a-z0-9][a-z0-9.-]{0,252}$/.test(line.slice(slash + 1))
  );
}
