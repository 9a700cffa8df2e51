import { FLAGS, flagEffect, isOn, PERMISSIONS } from "../ssh/optionflags.ts";
import { type Option, optionsIn, optionsText } from "../ssh/options.ts";
import { valueFault } from "../ssh/optionvalue.ts";
import { accept, type Result } from "../ssh/refusal.ts";
import type { TargetOption, TargetOptions } from "./targetoptions.ts";
import { fillIn, sequencesOf, type Who } from "./template.ts";

/** Why a key gets no line. */
export interface LineRefusal {
  readonly reason: "OptionsConflict" | "NotTemplatable";
  /** One sentence that names the option and says what to do. */
  readonly message: string;
}

/**
 * The options in front of one line, as one word; "" for none. They allow what both the target's options and those of
 * the SSHKey allow, and no more.
 *
 * `own` is what the SSHKey would have in its own user's file: its options as renderOptions gives them, and behind
 * them what the policy requires. Put there as they are, they would undo the target's: of two opposite flags sshd takes the
 * later one, and of several permitopen or permitlisten any (sshauthopt_parse in OpenSSH's auth-options.c). So only what narrows
 * follows, and the key is left out where its options ask for more. A target without options is no exception: it
 * allows what sshd allows without options.
 */
export function lineOptions(target: TargetOptions, own: string, who: Who): Result<string, LineRefusal> {
  const filled: Option[] = [];
  for (const option of target.options) {
    const value = filledValue(option, who);
    if (!value.ok) return { ok: false, refusal: { reason: "NotTemplatable", message: value.refusal } };
    filled.push({ name: option.name, value: value.value });
  }
  const { following, conflicts } = behind(target, filled, optionsIn(own));
  if (conflicts.length > 0) {
    return { ok: false, refusal: { reason: "OptionsConflict", message: conflictMessage(conflicts) } };
  }
  return accept(optionsText([...filled, ...following]));
}

function filledValue({ name, value }: TargetOption, who: Who): Result<string | undefined, string> {
  if (value === undefined) return accept(undefined);
  const filled = fillIn(value, who, name === "permitopen" ? "host" : "text");
  if (!filled.ok) {
    return { ok: false, refusal: `${filled.refusal}; choose another name, or let ${name} do without it.` };
  }
  if (sequencesOf(value).length === 0 || valueFault(name, filled.value) === undefined) return filled;
  return { ok: false, refusal: `${name} would get a host longer than sshd takes; choose shorter names.` };
}

/** What follows the target's options, and the names of those that may not. */
function behind(target: TargetOptions, filled: readonly Option[], own: readonly Option[]) {
  const flags = ownFlags(target, own);
  const following: Option[] = flags.following.map((name) => ({ name, value: undefined }));
  const conflicts = new Set(flags.conflicts);
  for (const option of own) {
    if (option.value === undefined) continue;
    const { name } = option;
    const theirs = valuesOf(filled, name);
    if (theirs.size === 0 && NARROWING.has(name)) following.push(option);
    else if (theirs.size === 0 || !isSame(theirs, valuesOf(own, name))) {
      conflicts.add(name);
    }
  }
  return { following, conflicts: [...conflicts] };
}

function ownFlags(target: TargetOptions, own: readonly Option[]) {
  const effect = flagEffect(own);
  const following: string[] = [];
  const conflicts: string[] = [];
  const restricts = effect.restricted && !target.flags.restricted;
  if (restricts) following.push("restrict");
  for (const [flag, { narrow }] of FLAGS) {
    const mine = effect.said.get(flag);
    if (mine === undefined) continue;
    const isNarrow = mine === (narrow === "on");
    const name = mine ? flag : `no-${flag}`;
    if (mine !== isOn(target.flags, flag)) {
      if (!isNarrow) conflicts.push(name);
      else if (!restricts || !PERMISSIONS.includes(flag)) following.push(name);
    } else if (restricts && mine && PERMISSIONS.includes(flag)) following.push(name);
  }
  return { following, conflicts };
}

function valuesOf(options: readonly Option[], name: string): Set<string> {
  return new Set(options.flatMap((option) => (option.name === name ? (option.value ?? []) : [])));
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((each) => other.has(each));
}

function conflictMessage(names: readonly string[]): string {
  const list = names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  const them = names.length < 2 ? "it" : "them";
  return `The SSHKey's own ${list} would undo or widen what the options here allow; remove ${them} from its spec.options.`;
}

/** Options that take something away, wherever the target has none of that name. */
const NARROWING: ReadonlySet<string> = new Set(["command", "from", "permitlisten", "permitopen"]);
