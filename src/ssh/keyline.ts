import { decodeBase64 } from "./base64.ts";
import { decodeKeyBlob, type KeyBlob, refuseCertificate, refuseUnknownType } from "./blob.ts";
import { isCertificateType, lineType } from "./keytype.ts";
import { type Result, refuse } from "./refusal.ts";

/** The three parts of a key line, unread: TYPE BASE64 COMMENT. A part that is not there is empty. */
export interface KeyLine {
  readonly type: string;
  readonly base64: string;
  readonly comment: string;
}

/** Splits a line as sshkey_read in OpenSSH's sshkey.c does: spaces and tabs separate, the comment keeps its own. */
export function splitKeyLine(line: string): KeyLine {
  // Each part can be empty, so the pattern fits every line and never has to go back.
  const [, type = "", base64 = "", comment = ""] =
    /^[ \t]*([^ \t]*)[ \t]*([^ \t]*)[ \t]*(.*)$/s.exec(line) ?? [];
  return { type, base64, comment };
}

/** Reads the key of a split line; refuses whatever sshkey_read refuses, and certificates. */
export function decodeKeyLine(line: KeyLine): Result<KeyBlob> {
  const type = lineType(line.type);
  if (type === undefined) return isCertificateType(line.type) ? refuseCertificate() : refuseUnknownType();
  if (line.base64 === "") {
    return refuse("Truncated", "Nothing follows the key's type; copy the whole line again.");
  }
  const bytes = decodeBase64(line.base64);
  if (bytes === undefined) {
    return refuse(
      "BadBase64",
      "The part after the key's type is not complete base64; copy the whole line again, without line breaks.",
    );
  }
  const decoded = decodeKeyBlob(bytes, type);
  if (!decoded.ok || decoded.value.type === type) return decoded;
  return refuse(
    "TypeMismatch",
    `The line says ${type} and the key in it is ${decoded.value.type}; copy the key again from its .pub file.`,
  );
}

/**
 * The text behind a leading word of options (or a host name), or undefined where nothing follows it. Quotes hold
 * a word together and \" stands for a quote, as in sshkey_advance_past_options of OpenSSH's authfile.c.
 */
export function skipOptions(line: string): string | undefined {
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (character === "\\" && line[at + 1] === '"') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === " " || character === "\t")) return line.slice(at + 1);
  }
  return undefined;
}

/**
 * The options of the first word of an authorized_keys line, one an item and as they are written. A comma in quotes is no
 * end, and \" is no quote (opt_dequote and sshauthopt_parse of OpenSSH).
 */
export function splitOptions(word: string): readonly string[] {
  const options: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < word.length; at += 1) {
    const character = word[at];
    if (character === "\\" && word[at + 1] === '"') at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) {
      options.push(word.slice(start, at));
      start = at + 1;
    }
  }
  options.push(word.slice(start));
  return options;
}
