import { addAbortSignal } from "node:stream";
import { fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { skipOptions } from "../../ssh/keyline.ts";
import { describePrivateKey } from "../../ssh/privatekey.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { PluginError, type Session } from "../session/session.ts";

/** Longer than any .pub file. */
const MOST_CHARACTERS = 65_536;

/**
 * The key that a person means, as its fingerprint: `SHA256:…` without padding, or sixteen hex pairs of MD5 with colons. The
 * text is a fingerprint as any tool prints it, or a key line, also with options in front. Throws a PluginError for any
 * other text.
 */
export function toFingerprint(text: string): string {
  const word = text.trim();
  const sha256 = SHA256.exec(word)?.[1];
  if (sha256 !== undefined) return `SHA256:${sha256}`;
  const hex = MD5.exec(word)?.[1]?.toLowerCase().replaceAll(":", "");
  if (hex !== undefined) return hex.replace(/..(?!$)/g, "$&:");
  const listed = KEYGEN_LINE.exec(word)?.[1];
  if (listed !== undefined) return toFingerprint(listed);
  const key = parsePublicKey(text);
  if (key.ok) return fingerprintSHA256(key.value.blob);
  const behind = key.refusal.code === "OptionsInKey" ? skipOptions(word) : undefined;
  const bare = behind === undefined ? key : parsePublicKey(behind);
  if (bare.ok) return fingerprintSHA256(bare.value.blob);
  if (/\s/.test(word) || bare.refusal.code === "PrivateKey" || bare.refusal.code === "MissingType")
    throw new PluginError(bare.refusal.message);
  throw new PluginError(
    "this is no fingerprint and no key: give SHA256:… or MD5:… as `ssh-keygen -l` and sshd print them, the line of a .pub file, or - < FILE for the whole of it",
  );
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

const SHA256 = /^(?:SHA256:)?([A-Za-z0-9+/]{43})=?$/i;
const MD5 = /^(?:MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2}|[0-9a-f]{32})$/i;
// BITS FINGERPRINT COMMENT (TYPE), as ssh-keygen -l prints it.
const KEYGEN_LINE = /^\d{3,5} (\S+) .*\([A-Z0-9-]+\)$/;
