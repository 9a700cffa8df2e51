import { decodeBase64 } from "./base64.ts";
import { decodeKeyBlob, type KeyBlob } from "./blob.ts";
import { describeForeign } from "./foreign.ts";
import { decodeKeyLine, skipOptions, splitKeyLine } from "./keyline.ts";
import { BLOB_STRINGS, isCertificateType, type KeyType, lineType } from "./keytype.ts";
import { describePrivateKey } from "./privatekey.ts";
import { type Refusal, type Result, refuse } from "./refusal.ts";
import { strayCharacter } from "./unprintable.ts";

/**
 * Finds the most helpful reason why a text is not one public key. `found` is the reason met when it was read as a
 * key line; without it the text has no line, or several. Always a refusal. Linear in the length of the text.
 */
export function diagnose(text: string, found?: Refusal): Result<never> {
  const privateKey = describePrivateKey(text);
  if (privateKey !== undefined) return refuse("PrivateKey", privateKey);
  const foreign = describeForeign(text);
  if (foreign !== undefined) return refuse("ForeignFormat", foreign);
  return found === undefined ? diagnoseLines(text) : diagnoseLine(text, found);
}

function diagnoseLines(text: string): Result<never> {
  if (text.trim() === "") {
    return refuse("Empty", "There is no key here; give the line of the .pub file that belongs to your key.");
  }
  // A few lines are enough to see what this is.
  const lines = text.trim().split("\n", 100);
  if (lines.filter((line) => isKeyWord(splitKeyLine(line).type)).length > 1) {
    return refuse("SeveralKeys", "This holds several keys; give each key an SSHKey of its own.");
  }
  return refuse("SeveralLines", "A key is one line and this is several; give the one line of the .pub file.");
}

function diagnoseLine(line: string, found: Refusal): Result<never> {
  const { type, base64, comment } = splitKeyLine(line);
  if (type.startsWith("#")) {
    return refuse(
      "Empty",
      "This is a comment and no key; give the line of the .pub file that belongs to your key.",
    );
  }
  const behind = skipOptions(line.trimStart());
  if (behind !== undefined && isKeyWord(splitKeyLine(behind).type)) {
    return refuse(
      "OptionsInKey",
      "Something stands before the key's type; begin with the type and put options such as restrict into spec.options.",
    );
  }
  if (isQuoted(line)) {
    return refuse("QuotedKey", "The key stands in quotes; remove them, also the one at the end.");
  }
  // Of a text that is no key at all, its letters are not the fault.
  const stray = line.includes("AAAA") ? strayCharacter(line) : undefined;
  if (stray !== undefined) {
    return refuse(
      "BadCharacter",
      `Character ${stray.position} is ${stray.name}, which cannot stand in the type or the base64 of a key; replace it, or copy the line again as plain text.`,
    );
  }
  const named = lineType(type);
  if (named !== undefined) {
    const space = spaceInside(named, base64, comment);
    return space === undefined ? { ok: false, refusal: found } : refuse("BadBase64", space);
  }
  return isCertificateType(type) ? { ok: false, refusal: found } : diagnoseFirstWord(type, base64, found);
}

function diagnoseFirstWord(word: string, next: string, found: Refusal): Result<never> {
  const bytes = decodeBase64(word);
  const blob = bytes && word.startsWith("AAAA") ? decodeKeyBlob(bytes) : undefined;
  if (blob?.ok) {
    return refuse(
      "MissingType",
      `The type is missing before the key; begin the line with: ${blob.value.type}`,
    );
  }
  if (word.startsWith("AAAA")) {
    return refuse(
      "MissingType",
      "The line begins with base64 instead of a type such as ssh-ed25519; copy the whole line again.",
    );
  }
  if (bytes !== undefined && isKeyWord(splitKeyLine(bytes.toString("latin1")).type)) {
    return refuse(
      "EncodedKey",
      "This is the base64 of a whole key line; decode it with base64 -d and give the line itself.",
    );
  }
  if (/^[0-9]{3,5}$/.test(word) && /^[0-9]+$/.test(next)) {
    return refuse(
      "ForeignFormat",
      "This is a key for SSH protocol 1, which is long gone; make a new one of a type that is accepted.",
    );
  }
  return { ok: false, refusal: found };
}

/** Whether a quotation mark is all that stands before a type, as in a value copied out of JSON or a shell script. */
function isQuoted(line: string): boolean {
  const text = line.trimStart();
  return QUOTES.includes(text.charAt(0)) && text !== "" && isKeyWord(splitKeyLine(text.slice(1)).type);
}

/**
 * Says where spaces stand inside the base64, if the key is whole without them: a line that was wrapped and folded.
 * The lengths inside the blob tell where it ends, so that a comment is not taken for more of it.
 */
function spaceInside(type: KeyType, base64: string, comment: string): string | undefined {
  const words = [base64, ...comment.split(/[ \t]+/)];
  const whole = words.join("");
  const length = blobLength(type, Buffer.from(whole, "base64"));
  if (length === undefined) return undefined;
  const joined = whole.slice(0, Math.ceil(length / 3) * 4);
  if (joined.length <= base64.length || !decodes(type, joined)) return undefined;
  return `A space stands inside the base64, behind its first ${base64.length} characters; write the base64 as one word.`;
}

function decodes(type: KeyType, base64: string): boolean {
  const decoded: Result<KeyBlob> = decodeKeyLine({ type, base64, comment: "" });
  return decoded.ok;
}

function blobLength(type: KeyType, bytes: Buffer): number | undefined {
  let end = 0;
  for (let string = 0; string < BLOB_STRINGS[type]; string += 1) {
    if (end + 4 > bytes.length) return undefined;
    end += 4 + bytes.readUInt32BE(end);
  }
  return end > bytes.length ? undefined : end;
}

function isKeyWord(word: string): boolean {
  return lineType(word) !== undefined || isCertificateType(word);
}

const QUOTES = "\"'`“”„‘’‚«»";
