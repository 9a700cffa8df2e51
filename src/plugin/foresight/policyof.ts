import { knownBy, type Section } from "../../blocklist/blocklist.ts";
import { ListError } from "../../blocklist/listerror.ts";
import { type ReadList, readListFile } from "../../blocklist/readlist.ts";
import { shippedLists } from "../../blocklist/shipped.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import { parseConfig, readSettings } from "../../config/configfile.ts";
import { parseRevokedList, type RevokedList, readRevokedList, STRAY_LINE } from "../../config/revokedlist.ts";
import { ConfigError, type Settings } from "../../config/settings.ts";
import { isPipe } from "../../filestream.ts";
import { printable } from "../../ssh/unprintable.ts";
import { inputText, type TextLimits } from "../session/input.ts";
import { PluginError, type Session } from "../session/session.ts";

/** What the operator's configuration file says; the defaults without one. Rejects with a PluginError that names the line. */
export async function policyOf(session: Session, file: string | undefined): Promise<Settings> {
  try {
    return file !== undefined && isPipe(file)
      ? parseConfig(await inputText(session, file, SETTINGS), file)
      : readSettings(file, undefined);
  } catch (error) {
    if (error instanceof ConfigError) throw new PluginError(error.message);
    throw error;
  }
}

const SETTINGS: TextLimits = {
  bytes: 16 * 1024 * 1024,
  tooLarge: "has more than 16 MiB, which no configuration has: give the operator's",
};

/** Lines of the list that are said to be none; the others are counted. */
const MOST_STRAY_LINES = 10;

/** The files of lists that a person gives. */
export interface GivenLists {
  readonly revokedKeys?: string | undefined;
  /** Lists of compromised keys, in any form that the operator reads. */
  readonly blocklist?: readonly string[] | undefined;
}

/**
 * Which keys the administrator has revoked, by the given list or by the one that the settings name; and which are compromised,
 * by the given lists and by those that come with the product. Lines that say nothing are told on stderr and pass for nothing,
 * as for the operator. Rejects with a PluginError where a list cannot be read.
 */
export async function knowledgeOf(
  session: Session,
  { revokedKeys }: Settings,
  given: GivenLists,
): Promise<Knowledge> {
  const lists = await Promise.all((given.blocklist ?? []).map((file) => blocklist(session, file)));
  const revoked = await revokedOf(session, given.revokedKeys ?? revokedKeys);
  return { revoked, ...knownBy(await productsOwn(), lists) };
}

/** Which lists of the operator's are not here, a sentence each: what is on them passes for nothing. */
export function unreadLists(
  { revokedKeys, blocklists }: Pick<Settings, "revokedKeys" | "blocklists">,
  given: GivenLists,
): readonly string[] {
  const revoked =
    "The operator's list of revoked keys (revokedKeys) is not looked at: give a copy of it with --revoked-keys FILE.";
  const compromised =
    "The operator's lists of compromised keys (blocklists) are not looked at: give a copy of each with --blocklist FILE.";
  return [
    ...(revokedKeys === undefined || given.revokedKeys !== undefined ? [] : [revoked]),
    ...(blocklists === undefined || given.blocklist !== undefined ? [] : [compromised]),
  ];
}

async function productsOwn(): Promise<readonly Section[]> {
  try {
    return await shippedLists();
  } catch (error) {
    if (error instanceof ListError) throw new PluginError(error.message);
    throw error;
  }
}

async function revokedOf(session: Session, file: string | undefined): Promise<ReadonlySet<string>> {
  if (file === undefined) return new Set();
  const { fingerprints, strayLines } = await revokedList(session, file);
  const name = printable(file);
  for (const line of strayLines.slice(0, MOST_STRAY_LINES))
    session.say(`note: ${name}:${line} is ${STRAY_LINE}`);
  const more = strayLines.length - MOST_STRAY_LINES;
  if (more > 0) session.say(`note: ${name} has ${more} more lines that are no fingerprints`);
  return fingerprints;
}

async function blocklist(session: Session, file: string): Promise<ReadList> {
  const name = printable(file);
  try {
    const list = await readListFile(file);
    if (list.strayCount > 0)
      session.say(`note: ${name} has ${list.strayCount} lines that are no fingerprints and no public keys`);
    return list;
  } catch (error) {
    if (error instanceof ListError) throw new PluginError(`${name}: ${error.message}`);
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "") throw error;
    throw new PluginError(`cannot read ${name} (${code}): give the file of a list to --blocklist`);
  }
}

const LIST: TextLimits = {
  bytes: 64 * 1024 * 1024,
  tooLarge: "has more than 64 MiB: give fingerprints alone, as ssh-keygen -l prints them",
};

async function revokedList(session: Session, file: string): Promise<RevokedList> {
  try {
    return isPipe(file) ? parseRevokedList(await inputText(session, file, LIST)) : readRevokedList(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new PluginError(
      `${error.message}: the operator reads its list there, so give a copy of it with --revoked-keys FILE`,
    );
  }
}
