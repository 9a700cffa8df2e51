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

/**
 * Which keys the administrator has revoked: by this list, or by the one that the settings name. Lines that are no fingerprint
 * are said on stderr and pass for nothing, as for the operator. Rejects with a PluginError where the list cannot be read.
 */
export async function knowledgeOf(
  session: Session,
  { revokedKeys }: Settings,
  list: string | undefined,
): Promise<Knowledge> {
  const file = list ?? revokedKeys;
  if (file === undefined) return { revoked: parseRevokedList("").fingerprints };
  const { fingerprints, strayLines } = await revokedList(session, file);
  const name = printable(file);
  for (const line of strayLines.slice(0, MOST_STRAY_LINES))
    session.say(`note: ${name}:${line} is ${STRAY_LINE}`);
  const more = strayLines.length - MOST_STRAY_LINES;
  if (more > 0) session.say(`note: ${name} has ${more} more lines that are no fingerprints`);
  return { revoked: fingerprints };
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
