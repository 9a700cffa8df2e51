import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { skipOptions } from "../ssh/keyline.ts";
import { parsePublicKey } from "../ssh/publickey.ts";

/** The fingerprint of the key that a person means, or why the text names none, with what to give instead. */
export type KeyQuery = { readonly fingerprint: string } | { readonly problem: string };

/**
 * The key that a person means, as its fingerprint: `SHA256:…` without padding, or sixteen hex pairs of MD5 with colons. The
 * text is a fingerprint as any tool prints it, or a key line, also with options in front.
 */
export function readKeyQuery(text: string): KeyQuery {
  const word = text.trim();
  const sha256 = SHA256.exec(word)?.[1];
  if (sha256 !== undefined) return { fingerprint: `SHA256:${sha256}` };
  const hex = MD5.exec(word)?.[1]?.toLowerCase().replaceAll(":", "");
  if (hex !== undefined) return { fingerprint: hex.replace(/..(?!$)/g, "$&:") };
  const listed = KEYGEN_LINE.exec(word)?.[1];
  if (listed !== undefined) return readKeyQuery(listed);
  const key = parsePublicKey(text);
  if (key.ok) return { fingerprint: fingerprintSHA256(key.value.blob) };
  const behind = key.refusal.code === "OptionsInKey" ? skipOptions(word) : undefined;
  const bare = behind === undefined ? key : parsePublicKey(behind);
  if (bare.ok) return { fingerprint: fingerprintSHA256(bare.value.blob) };
  const isKey = /\s/.test(word) || bare.refusal.code === "PrivateKey" || bare.refusal.code === "MissingType";
  return { problem: isKey ? bare.refusal.message : NO_KEY };
}

const NO_KEY =
  "this is no fingerprint and no key: give SHA256:… or MD5:… as `ssh-keygen -l` and sshd print them, or the line of a .pub file";
const SHA256 = /^(?:SHA256:)?([A-Za-z0-9+/]{43})=?$/i;
const MD5 = /^(?:MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2}|[0-9a-f]{32})$/i;
// BITS FINGERPRINT COMMENT (TYPE), as ssh-keygen -l prints it.
const KEYGEN_LINE = /^\d{3,5} (\S+) .*\([A-Z0-9-]+\)$/;
