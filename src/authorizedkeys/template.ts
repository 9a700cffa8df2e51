import { accept, type Result } from "../ssh/refusal.ts";

/** The value of an option, cut at its percent sequences: texts to be taken as they are, and sequences. */
export type Template = readonly (string | Sequence)[];

/** What is put in at a place of a template. */
export interface Sequence {
  readonly stands: keyof Who;
}

/** Of whom a line is. */
export interface Who {
  readonly user: string;
  /** Of the SSHKey. */
  readonly namespace: string;
  /** Where users have logins. */
  readonly login?: string;
}

const SEQUENCES: Readonly<Record<keyof Who, string>> = { user: "%u", namespace: "%n", login: "%l" };

const STANDING: ReadonlyMap<string, keyof Who> = new Map([
  ["%u", "user"],
  ["%n", "namespace"],
  ["%l", "login"],
]);

/** Cuts a value at `%u`, `%n`, `%l` and `%%`; a percent sign before anything else is refused, as a sentence. */
export function parseTemplate(value: string): Result<Template, string> {
  const parts: (string | Sequence)[] = [];
  let text = "";
  for (let at = 0; at < value.length; at += 1) {
    if (value[at] !== "%") {
      text += value[at];
      continue;
    }
    const sequence = value.slice(at, at + 2);
    const stands = STANDING.get(sequence);
    if (stands === undefined && sequence !== "%%") {
      return {
        ok: false,
        refusal: "a percent sign begins %u, %n or %l; write %% where one is meant.",
      };
    }
    if (stands === undefined) text += "%";
    else {
      parts.push(text, { stands });
      text = "";
    }
    at += 1;
  }
  parts.push(text);
  return accept(parts.filter((part) => part !== ""));
}

/** The places in a template where something is put in. */
export function sequencesOf(template: Template): readonly Sequence[] {
  return template.filter((part) => typeof part !== "string");
}

/** As it is written in the options. */
export function sequenceText({ stands }: Sequence): string {
  return SEQUENCES[stands];
}

/**
 * The value for this line, or why something cannot be put in, as half a sentence. Nothing is put in that could end a word of a
 * shell, leave a folder, or look like an option of a command. Where the value is a `host`, only one label of a host name
 * is put in, so that whoever chooses a name does not choose the domain as well.
 */
export function fillIn(template: Template, who: Who, kind: "text" | "host"): Result<string, string> {
  let value = "";
  for (const part of template) {
    if (typeof part === "string") {
      value += part;
      continue;
    }
    const text = who[part.stands] ?? "";
    const why = unsafe(text) ?? (kind === "host" ? noLabel(text) : undefined);
    if (why !== undefined)
      return { ok: false, refusal: `${sequenceText(part)} is the ${part.stands}, which ${why}` };
    value += text;
  }
  return accept(value);
}

function unsafe(text: string): string | undefined {
  if (/^[A-Za-z0-9_][A-Za-z0-9@._+-]*$/.test(text)) return undefined;
  if (text === "") return "is empty";
  const [first = ""] = text;
  if (/[^A-Za-z0-9_]/.test(first)) {
    return `begins with ${JSON.stringify(first)}, and what is put into options begins with a letter from a to z, a digit or _`;
  }
  return has(/[^A-Za-z0-9@._+-]/u, text, "letters from a to z, digits and @._+- are put into options");
}

function noLabel(text: string): string | undefined {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text)) return undefined;
  if (text.length > MAX_LABEL) return "is longer than a part of a host name may be";
  return (
    has(/[^A-Za-z0-9-]/u, text, "letters from a to z, digits and - are put into host names") ??
    "ends in -, which no part of a host name does"
  );
}

function has(wrong: RegExp, text: string, only: string): string | undefined {
  const [character] = wrong.exec(text) ?? [];
  return character && `has ${JSON.stringify(character)} in it, and only ${only}`;
}

// RFC 1035 section 2.3.4.
const MAX_LABEL = 63;
