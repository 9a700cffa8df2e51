import type { Knowledge } from "../../claims/judgement.ts";
import { readSettings } from "../../config/configfile.ts";
import { parseRevokedList, readRevokedList, STRAY_LINE } from "../../config/revokedlist.ts";
import { ConfigError, type Settings } from "../../config/settings.ts";
import { printable } from "../../ssh/unprintable.ts";
import { PluginError, type Session } from "../session/session.ts";

/** What the operator's configuration file says; the defaults without one. Throws a PluginError that names the line. */
export function policyOf(file: string | undefined): Settings {
  try {
    return readSettings(file, undefined);
  } catch (error) {
    if (error instanceof ConfigError) throw new PluginError(error.message);
    throw error;
  }
}

/** Lines of the list that are said to be none; the others are counted. */
const MOST_STRAY_LINES = 10;

/**
 * Which keys the administrator has revoked: by this list, or by the one that the settings name. Lines that are no fingerprint
 * are said on stderr and pass for nothing, as for the operator. Throws a PluginError where the list cannot be read.
 */
export function knowledgeOf(
  session: Session,
  { revokedKeys }: Settings,
  list: string | undefined,
): Knowledge {
  const file = list ?? revokedKeys;
  if (file === undefined) return { revoked: parseRevokedList("").fingerprints };
  const { fingerprints, strayLines } = revokedList(file);
  const name = printable(file);
  for (const line of strayLines.slice(0, MOST_STRAY_LINES))
    session.say(`note: ${name}:${line} is ${STRAY_LINE}`);
  const more = strayLines.length - MOST_STRAY_LINES;
  if (more > 0) session.say(`note: ${name} has ${more} more lines that are no fingerprints`);
  return { revoked: fingerprints };
}

function revokedList(file: string): ReturnType<typeof readRevokedList> {
  try {
    return readRevokedList(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new PluginError(
      `${error.message}: the operator reads its list there, so give a copy of it with --revoked-keys FILE`,
    );
  }
}
