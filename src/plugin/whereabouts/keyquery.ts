import { addAbortSignal } from "node:stream";
import { describePrivateKey } from "../../ssh/privatekey.ts";
import { readKeyQuery } from "../../whereabouts/keyquery.ts";
import { PluginError, type Session } from "../session/session.ts";

/** Longer than any .pub file. */
const MOST_CHARACTERS = 65_536;

/** The fingerprint of the key that a person means (see readKeyQuery). Throws a PluginError for any other text. */
export function toFingerprint(text: string): string {
  const query = readKeyQuery(text);
  if ("fingerprint" in query) return query.fingerprint;
  throw new PluginError(query.problem);
}

/** What stands on standard input, for toFingerprint; no more of it is read than shows what it is. */
export async function readKeyFromStdin({ stdin, signal }: Session): Promise<string> {
  let text = "";
  for await (const chunk of addAbortSignal(signal, stdin)) {
    text += String(chunk);
    const privateKey = describePrivateKey(text);
    if (privateKey !== undefined) throw new PluginError(privateKey);
    if (text.length > MOST_CHARACTERS)
      throw new PluginError("standard input is longer than a key: give the one line of a .pub file");
  }
  return text;
}
