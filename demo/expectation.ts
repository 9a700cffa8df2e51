/** Something that a command's output must show for the step to count. */
export interface Expectation {
  /** Completes "expected". */
  readonly what: string;
  readonly holds: (output: string) => boolean;
}

/** One line that holds each of the parts. */
export function lineWith(...parts: readonly string[]): Expectation {
  return {
    what: `a line with ${parts.join(" and ")}`,
    holds: (output) => output.split("\n").some((each) => parts.every((part) => each.includes(part))),
  };
}

/** The text and nothing else. */
export function exactly(text: string): Expectation {
  return {
    what: text === "" ? "nothing at all" : `exactly:\n${text.trimEnd()}`,
    holds: (output) => output === text,
  };
}

/** Nowhere the text; `name` stands for it, so that it is not told by saying what was expected. */
export function nowhere(name: string, text: string): Expectation {
  return { what: `${name} nowhere`, holds: (output) => !output.includes(text) };
}

/** A step did not show what it should. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
  readonly code = "STEP_FAILED";

  constructor(command: string, missing: readonly string[], seen: string) {
    const expected = missing.map((what) => `expected ${what}`).join("\n");
    super(`$ ${command}\n${expected}\nseen:\n${seen === "" ? "(nothing)" : seen.trimEnd()}`);
  }
}
