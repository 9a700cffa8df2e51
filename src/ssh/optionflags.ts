import type { Option } from "./options.ts";

/** What a list of options leaves of the flags, as sshd reads it: in order, the last word on each counts. */
export interface FlagEffect {
  /** Is there a `restrict`? What it forbids beside the flags of FLAGS (tunnels), nothing behind it allows again. */
  readonly restricted: boolean;
  /** Of each flag that the list speaks of, whether it is on. */
  readonly said: ReadonlyMap<string, boolean>;
}

export interface FlagMeaning {
  /** Is it on where no option speaks of it? */
  readonly byDefault: boolean;
  /** Whether on or off is what asks more of the client or lets it do less. */
  readonly narrow: "on" | "off";
}

const PERMISSION: FlagMeaning = { byDefault: true, narrow: "off" };

/**
 * The flags, by their names without `no-` (sshauthopt_parse and sshauthopt_new_with_keys_defaults in OpenSSH's
 * auth-options.c). touch-required and verify-required matter to security keys alone; sshd asks for a touch unless told
 * otherwise.
 */
export const FLAGS: ReadonlyMap<string, FlagMeaning> = new Map([
  ["agent-forwarding", PERMISSION],
  ["port-forwarding", PERMISSION],
  ["pty", PERMISSION],
  ["touch-required", { byDefault: true, narrow: "on" }],
  ["user-rc", PERMISSION],
  ["verify-required", { byDefault: false, narrow: "on" }],
  ["x11-forwarding", PERMISSION],
]);

/** Those that `restrict` turns off. */
export const PERMISSIONS: readonly string[] = [...FLAGS]
  .filter(([, meaning]) => meaning === PERMISSION)
  .map(([name]) => name);

/** Options with values are passed over. */
export function flagEffect(options: readonly Option[]): FlagEffect {
  const said = new Map<string, boolean>();
  let restricted = false;
  for (const { name } of options) {
    if (name === "restrict") restricted = true;
    for (const [flag, isOn] of flagsSetBy(name)) said.set(flag, isOn);
  }
  return { restricted, said };
}

/** Is the flag on behind these options? */
export function isOn(effect: FlagEffect, flag: string): boolean {
  return effect.said.get(flag) ?? FLAGS.get(flag)?.byDefault ?? false;
}

/** What one option does to the flags; empty for an option with a value. */
export function flagsSetBy(option: string): readonly (readonly [flag: string, isOn: boolean])[] {
  if (option === "restrict") return PERMISSIONS.map((flag) => [flag, false]);
  if (FLAGS.has(option)) return [[option, true]];
  const positive = option.startsWith("no-") ? option.slice("no-".length) : "";
  return FLAGS.has(positive) ? [[positive, false]] : [];
}
