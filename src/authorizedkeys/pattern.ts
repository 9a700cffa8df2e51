/**
 * Names, and patterns in which `*` stands for any run of characters, an empty one too. Both match whole names, as they
 * are written. A question costs time in proportion to the length of the name and the number of patterns.
 */
export class Patterns {
  /** Those without `*`, each once, in the order given. */
  readonly names: readonly string[];
  readonly #names: ReadonlySet<string>;
  /** What stands before the first `@` of each name. */
  readonly #localParts: ReadonlySet<string>;
  readonly #patterns: readonly Pattern[];

  constructor(items: Iterable<string>) {
    const all = new Set(items);
    this.#names = new Set([...all].filter((item) => !isPattern(item)));
    this.names = [...this.#names];
    this.#localParts = new Set(this.names.filter((name) => name.includes("@")).map(localPart));
    this.#patterns = [...all].filter(isPattern).map(compiled);
  }

  matches(name: string): boolean {
    return this.#names.has(name) || this.#patterns.some((pattern) => isMatch(pattern, name));
  }

  /** Do they match any name that has this local part: the local part alone, or with `@` and anything behind it? */
  matchesLocalPart(local: string): boolean {
    return (
      this.matches(local) ||
      this.#localParts.has(local) ||
      this.#patterns.some((pattern) => canBegin(pattern, `${local}@`))
    );
  }
}

export function isPattern(item: string): boolean {
  return item.includes("*");
}

/** What stands before the first `@`; the whole name if there is none. */
export function localPart(name: string): string {
  const at = name.indexOf("@");
  return at === -1 ? name : name.slice(0, at);
}

/** A pattern, cut at its stars. */
interface Pattern {
  readonly first: string;
  /** What stands between two stars, without the empty ones. */
  readonly between: readonly string[];
  readonly last: string;
  /** The length of the shortest match. */
  readonly length: number;
}

function compiled(item: string): Pattern {
  const parts = item.split("*");
  const [first = ""] = parts;
  const last = parts.at(-1) ?? "";
  const between = parts.slice(1, -1).filter((part) => part !== "");
  return { first, between, last, length: item.length - (parts.length - 1) };
}

function isMatch({ first, between, last, length }: Pattern, name: string): boolean {
  if (name.length < length || !name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  // The first place that fits leaves the most for what follows.
  for (const part of between) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
    if (at > end) return false;
  }
  return true;
}

/** Does the pattern match any text that begins so? Behind its first star everything is open. */
function canBegin({ first }: Pattern, start: string): boolean {
  return first.startsWith(start) || start.startsWith(first);
}
