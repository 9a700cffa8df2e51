import { flagsSetBy } from "./optionflags.ts";
import { valueFault } from "./optionvalue.ts";
import { accept, type Result, refuse } from "./refusal.ts";
import { codePoints, firstUnprintable } from "./unprintable.ts";

/** One option of authorized_keys, read. */
export interface Option {
  /** In lower case. */
  readonly name: string;
  /** Without quotes; undefined for a flag. */
  readonly value: string | undefined;
}

/** What one place where options are written takes that another does not. */
export interface OptionRules {
  /** Names of the options that have a value. */
  readonly valued: ReadonlySet<string>;
  /** Options that are refused, and why. */
  readonly forbidden: ReadonlyMap<string, string>;
  /** What is wrong with the value of an option, as a sentence, or undefined. */
  readonly valueFault: (name: string, value: string) => string | undefined;
}

/**
 * Reads authorized_keys options, one an entry, and writes them as one word for the front of a key line: names in
 * lower case, values quoted, commas between; "" for none. Refuses what parseOptions refuses.
 */
export function renderOptions(options: readonly string[]): Result<string> {
  const parsed = parseOptions(options);
  return parsed.ok ? accept(optionsText(parsed.value)) : parsed;
}

/**
 * Reads authorized_keys options, one an entry. Holds to the limits of OPTION_LIMITS.
 *
 * Refuses what sshd(8) would refuse the whole line for (sshauthopt_parse in OpenSSH's auth-options.c), and also:
 * options that would make the key an authority, a second value where only one counts, characters that cannot be
 * seen, and values that sshd takes at first and that can never match.
 */
export function parseOptions(
  options: readonly string[],
  rules: OptionRules = RULES_OF_SSHKEYS,
): Result<readonly Option[]> {
  const size = sizeFault(options);
  if (size !== undefined) return refuse("TooLong", size);
  const parsed: Option[] = [];
  const seen = new Set<string>();
  for (const [index, text] of options.entries()) {
    const place = optionPlace(index);
    const option = readOption(text, place, rules);
    if (!option.ok) return option;
    const slot = singleUseSlot(option.value);
    if (slot !== undefined && seen.has(slot)) {
      return refuse(
        "DuplicateOption",
        `${place} gives a second value for ${option.value.name}, of which only one can hold; keep one.`,
      );
    }
    if (slot !== undefined) seen.add(slot);
    parsed.push(option.value);
  }
  return accept(parsed);
}

/** How messages name an option of a list. */
export function optionPlace(index: number): string {
  return `Option ${index + 1}`;
}

/** Options as one word of a key line; "" for none. */
export function optionsText(options: readonly Option[]): string {
  return options
    .map(({ name, value }) => (value === undefined ? name : `${name}="${value.replaceAll('"', '\\"')}"`))
    .join(",");
}

/** The options in a text that optionsText made. */
export function optionsIn(text: string): readonly Option[] {
  const found: Option[] = [];
  for (let at = 0; at < text.length; ) {
    const [name = ""] = /^[^=,]*/.exec(text.slice(at)) ?? [];
    at += name.length;
    const value = text[at] === "=" ? quotedAt(text, at + 1) : undefined;
    if (value !== undefined) at += '=""'.length + value.length;
    found.push({ name, value: value === undefined ? undefined : unquoted(value) });
    at += ",".length;
  }
  return found;
}

function quotedAt(text: string, at: number): string {
  const end = closingQuote(text, at + 1);
  return text.slice(at + 1, end === -1 ? text.length : end);
}

/** In code points, as the CRD counts. Checked before anything is parsed, so that parsing takes bounded time. */
export const OPTION_LIMITS = { options: 32, charactersEach: 1024, charactersTogether: 16_384 } as const;

function sizeFault(options: readonly string[]): string | undefined {
  if (options.length > OPTION_LIMITS.options) {
    return `There are more than ${OPTION_LIMITS.options} options; remove some.`;
  }
  // UTF-16 units are never fewer than code points: mostly the units alone show that there is no need to count.
  const long = options.findIndex(
    (text) => text.length > OPTION_LIMITS.charactersEach && codePoints(text) > OPTION_LIMITS.charactersEach,
  );
  if (long !== -1) {
    return `Option ${long + 1} has more than ${OPTION_LIMITS.charactersEach} characters; shorten it.`;
  }
  const together = options.reduce((sum, text) => sum + codePoints(text), 0);
  return together > OPTION_LIMITS.charactersTogether
    ? `The options have more than ${OPTION_LIMITS.charactersTogether} characters together; shorten them.`
    : undefined;
}

function readOption(text: string, place: string, rules: OptionRules): Result<Option> {
  if (text === "") return refuse("BadOption", `${place} is empty; remove it.`);
  const hidden = firstUnprintable(text);
  if (hidden !== undefined) {
    return refuse(
      "BadOption",
      `${place} contains ${hidden.name} at character ${hidden.position}, which cannot be seen; remove it.`,
    );
  }
  const written = /^[A-Za-z0-9-]+/.exec(text)?.[0] ?? "";
  const name = written.toLowerCase();
  const rest = text.slice(written.length);
  const forbidden = rules.forbidden.get(name);
  if (forbidden !== undefined) return refuse("ForbiddenOption", `${place}: ${forbidden}`);
  if (flagsSetBy(name).length > 0) return readFlag(name, rest, place);
  if (!rules.valued.has(name)) {
    return refuse(
      "UnknownOption",
      `${place} is no option that sshd knows; see AUTHORIZED_KEYS FILE FORMAT in sshd(8).`,
    );
  }
  return readValue(name, rest, place, rules);
}

function readFlag(name: string, rest: string, place: string): Result<Option> {
  if (rest === "") return accept({ name, value: undefined });
  if (rest.startsWith(",")) return refuseSeveral(place);
  return refuse("BadOption", `${place}: nothing may follow ${name}; remove what does.`);
}

function readValue(name: string, rest: string, place: string, rules: OptionRules): Result<Option> {
  if (!rest.startsWith('="')) {
    return refuse(
      "BadOption",
      `${place}: ${name} needs a value in double quotes; write it as ${name}="VALUE".`,
    );
  }
  const end = closingQuote(rest, 2);
  if (end === -1) {
    return refuse(
      "BadOption",
      `${place}: the quote after ${name}= is not closed; end the value with a double quote.`,
    );
  }
  const behind = rest.slice(end + 1);
  if (behind.startsWith(",")) return refuseSeveral(place);
  if (behind !== "")
    return refuse("BadOption", `${place}: text follows the closing quote of ${name}; remove it.`);
  const value = unquoted(rest.slice(2, end));
  const fault = rules.valueFault(name, value);
  return fault === undefined ? accept({ name, value }) : refuse("BadOptionValue", `${place}: ${fault}`);
}

function refuseSeveral(place: string): Result<Option> {
  return refuse("SeveralOptions", `${place} holds several options; make each one an entry of its own.`);
}

/** The place of the first double quote that no backslash precedes (opt_dequote in OpenSSH's misc.c), or -1. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at > from && text[at - 1] === "\\") at = text.indexOf('"', at + 1);
  return at;
}

function unquoted(text: string): string {
  return text.replaceAll('\\"', '"');
}

/**
 * The slot of an option that may be given once. sshd rejects a second `command` or `from`, and silently uses one of
 * several `environment` values of one name, or of several `tunnel`; here all are rejected.
 */
function singleUseSlot({ name, value }: Option): string | undefined {
  if (name === "environment") return `environment ${value?.slice(0, value.indexOf("="))}`;
  return ["command", "expiry-time", "from", "tunnel"].includes(name) ? name : undefined;
}

export const VALUED: ReadonlySet<string> = new Set([
  "command",
  "environment",
  "from",
  "permitlisten",
  "permitopen",
  "tunnel",
]);

/** Options that nobody may give to a key. */
export const AUTHORITY_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["cert-authority", "cert-authority would let this key sign certificates for others; remove it."],
  ["principals", "principals belongs to certificate authorities, which are not accepted; remove it."],
]);

const RULES_OF_SSHKEYS: OptionRules = {
  valued: VALUED,
  forbidden: new Map([
    ...AUTHORITY_OPTIONS,
    ["expiry-time", "expiry-time is written for you; use spec.expiresAt instead."],
  ]),
  valueFault,
};
