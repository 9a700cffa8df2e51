/** What a search looks at, by the names of its fields. */
export type Searchable = Readonly<Record<string, string | number>>;

/** The fields that can be searched and sorted by; a bare word looks at the first one. */
export type Fields = Readonly<Record<string, "text" | "integer">>;

/** A search or an order that is not understood; the message is Foreman's (scoped_search). */
export class QueryNotSupported extends Error {
  override readonly name = "QueryNotSupported";
}

export type Predicate = (item: Searchable) => boolean;

/**
 * What a search of Foreman's language selects; everything for a blank one. Throws a QueryNotSupported. Takes linear time, and
 * its words and its nesting are limited: each word is compared with each key.
 */
export function parseSearch(text: string, fields: Fields): Predicate {
  return new Parser(tokens(text), fields).whole();
}

/** Of words, operators and parentheses together. */
const MOST_TOKENS = 500;

/** How deep parentheses and `not` may be nested. */
const MOST_DEPTH = 50;

const COMPARISONS = ["=", "==", "!=", "<>", ">", "<", ">=", "<=", "~", "!~", "^", "!^"] as const;
type Comparison = (typeof COMPARISONS)[number];

const WORD_COMPARISONS: Readonly<Record<string, Comparison>> = { before: "<", after: ">", at: "=" };

interface Token {
  readonly kind: "word" | "quoted" | "operator";
  readonly text: string;
}

/** Quoted texts with `\` escapes, operators, and words of everything else. */
const TOKEN =
  /"((?:[^"\\]|\\.)*)"?|(==|!=|<>|>=|<=|!~|!\^|&&|\|\||[=<>~^()&|!,-])|([^\s"=<>~^()&|!,-][^\s=<>~()&|,]*)/gsy;

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const space = /\s+/y;
    space.lastIndex = at;
    at += space.exec(text)?.[0].length ?? 0;
    if (at >= text.length) break;
    if (found.length === MOST_TOKENS)
      throw new QueryNotSupported(`the search has more than ${MOST_TOKENS} words: search for less at once`);
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null)
      throw new QueryNotSupported(`the search is not understood from character ${at + 1} on`);
    const [whole, quoted, operator, word] = match;
    at += whole.length;
    if (quoted !== undefined) found.push({ kind: "quoted", text: quoted.replaceAll(/\\(.)/gs, "$1") });
    else if (operator !== undefined) found.push({ kind: "operator", text: operator });
    else found.push({ kind: "word", text: word ?? "" });
  }
  return found;
}

const ALL: Predicate = () => true;

/** or < and (also by adjacency and comma) < not < term. */
class Parser {
  readonly #tokens: readonly Token[];
  readonly #fields: Fields;
  #at = 0;
  #depth = 0;

  constructor(all: readonly Token[], fields: Fields) {
    this.#tokens = all;
    this.#fields = fields;
  }

  whole(): Predicate {
    const found = this.#or();
    // What is left is a closing parenthesis too many, which is let pass.
    while (this.#at < this.#tokens.length) this.#at += 1;
    return found ?? ALL;
  }

  #or(): Predicate | undefined {
    const parts = [this.#and()];
    while (this.#take("or", "|", "||")) parts.push(this.#and());
    return joined(parts, (tests) => (item) => tests.some((test) => test(item)));
  }

  #and(): Predicate | undefined {
    const parts = [this.#not()];
    for (;;) {
      const isNamed = this.#take("and", "&", "&&", ",");
      if (!isNamed && (this.#isEnd() || this.#isNext(")", "or", "|", "||"))) break;
      parts.push(this.#not());
    }
    return joined(parts, (tests) => (item) => tests.every((test) => test(item)));
  }

  #not(): Predicate | undefined {
    if (!this.#take("not", "!", "-")) return this.#term();
    this.#descend();
    const inner = this.#not();
    this.#depth -= 1;
    return inner && ((item) => !inner(item));
  }

  #term(): Predicate | undefined {
    if (this.#take("(")) {
      this.#descend();
      const inner = this.#or();
      this.#depth -= 1;
      this.#take(")");
      return inner;
    }
    const token = this.#tokens[this.#at];
    if (token === undefined || token.kind === "operator") {
      if (token !== undefined && token.text !== ")") this.#at += 1;
      return undefined;
    }
    if (token.kind === "word" && /^(?:has|set\?|null\?)$/i.test(token.text))
      return this.#presence(token.text);
    this.#at += 1;
    const comparison = this.#comparison();
    if (comparison === undefined) {
      const [first = ""] = Object.keys(this.#fields);
      const isLike = likeness(token.text);
      return (item) => isLike(String(item[first]));
    }
    return this.#compared(token.text, comparison);
  }

  #presence(word: string): Predicate | undefined {
    this.#at += 1;
    const field = this.#tokens[this.#at];
    if (field === undefined || field.kind === "operator") return undefined;
    this.#at += 1;
    known(field.text, this.#fields);
    // Everything has all of its fields.
    const isThere = !/^null\?$/i.test(word);
    return () => isThere;
  }

  #comparison(): Comparison | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.kind === "quoted") return undefined;
    const named = token.kind === "word" ? WORD_COMPARISONS[token.text.toLowerCase()] : undefined;
    const found = named ?? COMPARISONS.find((each) => token.kind === "operator" && each === token.text);
    if (found !== undefined) this.#at += 1;
    return found;
  }

  #compared(name: string, comparison: Comparison): Predicate | undefined {
    const field = known(name, this.#fields);
    const isText = this.#fields[field] === "text";
    if (comparison === "^" || comparison === "!^") {
      const tests = this.#list().map((value) => compare(field, isText, "=", value));
      const isIn: Predicate = (item) => tests.some((test) => test(item));
      return comparison === "^" ? isIn : (item) => !isIn(item);
    }
    const value = this.#tokens[this.#at];
    // An operator without a value at the end counts for nothing.
    if (value === undefined || value.kind === "operator") return undefined;
    this.#at += 1;
    return compare(field, isText, comparison, value.text);
  }

  #list(): readonly string[] {
    const values: string[] = [];
    const isEnclosed = this.#take("(");
    for (let token = this.#tokens[this.#at]; token !== undefined; token = this.#tokens[this.#at]) {
      if (token.kind === "operator" && token.text !== ",") break;
      this.#at += 1;
      if (token.kind !== "operator") values.push(token.text);
      if (!isEnclosed && this.#tokens[this.#at]?.text !== ",") break;
    }
    if (isEnclosed) this.#take(")");
    return values;
  }

  #descend(): void {
    this.#depth += 1;
    if (this.#depth > MOST_DEPTH) throw new QueryNotSupported("the search is nested too deeply");
  }

  #isEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #isNext(...texts: readonly string[]): boolean {
    const token = this.#tokens[this.#at];
    return token !== undefined && token.kind !== "quoted" && texts.includes(token.text.toLowerCase());
  }

  #take(...texts: readonly string[]): boolean {
    if (!this.#isNext(...texts)) return false;
    this.#at += 1;
    return true;
  }
}

/** Parts that say nothing, as an operator without a value, do not count. */
function joined(
  parts: readonly (Predicate | undefined)[],
  join: (tests: readonly Predicate[]) => Predicate,
): Predicate | undefined {
  const tests = parts.filter((part) => part !== undefined);
  return tests.length <= 1 ? tests[0] : join(tests);
}

function known(name: string, fields: Fields): string {
  const field = name.toLowerCase();
  if (!Object.hasOwn(fields, field))
    throw new QueryNotSupported(`Field '${name}' not recognized for searching!`);
  return field;
}

function compare(field: string, isText: boolean, comparison: Comparison, value: string): Predicate {
  if (isText) return compareText(field, comparison, value);
  if (comparison === "~" || comparison === "!~") {
    const word = comparison === "~" ? "like" : "unlike";
    throw new QueryNotSupported(`the operator '${word}' is not supported for field type 'integer'`);
  }
  if (!/^-?[0-9]{1,15}$/.test(value))
    throw new QueryNotSupported(`Value '${value}' is not valid for field '${field}'`);
  const wanted = Number(value);
  return (item) => holds(comparison, Math.sign(Number(item[field]) - wanted));
}

function compareText(field: string, comparison: Comparison, value: string): Predicate {
  const textOf = (item: Searchable) => String(item[field]);
  if (comparison === "~" || comparison === "!~") {
    const isLike = likeness(value);
    return comparison === "~" ? (item) => isLike(textOf(item)) : (item) => !isLike(textOf(item));
  }
  return (item) => holds(comparison, textOf(item) < value ? -1 : textOf(item) > value ? 1 : 0);
}

function holds(comparison: Comparison, order: number): boolean {
  switch (comparison) {
    case "=":
    case "==":
      return order === 0;
    case "!=":
    case "<>":
      return order !== 0;
    case ">":
      return order > 0;
    case "<":
      return order < 0;
    case ">=":
      return order >= 0;
    default:
      return order <= 0;
  }
}

/** `*` and `%` stand for anything at the ends only; without one the value may stand anywhere. */
function likeness(value: string): (text: string) => boolean {
  const [begins, ends] = [/^[*%]/.test(value), /[*%]$/.test(value)];
  const bare = value.replace(/^[*%]/, "").replace(/[*%]$/, "").toLowerCase();
  if (begins === ends) return (text) => text.toLowerCase().includes(bare);
  return begins ? (text) => text.toLowerCase().endsWith(bare) : (text) => text.toLowerCase().startsWith(bare);
}
