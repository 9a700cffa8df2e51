import { decodeBase64 } from "./base64.ts";
import { decodeKeyBlob } from "./blob.ts";
import { describeForeign } from "./foreign.ts";
import { skipOptions, splitKeyLine } from "./keyline.ts";
import { isCertificateType, lineType } from "./keytype.ts";
import { describePrivateDER, describePrivateKey, isPrivateDER } from "./privatekey.ts";
import { type Refusal, type Result, refuse } from "./refusal.ts";

/**
 * Finds the most helpful reason why a text is not one public key. `found` is the reason met when it was read as a
 * key line; without it the text has no line, or several. Always a refusal.
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
  const { type, base64 } = splitKeyLine(line);
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
  for (const word of [type, base64]) {
    const bytes = decodeBase64(word);
    if (bytes !== undefined && isPrivateDER(bytes)) return refuse("PrivateKey", describePrivateDER());
  }
  if (lineType(type) === undefined && !isCertificateType(type)) return diagnoseFirstWord(type, base64, found);
  return { ok: false, refusal: found };
}

function diagnoseFirstWord(word: string, next: string, found: Refusal): Result<never> {
  const bytes = word.startsWith("AAAA") ? decodeBase64(word) : undefined;
  const blob = bytes && decodeKeyBlob(bytes);
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
  if (/^[0-9]{3,5}$/.test(word) && /^[0-9]+$/.test(next)) {
    return refuse(
      "ForeignFormat",
      "This is a key for SSH protocol 1, which is long gone; make a new one with: ssh-keygen -t ed25519",
    );
  }
  return { ok: false, refusal: found };
}

function isKeyWord(word: string): boolean {
  return lineType(word) !== undefined || isCertificateType(word);
}
