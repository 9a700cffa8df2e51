import { readForeign } from "../../ssh/foreign.ts";
import { findPrivateKey, type PrivateKeySign } from "../../ssh/privatekey.ts";
import { type PublicKey, parsePublicKey } from "../../ssh/publickey.ts";
import { printable } from "../../ssh/unprintable.ts";
import { PluginError } from "../session/session.ts";

/** A public key that a person gave. */
export interface GivenKey extends PublicKey {
  /** What the text was, if it was no OpenSSH line: the beginning of a sentence. */
  readonly convertedFrom: string | undefined;
  /** Where it was read from, if that was a file. */
  readonly file?: string;
}

/**
 * The public keys of a text: of the lines of .pub files, or the one key of a text in another format, whose OpenSSH line it
 * becomes. Lines that are blank or a comment count for nothing. Rejects what is none in a PluginError that begins with
 * `source`; of a private key that is all that happens.
 */
export function readKeys(text: string, source: string): readonly GivenKey[] {
  const privateKey = findPrivateKey(text);
  if (privateKey !== undefined) throw refused(privateKey, source);
  const foreign = readForeign(text);
  if (foreign !== undefined) {
    const { what, key, comment, advice } = foreign;
    if (key === undefined) throw new PluginError(`${source}: ${inFull(`${what}${advice}`)}`);
    return [{ ...key, comment: printable(comment), convertedFrom: what }];
  }
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== "" && !line.trim().startsWith("#"));
  if (lines.length === 0) throw new PluginError(`${source}: there is no key in it: give the .pub file`);
  return lines.map(({ line, number }) => {
    const parsed = parsePublicKey(line);
    if (parsed.ok) return { ...parsed.value, convertedFrom: undefined };
    const place = lines.length === 1 ? source : `${source}, line ${number}`;
    throw new PluginError(`${place}: ${advised(parsed.refusal)}`);
  });
}

/** The line of a .pub file. */
export function lineOf({ type, blob, comment }: PublicKey): string {
  return `${type} ${blob.toString("base64")}${comment === "" ? "" : ` ${comment}`}`;
}

function refused({ kind, publicHalf }: PrivateKeySign, source: string): PluginError {
  const file = /[\s'"]|:\/\//.test(source) ? "FILE" : source;
  return new PluginError(
    `${source} is a private key (${kind}); it was read no further and sent nowhere: give its public half, the .pub file, which this prints: ${publicHalf.replaceAll("FILE", file)}`,
  );
}

function advised({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === "OptionsInKey")
    return "options stand before the key's type: give the line without them, and each with --option, such as --option restrict";
  return inFull(message);
}

/** Without the full stop: what follows a colon goes on. */
function inFull(sentence: string): string {
  return sentence.replace(/\.$/, "");
}
