import { type FlagEffect, flagEffect, flagsSetBy, isOn } from "../ssh/optionflags.ts";
import {
  AUTHORITY_OPTIONS,
  type Option,
  type OptionRules,
  optionPlace,
  parseOptions,
  VALUED,
} from "../ssh/options.ts";
import { valueFault } from "../ssh/optionvalue.ts";
import { accept, type Result, refuse } from "../ssh/refusal.ts";
import { parseTemplate, sequencesOf, sequenceText, type Template } from "./template.ts";

/** `spec.options` of an AuthorizedKeys, read once for all lines. */
export interface TargetOptions {
  /** In their order, without expiry-time. */
  readonly options: readonly TargetOption[];
  readonly flags: FlagEffect;
  /** Of its own expiry-time: ms since the epoch. */
  readonly expiresAt: number | undefined;
}

export interface TargetOption {
  readonly name: string;
  /** Undefined for a flag. */
  readonly value: Template | undefined;
}

/** FilePerLogin has a login for each line, SingleFile has none. */
export type Layout = "FilePerLogin" | "SingleFile";

/** How many percent sequences all values together may have, so that no line grows far beyond what was written. */
export const MAXIMUM_SEQUENCES = 32;

/**
 * Reads the options that stand before every line of a target, one an entry: those of an SSHKey without `environment`,
 * and `expiry-time` in UTC. Refuses what renderOptions refuses, and options that can never act beside the others.
 *
 * `%u`, `%n`, `%l` are put into `command`, and into `permitopen` in front of a fixed domain. Nowhere else, since a name that
 * somebody chose would say where a login comes from (`from`) or on what the server listens (`permitlisten`). `%%` is a
 * percent sign in every value.
 */
export function parseTargetOptions(options: readonly string[], layout: Layout): Result<TargetOptions> {
  const parsed = parseOptions(options, { ...RULES, valueFault: (name, value) => fault(name, value, layout) });
  if (!parsed.ok) return parsed;
  const dead = deadOption(parsed.value);
  if (dead !== undefined) return refuse("BadOption", dead);
  const expiry = parsed.value.find(({ name }) => name === "expiry-time")?.value;
  const read = parsed.value.filter(({ name }) => name !== "expiry-time").map(withTemplate);
  if (sequenceCount(read) > MAXIMUM_SEQUENCES) {
    return refuse(
      "TooLong",
      `There are more than ${MAXIMUM_SEQUENCES} of %u, %n and %l in the options; remove some.`,
    );
  }
  return accept({
    options: read,
    flags: flagEffect(parsed.value),
    expiresAt: expiry === undefined ? undefined : parseExpiryTime(expiry),
  });
}

/** When its own expiry-time ends all lines of the target, in ms since the epoch; undefined if it has none. */
export function targetOptionsExpireAt(target: TargetOptions): number | undefined {
  return target.expiresAt;
}

/** Until when one line counts: the target's time or the SSHKey's, whichever is earlier. In ms since the epoch. */
export function lineExpiresAt(target: TargetOptions, expiresAt: number | undefined): number | undefined {
  const times = [target.expiresAt, expiresAt].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Does a line say whose it is? */
export function isTemplated(target: TargetOptions): boolean {
  return sequenceCount(target.options) > 0;
}

function sequenceCount(options: readonly TargetOption[]): number {
  return options.reduce((count, { value = [] }) => count + sequencesOf(value).length, 0);
}

function withTemplate({ name, value }: Option): TargetOption {
  const template = value === undefined ? undefined : parseTemplate(value);
  return { name, value: template?.ok ? template.value : undefined };
}

const RULES: Omit<OptionRules, "valueFault"> = {
  valued: new Set([...VALUED, "expiry-time"]),
  forbidden: new Map([
    ...AUTHORITY_OPTIONS,
    [
      "environment",
      'environment is ignored by sshd unless PermitUserEnvironment is on; set the variable in a command, as in command="GIT_USER=%u exec git-serve".',
    ],
  ]),
};

function fault(name: string, value: string, layout: Layout): string | undefined {
  if (name === "expiry-time") {
    return parseExpiryTime(value) === undefined
      ? 'expiry-time needs an existing date in UTC, with a Z at the end, since sshd takes others for its own local time; write it as expiry-time="YYYYMMDDHHMMSSZ".'
      : undefined;
  }
  const template = parseTemplate(value);
  if (!template.ok) return `in ${name} ${template.refusal}`;
  const sequences = sequencesOf(template.value);
  if (layout === "SingleFile" && sequences.some(({ stands }) => stands === "login")) {
    return "%l stands for a login, and a SingleFile has none; use %u, or the layout FilePerLogin.";
  }
  const [first] = sequences;
  if (first !== undefined && name !== "command" && name !== "permitopen") {
    return `${sequenceText(first)} is put into command and permitopen only; write ${name} without it.`;
  }
  if (first !== undefined && name === "permitopen" && !hasFixedDomain(template.value)) {
    return `${sequenceText(first)} in permitopen stands for a part of the host, which somebody chose; put a domain behind it, as in permitopen="${sequenceText(first)}.vms.example.com:22".`;
  }
  return valueFault(name, template.value.map((part) => (typeof part === "string" ? part : "x")).join(""));
}

/** Does the host end in a part that is a name and no number (127.1 is an address), and does nothing vary behind it? */
function hasFixedDomain(template: Template): boolean {
  const last = template.at(-1);
  return typeof last === "string" && /^[A-Za-z0-9.-]*\.[A-Za-z][A-Za-z0-9-]*:[^:]+$/.test(last);
}

/** The first option that the others leave without any effect, as a sentence that says what to do. */
function deadOption(options: readonly Option[]): string | undefined {
  const effect = flagEffect(options);
  for (const [index, { name }] of options.entries()) {
    const why = undone(name, options.slice(index + 1)) ?? FORWARDING.get(name)?.(effect);
    if (why !== undefined) return `${optionPlace(index)}: ${why}`;
  }
  return undefined;
}

/** A flag that a later one turns round again. Behind `restrict` that is what it is for. */
function undone(name: string, behind: readonly Option[]): string | undefined {
  if (name === "restrict") return undefined;
  for (const [flag, isOnHere] of flagsSetBy(name)) {
    const last = behind.findLast((option) => flagsSetBy(option.name).some(([each]) => each === flag));
    if (last === undefined || flagsSetBy(last.name).some(([each, on]) => each === flag && on === isOnHere)) {
      continue;
    }
    return last.name === "restrict"
      ? `${name} is taken back by restrict behind it; put ${name} behind restrict, or remove it.`
      : `${name} is taken back by ${last.name} behind it; remove one of the two.`;
  }
  return undefined;
}

/** What is wrong with options about forwarding where there is none. */
const FORWARDING: ReadonlyMap<string, (effect: FlagEffect) => string | undefined> = new Map([
  ["permitopen", (effect) => withoutForwarding("permitopen", effect)],
  ["permitlisten", (effect) => withoutForwarding("permitlisten", effect)],
  [
    "tunnel",
    ({ restricted }) =>
      restricted
        ? "tunnel has no effect beside restrict, which nothing lets a tunnel through; remove tunnel, or write no-pty and the like in place of restrict."
        : undefined,
  ],
]);

function withoutForwarding(name: string, effect: FlagEffect): string | undefined {
  if (isOn(effect, "port-forwarding")) return undefined;
  return effect.restricted
    ? `${name} has no effect where forwarding is not allowed; put port-forwarding behind restrict, or remove ${name}.`
    : `${name} has no effect beside no-port-forwarding; remove one of the two.`;
}

/** YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ of an existing day after the epoch, in ms since the epoch. */
function parseExpiryTime(text: string): number | undefined {
  const [, year, month, day, hour = "00", minute = "00", second = "00"] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(written);
  // A day that its month does not have is read as one of the next month.
  return time > 0 && new Date(time).toISOString() === written ? time : undefined;
}
