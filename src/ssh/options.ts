import { valueFault } from "./optionvalue.ts";
import { accept, type Result, refuse } from "./refusal.ts";
import { codePoints, firstUnprintable } from "./unprintable.ts";

/**
 * Reads authorized_keys options, one an entry, and writes them as one word for the front of a key line: names in
 * lower case, values quoted, commas between; "" for none. Holds to the limits of OPTION_LIMITS.
 *
 * Refuses what sshd(8) would refuse the whole line for (sshauthopt_parse in OpenSSH's auth-options.c), and also:
 * options that would make the key an authority, a second value where only one counts, characters that cannot be
 * seen, and values that sshd takes at first and that can never match.
 */
export function renderOptions(options: readonly string[]): Result<string> {
  const size = sizeFault(options);
  if (size !== undefined) return refuse("TooLong", size);
  const rendered: string[] = [];
  const seen = new Set<string>();
  for (const [index, text] of options.entries()) {
    const place = `Option ${index + 1}`;
    const option = readOption(text, place);
    if (!option.ok) return option;
    const { name, value } = option.value;
    const slot = singleUseSlot(name, value);
    if (slot !== undefined && seen.has(slot)) {
      return refuse(
        "DuplicateOption",
        `${place} gives a second value for ${name}, of which only one can hold; keep one.`,
      );
    }
    if (slot !== undefined) seen.add(slot);
    rendered.push(value === undefined ? name : `${name}="${value.replaceAll('"', '\\"')}"`);
  }
  return accept(rendered.join(","));
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

interface Option {
  readonly name: string;
  /** Without quotes; undefined for a flag. */
  readonly value: string | undefined;
}

function readOption(text: string, place: string): Result<Option> {
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
  const forbidden = FORBIDDEN.get(name);
  if (forbidden !== undefined) return refuse("ForbiddenOption", `${place}: ${forbidden}`);
  if (FLAGS.has(name)) return readFlag(name, rest, place);
  if (!VALUED.has(name)) {
    return refuse(
      "UnknownOption",
      `${place} is no option that sshd knows; see AUTHORIZED_KEYS FILE FORMAT in sshd(8).`,
    );
  }
  return readValue(name, rest, place);
}

function readFlag(name: string, rest: string, place: string): Result<Option> {
  if (rest === "") return accept({ name, value: undefined });
  if (rest.startsWith(",")) return refuseSeveral(place);
  return refuse("BadOption", `${place}: nothing may follow ${name}; remove what does.`);
}

function readValue(name: string, rest: string, place: string): Result<Option> {
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
  const value = rest.slice(2, end).replaceAll('\\"', '"');
  const fault = valueFault(name, value);
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

/**
 * The slot of an option that may be given once. sshd rejects a second `command` or `from`, and silently uses one of
 * several `environment` values of one name, or of several `tunnel`; here all are rejected.
 */
function singleUseSlot(name: string, value: string | undefined): string | undefined {
  if (name === "environment") return `environment ${value?.slice(0, value.indexOf("="))}`;
  return name === "command" || name === "from" || name === "tunnel" ? name : undefined;
}

const FLAGS: ReadonlySet<string> = new Set([
  "restrict",
  ...[
    "agent-forwarding",
    "port-forwarding",
    "pty",
    "touch-required",
    "user-rc",
    "verify-required",
    "x11-forwarding",
  ].flatMap((name) => [name, `no-${name}`]),
]);

const VALUED: ReadonlySet<string> = new Set([
  "command",
  "environment",
  "from",
  "permitlisten",
  "permitopen",
  "tunnel",
]);

const FORBIDDEN: ReadonlyMap<string, string> = new Map([
  ["cert-authority", "cert-authority would let this key sign certificates for others; remove it."],
  ["principals", "principals belongs to certificate authorities, which are not accepted; remove it."],
  ["expiry-time", "expiry-time is written for you; use spec.expiresAt instead."],
]);
