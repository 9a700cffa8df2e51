import type { Chunk } from "./document.ts";

/** What no document may be longer than, in characters: an API server takes 3 MB at once, a list of many is longer. */
export const MAXIMUM_DOCUMENT_CHARACTERS = 16 * 1024 * 1024;

/**
 * The documents of a text, cut where kubectl cuts: at lines that begin with `---`, or between JSON objects. Empty ones are
 * left out.
 */
export function* chunks(text: string): Iterable<Chunk> {
  const whole = text.startsWith("\ufeff") ? text.slice(1) : text;
  const json = /^\s*\{/.test(whole) ? jsonObjects(whole) : undefined;
  if (json === undefined) yield* yamlDocuments(whole);
  else yield* json;
}

function* yamlDocuments(text: string): Iterable<Chunk> {
  let line = 0;
  for (const [start, end] of separated(text)) {
    const part = text.slice(start, end);
    const separator = SEPARATOR.exec(part)?.[0] ?? "";
    const isClean = /^---\s*(#.*)?$/.test(separator);
    if (isClean) {
      yield { text: part.slice(separator.length + 1), line: line + 1, column: 0, isJSON: false };
    } else yield { text: part, line, column: 0, isJSON: false, hasBadSeparator: separator !== "" };
    line += linesOf(part);
  }
}

const SEPARATOR = /^---[^\n]*/;

/** Where each part begins and ends; each but the first begins with a line of `---`. */
function* separated(text: string): Iterable<readonly [start: number, end: number]> {
  let start = 0;
  for (let at = text.indexOf("\n---"); at !== -1; at = text.indexOf("\n---", at + 1)) {
    yield [start, at + 1];
    start = at + 1;
  }
  yield [start, text.length];
}

function linesOf(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/** The JSON objects that the text consists of, or undefined if it is something else: YAML may begin with a brace too. */
function jsonObjects(text: string): readonly Chunk[] | undefined {
  const found: Chunk[] = [];
  let [start, line, lineStart] = [0, 0, 0];
  for (;;) {
    for (; /\s/.test(text.charAt(start)); start += 1) {
      if (text.charAt(start) !== "\n") continue;
      line += 1;
      lineStart = start + 1;
    }
    if (start >= text.length) return found;
    const end = endOfObject(text, start);
    const object = text.slice(start, end);
    if (end === undefined || !isJSON(object)) return undefined;
    found.push({ text: object, line, column: start - lineStart, isJSON: true });
    line += linesOf(object);
    const last = object.lastIndexOf("\n");
    if (last !== -1) lineStart = start + last + 1;
    start = end;
  }
}

/** The index behind the brace that closes the one at `start`. */
function endOfObject(text: string, start: number): number | undefined {
  // One character at a time: a pattern of a whole text runs out of stack on a long one.
  const marks = /["\\{}]/g;
  marks.lastIndex = start;
  let [depth, isInText] = [0, false];
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    const [character] = mark;
    if (character === '"') isInText = !isInText;
    else if (character === "\\") marks.lastIndex += 1;
    else if (!isInText) depth += character === "{" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return undefined;
}

function isJSON(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
