/**
 * A table of kubectl in at most `width` columns, as far as shorter fingerprints can bring it there: their middle
 * is left out, and the columns stay under their heads.
 */
export function narrowTable(lines: readonly string[], width: number): readonly string[] {
  const longest = Math.max(0, ...lines.map((line) => line.trimEnd().length));
  const column = lines[0]?.search(FINGERPRINT_HEAD) ?? -1;
  const excess = Math.min(longest - width, FINGERPRINT_LENGTH - LEAST_FINGERPRINT);
  if (excess <= 0 || column < 0) return lines;
  const kept = FINGERPRINT_LENGTH - excess - 1;
  const head = column + kept - TAIL_LENGTH;
  const tail = column + FINGERPRINT_LENGTH - TAIL_LENGTH;
  return lines.map((line) => {
    const isEmpty = line.slice(head, tail).trim() === "";
    return line.slice(0, head) + (isEmpty ? " " : "…") + line.slice(tail);
  });
}

const FINGERPRINT_HEAD = /\bFINGERPRINT\b/;
/** `SHA256:` and 43 digits of base64. */
const FINGERPRINT_LENGTH = 50;
const LEAST_FINGERPRINT = 20;
const TAIL_LENGTH = 4;

/**
 * Breaks a line between words so that each part has at most `width` columns; a longer word stands alone. The parts
 * after the first begin under the last column of the first, where kubectl puts the text.
 */
export function wrap(line: string, width: number): string[] {
  if (line.length <= width) return [line];
  const column = /^.*\s{2,}(?=\S)/.exec(line)?.[0].length ?? 0;
  const indent = column > width / 2 ? (/^\s*/.exec(line)?.[0].length ?? 0) + 4 : column;
  const parts: string[] = [];
  let rest = line;
  let start = indent;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const at = space > start ? space : rest.indexOf(" ", Math.max(start, width));
    if (at < 0) break;
    parts.push(rest.slice(0, at).trimEnd());
    rest = " ".repeat(indent) + rest.slice(at).trimStart();
    start = indent;
  }
  return [...parts, rest];
}
