import type { KeyBlob } from "./blob.ts";
import { diagnose } from "./diagnosis.ts";
import { decodeKeyLine, splitKeyLine } from "./keyline.ts";
import { lineType } from "./keytype.ts";
import { describePrivateKey } from "./privatekey.ts";
import { accept, type Result, refuse } from "./refusal.ts";
import { codePoints, printable } from "./unprintable.ts";

export interface PublicKey extends KeyBlob {
  /** What follows the key on its line, without characters that cannot be seen; empty if there is none. */
  readonly comment: string;
}

/**
 * Reads one public key of the form `TYPE BASE64 [COMMENT]`, at most MAX_KEY_CHARACTERS long.
 *
 * The verdict is that of `ssh-keygen -l` on a file with this text, for every type it knows, and so are the bits
 * and the fingerprints of the blob. On purpose, these texts are refused here although ssh-keygen finds a key:
 * - more than one line that is not blank, or a second key behind the first (`SeveralKeys`, `SeveralLines`);
 * - options, a host name or any other word before the type (`OptionsInKey`);
 * - a certificate (`Certificate`);
 * - a private key, also in the comment, which is shown to others (`PrivateKey`);
 * - a zero byte, at which programs in C stop reading (`NulCharacter`), and a longer text (`TooLong`).
 */
export function parsePublicKey(text: string): Result<PublicKey> {
  if (isTooLong(text)) {
    return refuse(
      "TooLong",
      `A key has at most ${MAX_KEY_CHARACTERS} characters; give one key, on one line.`,
    );
  }
  if (text.includes("\0")) {
    return refuse("NulCharacter", "The key holds a zero byte; copy the line again from the .pub file.");
  }
  const line = onlyLine(text);
  if (line === undefined) return diagnose(text);
  const parts = splitKeyLine(line);
  const decoded = decodeKeyLine(parts);
  if (!decoded.ok) return diagnose(line, decoded.refusal);
  const { type, blob, bits } = decoded.value;
  // What was decoded is a public key, however its base64 reads, and a long one takes long to look through.
  const privateKey = parts.comment === "" ? undefined : describePrivateKey(parts.comment);
  if (privateKey !== undefined) return refuse("PrivateKey", privateKey);
  if (holdsKey(parts.comment)) {
    return refuse("SeveralKeys", "A second key follows the first; give each key an SSHKey of its own.");
  }
  return accept({ type, blob, bits, comment: printable(parts.comment) });
}

/** The one line that is not blank; undefined where there is none, or several. */
function onlyLine(text: string): string | undefined {
  const first = text.length - text.trimStart().length;
  if (first === text.length) return undefined;
  const start = text.lastIndexOf("\n", first) + 1;
  const end = text.indexOf("\n", first);
  if (end === -1) return text.slice(start);
  return text.slice(end).trim() === "" ? text.slice(start, end) : undefined;
}

/** Line breaks that were folded into spaces leave keys like this: a type, and the base64 that all blobs begin with. */
function holdsKey(comment: string): boolean {
  if (!comment.includes(" AAAA")) return false;
  const words = comment.split(/[ \t]+/);
  return words.some(
    (word, index) => lineType(word) !== undefined && words[index + 1]?.startsWith("AAAA") === true,
  );
}

function isTooLong(text: string): boolean {
  if (text.length <= MAX_KEY_CHARACTERS) return false;
  // A code point has one or two UTF-16 units: most texts need not be counted through.
  return text.length > 2 * MAX_KEY_CHARACTERS || codePoints(text) > MAX_KEY_CHARACTERS;
}

/** In code points, as the CRD's maxLength counts. The longest real key, RSA of 16384 bits, has 2,800. */
export const MAX_KEY_CHARACTERS = 16_384;
