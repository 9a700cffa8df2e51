import {
  Composer,
  type CST,
  type Document,
  type DocumentOptions,
  Lexer,
  type ParseOptions,
  Parser,
  type SchemaOptions,
} from "yaml";

/** So many faults of a document are told: who reads the first has no use for the rest. */
export const MOST_FAULTS = 20;

/** Of a text whose nesting is deeper than anybody writes. */
export class NestedTooDeeply extends Error {
  override readonly name = "NestedTooDeeply";
}

/**
 * The documents of a text, at least one, as the library reads them. Ends where there are more faults than are told. Throws
 * NestedTooDeeply where the nesting begins to be that: the library goes on to the end, calls itself for each level, and takes
 * the process with it where a pattern is compiled on the last of the stack.
 */
export function yamlDocuments(
  text: string,
  options: ParseOptions & DocumentOptions & SchemaOptions,
): readonly Document.Parsed[] {
  const documents = [...new Composer(options).compose(tokens(text), true, text.length)];
  const isExhausted = documents.some(({ errors }) =>
    errors.some(({ code }) => code === "RESOURCE_EXHAUSTION"),
  );
  if (isExhausted) throw new NestedTooDeeply();
  return documents;
}

/** Levels that are open at once, of which those of YAML have up to three; an object of Kubernetes has some dozens. */
const MOST_OPEN = 500;

function* tokens(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  let faults = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      yield token;
      if (token.type === "error") faults += 1;
      if (faults === MOST_FAULTS) return;
    }
    if (parser.stack.length > MOST_OPEN) throw new NestedTooDeeply();
  }
  yield* parser.end();
}
