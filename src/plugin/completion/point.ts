import type { Argument, Command, Option } from "commander";
import { collect, FoundOption, type Source } from "../command.ts";

/** What may stand for a word that somebody has begun. */
export interface Candidate {
  readonly value: string;
  /** In a few words; shells that have the space show it. */
  readonly meaning?: string;
}

/** Where somebody is in a command line who asks how it can go on. */
export interface Point {
  /** The begun word or, behind `--flag=`, the begun value: what the candidates begin with. */
  readonly begun: string;
  /** Where they are found, or what they are; all of them begin as they should. */
  readonly wanted: Source | readonly Candidate[];
  /** The options before it, by the names that commands know them by. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The arguments before it. */
  readonly args: readonly string[];
}

/**
 * Where the words of a command line lead, of which the last is begun and may be empty. What can come there is what the
 * definitions of the commands say: an argument called `name` or `names` is one of SSHKeys, one called `file` or `files` and
 * an option with `<file>` a file; an option with `<a|b>` has these values.
 */
export function pointOf(root: Command, words: readonly string[]): Point {
  const begun = words.at(-1) ?? "";
  const [name, ...before] = words.slice(0, -1);
  const nothing = { begun, options: {}, args: [] };
  if (name === undefined || (name === "help" && before.length === 0)) {
    const wanted = begun.startsWith("-") ? flagsOf(root, begun, new Set()) : commandsOf(root);
    return { ...nothing, wanted: beginning(wanted, begun) };
  }
  const command = root.commands.find((each) => each.name() === name);
  if (command === undefined) return { ...nothing, wanted: [] };
  return pointIn(command, before, begun);
}

function pointIn(command: Command, before: readonly string[], begun: string): Point {
  const { options, args, given, pending, isLiteral } = read(command, before);
  const at = (wanted: Source | readonly Candidate[], value = begun) => ({
    begun: value,
    wanted: typeof wanted === "string" ? wanted : beginning(wanted, value),
    options,
    args,
  });
  if (pending?.required || (pending && !begun.startsWith("-"))) return at(valuesOf(pending));
  if (isLiteral || !begun.startsWith("-")) return at(argumentAt(command, args, options));
  const [, long, value] = /^(--[^=]+)=(.*)$/s.exec(begun) ?? [];
  if (value === undefined) return at(flagsOf(command, begun, given));
  const option = command.options.find((each) => each.long === long);
  return at(option === undefined ? [] : valuesOf(option), value);
}

function beginning(candidates: readonly Candidate[], begun: string): readonly Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(begun));
}

/** What a command line has said so far, as commander reads it. */
interface Said {
  readonly options: Record<string, unknown>;
  readonly args: string[];
  readonly given: Set<Option>;
  /** Waits for its value. */
  readonly pending: Option | undefined;
  /** Has there been a `--`? */
  readonly isLiteral: boolean;
}

function read(command: Command, words: readonly string[]): Said {
  const options: Record<string, unknown> = {};
  const args: string[] = [];
  const given = new Set<Option>();
  let pending: Option | undefined;
  let isLiteral = false;
  const take = (option: Option | undefined, value: string | undefined) => {
    if (option === undefined) return;
    given.add(option);
    if (value === undefined && (option.required || option.optional)) {
      pending = option;
      return;
    }
    pending = undefined;
    const name = option.attributeName();
    options[name] = isRepeatable(option)
      ? [...((options[name] as string[] | undefined) ?? []), value]
      : (value ?? true);
  };
  for (const word of words) {
    const waiting = pending;
    if (waiting?.required || (waiting?.optional && !word.startsWith("-"))) take(waiting, word);
    else if (isLiteral || !word.startsWith("-") || word === "-") args.push(word);
    else if (word === "--") isLiteral = true;
    else takeFlags(word);
  }
  return { options, args, given, pending, isLiteral };

  function takeFlags(word: string): void {
    pending = undefined;
    const [, long, value] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (long !== undefined) take(optionOf(long), value);
    else takeLetters(word);
  }

  function takeLetters(word: string): void {
    // One letter a flag; what follows one that has a value is the value.
    for (let at = 1; at < word.length; at += 1) {
      const option = optionOf(`-${word[at]}`);
      const rest = word.slice(at + 1);
      const hasValue = option !== undefined && (option.required || option.optional);
      take(option, hasValue && rest !== "" ? rest : undefined);
      if (hasValue) return;
    }
  }

  function optionOf(flag: string): Option | undefined {
    return command.options.find(({ long, short }) => long === flag || short === flag);
  }
}

function isRepeatable({ parseArg, variadic }: Option): boolean {
  return variadic || parseArg === collect;
}

function commandsOf(root: Command): readonly Candidate[] {
  const commands = root.createHelp().visibleCommands(root);
  return commands.map((command) => ({
    value: command.name(),
    meaning: command.summary() || command.description(),
  }));
}

/** By their long names; a short one only if it is whole already. */
function flagsOf(command: Command, begun: string, given: ReadonlySet<Option>): readonly Candidate[] {
  const options = command.createHelp().visibleOptions(command);
  return options
    .filter((option) => isRepeatable(option) || !given.has(option))
    .flatMap(({ long, short, description }) => {
      const value = short === begun ? short : long;
      return value ? [{ value, meaning: description }] : [];
    });
}

function valuesOf(option: Option): Source | readonly Candidate[] {
  if (option instanceof FoundOption)
    return typeof option.values === "string" ? option.values : candidates(option.values);
  if (option.argChoices !== undefined) return candidates(option.argChoices);
  const [, placeholder = ""] = /<([^<>]*)>/.exec(option.flags) ?? [];
  if (placeholder === "file") return "files";
  return placeholder.includes("|") ? candidates(placeholder.split("|")) : [];
}

function argumentAt(
  command: Command,
  args: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Source | readonly Candidate[] {
  const known: readonly Argument[] = command.registeredArguments;
  const last = known.at(-1);
  const argument = known[args.length] ?? (last?.variadic ? last : undefined);
  if (argument?.argChoices !== undefined) return candidates(argument.argChoices);
  switch (argument?.name()) {
    case "name":
    case "names":
      // In place of names a user may be named, and not both.
      return options.user === undefined ? "sshkeys" : [];
    case "file":
    case "files":
      return "files";
    default:
      return [];
  }
}

function candidates(values: readonly string[]): readonly Candidate[] {
  return values.map((value) => ({ value }));
}
