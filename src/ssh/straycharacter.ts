import { characterAt, type Unprintable } from "./unprintable.ts";

/**
 * The first character within the first two words of a line that neither a type nor base64 can hold, since both are
 * printable ASCII: an invisible one, a no-break space, or a dash or quote that a word processor put there. In the
 * words behind those two anything may stand.
 */
export function strayCharacter(line: string): Unprintable | undefined {
  const [ascii = ""] = TWO_WORDS.exec(line) ?? [];
  const next = line.charAt(ascii.length);
  // What stops it otherwise: the third word, a line break, or the end.
  return next === "" || /[ -~\t\r\n]/.test(next) ? undefined : characterAt(line, ascii.length);
}

// Each part takes other characters than the next, or the first that stops it, so nothing is tried twice.
const TWO_WORDS = /^[ \t]*[!-~]*[ \t]*[!-~]*/;
