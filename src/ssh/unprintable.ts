/** A character of a text that is not seen when the text is shown. */
export interface Unprintable {
  /** As Unicode writes it, `U+200B`. */
  readonly name: string;
  /** Counted in code points from 1. */
  readonly position: number;
}

/**
 * The first character that a terminal or a web page does not show, or that changes how others are shown: control and
 * format characters (direction marks among them), line and paragraph separators, default-ignorable ones (such as
 * variation selectors and Hangul fillers), and lone surrogates.
 */
export function firstUnprintable(text: string): Unprintable | undefined {
  return characterAt(text, text.search(UNPRINTABLE));
}

/**
 * The text on one line and with nothing in it that firstUnprintable would find: tabs become spaces, the rest goes, and
 * so does the space at either end.
 */
export function printable(text: string): string {
  if (!UNPRINTABLE.test(text)) return text.trim();
  return text.replaceAll("\t", " ").replaceAll(ALL_UNPRINTABLE, "").trim();
}

/** The character that begins at this index of the text, or undefined for -1. */
export function characterAt(text: string, index: number): Unprintable | undefined {
  const code = index === -1 ? undefined : text.codePointAt(index);
  if (code === undefined) return undefined;
  return { name: codePointName(code), position: codePoints(text.slice(0, index)) + 1 };
}

/** The length of a text as an API server counts it for maxLength: in code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

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

function codePointName(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
const ALL_UNPRINTABLE = new RegExp(UNPRINTABLE, "gu");
// Each part takes other characters than the next, or the first that stops it, so nothing is tried twice.
const TWO_WORDS = /^[ \t]*[!-~]*[ \t]*[!-~]*/;
