import { rsaNumbers } from "../ssh/weakness/rsanumbers.ts";
import { inTurn } from "./inturn.ts";
import type { Chosen, Condemned } from "./rsakeys.ts";
import { keyOfLine } from "./textlist.ts";

/** What audit writes begins with it, in a list of its own or at the end of somebody's. */
const HEADER = `# reason: SharedFactor
# RSA keys that share a prime with another one, found by sshkey-operator audit. None of them is taken out while there is room.
`;

/** What audit found of the cluster. */
export interface AuditFindings {
  readonly found: readonly Condemned[];
  /** Whose the moduli are. */
  readonly chosen: Pick<Chosen, "moduli">;
  /** Moduli that no SSHKey has any more. */
  readonly gone: ReadonlySet<bigint>;
}

/** A list as it is to be. */
export interface AuditList {
  /** The same as before where nothing changes. */
  readonly text: string;
  /** How many keys that are in use there was no room for. */
  readonly unlisted: number;
}

/** One modulus on the list. */
interface Entry {
  readonly line: string;
  readonly modulus: bigint;
  /** Of whose shares it is; the first that has room takes it in. */
  readonly owners: readonly Owner[];
  readonly isGone: boolean;
}

interface Owner {
  readonly namespace: string;
  readonly user: string;
}

/**
 * The list with what was found in it, as text: one public key a line, so that each is found with any exponent. What somebody
 * else wrote stays. No more than fit into so many bytes: each namespace gets an equal share of them, and in its namespace each
 * user, so that nobody's many keys keep another's off the list. The share of a namespace goes to keys that are in use, the
 * older ones first, and then to those that no SSHKey has any more, the newer ones first: their prime is known for ever, so
 * they stay while there is room.
 */
export function renewedList(
  before: string,
  { found, chosen, gone }: AuditFindings,
  mostBytes = Number.POSITIVE_INFINITY,
): AuditList {
  const known = new Set<bigint>();
  const entry = (line: string, modulus: bigint, namespace: string): Entry => {
    const owners = chosen.moduli.get(modulus) ?? [{ namespace, user: "" }];
    return { line, modulus, owners, isGone: gone.has(modulus) };
  };
  const others: string[] = [];
  const entries: Entry[] = [];
  for (const { line, modulus, namespace } of linesOf(before)) {
    if (modulus === undefined || namespace === undefined) others.push(line);
    else if (!known.has(modulus)) entries.push(entry(line, modulus, namespace));
    if (modulus !== undefined) known.add(modulus);
  }
  const listed = entries.length;
  for (const { key } of found) {
    if (known.has(key.modulus)) continue;
    known.add(key.modulus);
    const line = `ssh-rsa ${key.base64} ${key.namespace}/${key.name}`;
    entries.push(entry(line, key.modulus, key.namespace));
  }
  if (entries.length === listed && Buffer.byteLength(before) <= mostBytes)
    return { text: before, unlisted: 0 };
  const start = others.map((line) => `${line}\n`).join("") + HEADER;
  const kept = new Set<Entry>();
  let bytes = Buffer.byteLength(start);
  for (const entry of fairly(entries)) {
    if (kept.has(entry) || bytes + sizeOf(entry) > mostBytes) continue;
    bytes += sizeOf(entry);
    kept.add(entry);
  }
  const text = entries.filter((entry) => kept.has(entry)).map(({ line }) => `${line}\n`);
  return {
    text: start + text.join(""),
    unlisted: entries.filter((entry) => !entry.isGone && !kept.has(entry)).length,
  };
}

/** The moduli that audit has put on a list. */
export function listedModuli(list: string): readonly bigint[] {
  return linesOf(list).flatMap(({ modulus, namespace }) =>
    modulus === undefined || namespace === undefined ? [] : [modulus],
  );
}

interface Line {
  readonly line: string;
  /** Of an RSA key. */
  readonly modulus?: bigint;
  /** Of a line that audit wrote. */
  readonly namespace?: string;
}

/** All lines but the header. */
function linesOf(list: string): readonly Line[] {
  const at = list.indexOf(HEADER);
  const theirs = at === -1 ? list : list.slice(0, at);
  const own = at === -1 ? "" : list.slice(at + HEADER.length);
  return [
    ...split(theirs).map((line) => ({ line, ...modulusOf(line) })),
    ...split(own).map((line) => {
      const [, namespace] = WRITTEN.exec(line) ?? [];
      return { line, ...modulusOf(line), ...(namespace === undefined ? {} : { namespace }) };
    }),
  ];
}

const WRITTEN = /^ssh-rsa \S+ ([^\s/]+)\/[^\s/]+$/;

function split(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function modulusOf(line: string): Pick<Line, "modulus"> {
  const key = keyOfLine(line.trim());
  return key?.type === "ssh-rsa" ? { modulus: rsaNumbers(key.blob).modulus } : {};
}

/** An entry comes once for each of its owners, so nobody keeps another's off the list by declaring it as well. */
function fairly(entries: readonly Entry[]): readonly Entry[] {
  const inUse = shares(entries.filter(({ isGone }) => !isGone));
  const gone = shares(entries.filter(({ isGone }) => isGone).reverse());
  const byUser = inTurn(inUse, ({ owner: { namespace, user } }) => `${namespace}/${user}`, sizeOfShare);
  const inOrder = inTurn([...byUser, ...gone], ({ owner }) => owner.namespace, sizeOfShare);
  return inOrder.map(({ entry }) => entry);
}

interface Share {
  readonly entry: Entry;
  readonly owner: Owner;
}

function shares(entries: readonly Entry[]): readonly Share[] {
  return entries.flatMap((entry) => entry.owners.map((owner) => ({ entry, owner })));
}

function sizeOfShare({ entry }: Share): number {
  return sizeOf(entry);
}

function sizeOf({ line }: Entry): number {
  return Buffer.byteLength(line) + 1;
}
