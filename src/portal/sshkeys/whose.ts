import { readKeyQuery } from "../../whereabouts/keyquery.ts";
import { type KeyMention, readLogLine } from "../../whereabouts/sshdlog.ts";
import type { PortalKey } from "./portalkey.ts";

/** What is known of one line. */
export interface LineAnswer {
  readonly line: string;
  /** Empty where the line names no key. */
  readonly named: readonly NamedKey[];
  /** Has journalctl left out the message, because it is long? */
  readonly isCut: boolean;
}

/** A key that a line names. */
export interface NamedKey {
  readonly fingerprint: string;
  /** What a log says of it; undefined where the line is a key or a fingerprint. */
  readonly mention: KeyMention | undefined;
  /** The SSHKeys that have it, those in force first, then the oldest; empty for nobody's. */
  readonly keys: readonly PortalKey[];
  /** How many have it beyond these. */
  readonly more: number;
}

export interface WhoseAnswer {
  readonly lines: readonly LineAnswer[];
  /** How many lines there are beyond the most that are looked at. */
  readonly left: number;
}

/** Where keys are looked for. */
export interface KeyLookup {
  withFingerprint(fingerprint: string): readonly PortalKey[];
  all(): Iterable<PortalKey>;
}

/** How many lines are looked at. */
export const MOST_LINES = 500;

/** How many SSHKeys are named for each key: whoever may write them may give one key to thousands, which many lines may name. */
const MOST_NAMED = 10;

/** Whose keys the lines of a text name, of a namespace: fingerprints, keys, and the log of sshd, one a line. */
export function whose(text: string, known: KeyLookup, namespace: string): WhoseAnswer {
  const given = text.split("\n").filter((line) => line.trim() !== "");
  const read = given.slice(0, MOST_LINES).map(readLine);
  const wanted = new Set(read.flatMap(({ named }) => named.map(({ fingerprint }) => fingerprint)));
  const found = keysWith(wanted, known, namespace);
  const lines = read.map(({ line, named, isCut }) => ({
    line,
    isCut,
    named: named.map((each) => ({ ...each, ...(found.get(each.fingerprint) ?? NOBODY) })),
  }));
  return { lines, left: given.length - read.length };
}

interface ReadLine {
  readonly line: string;
  readonly named: readonly Omit<NamedKey, keyof Holders>[];
  readonly isCut: boolean;
}

function readLine(line: string): ReadLine {
  const query = readKeyQuery(line);
  if ("fingerprint" in query)
    return { line, named: [{ fingerprint: query.fingerprint, mention: undefined }], isCut: false };
  const { mentions, isCut } = readLogLine(line);
  return { line, named: mentions.map((mention) => ({ fingerprint: mention.fingerprint, mention })), isCut };
}

type Holders = Pick<NamedKey, "keys" | "more">;

const NOBODY: Holders = { keys: [], more: 0 };

function holdersOf(keys: readonly PortalKey[]): Holders {
  const rank = ({ state }: PortalKey) => (state === "Projected" || state === "Accepted" ? 0 : 1);
  const sorted = keys.toSorted((a, b) => rank(a) - rank(b) || a.createdAt - b.createdAt);
  return { keys: sorted.slice(0, MOST_NAMED), more: Math.max(0, keys.length - MOST_NAMED) };
}

/** MD5 has no index: all keys are looked through, once. */
function keysWith(
  wanted: ReadonlySet<string>,
  known: KeyLookup,
  namespace: string,
): ReadonlyMap<string, Holders> {
  const found = new Map<string, PortalKey[]>();
  for (const fingerprint of wanted)
    if (fingerprint.startsWith("SHA256:"))
      found.set(
        fingerprint,
        known.withFingerprint(fingerprint).filter((key) => key.namespace === namespace),
      );
  if (found.size < wanted.size)
    for (const key of known.all()) {
      const md5 = key.facts?.fingerprintMD5;
      if (md5 === undefined || !wanted.has(md5) || key.namespace !== namespace) continue;
      const there = found.get(md5);
      if (there === undefined) found.set(md5, [key]);
      else there.push(key);
    }
  return new Map([...found].map(([fingerprint, keys]) => [fingerprint, holdersOf(keys)]));
}
