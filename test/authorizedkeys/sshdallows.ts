/** What sshd lets a client do by a line with these options, as sshd(8) has it. Written without a look at the operator's rules. */
export interface Allowed {
  readonly pty: boolean;
  readonly agent: boolean;
  readonly x11: boolean;
  readonly rc: boolean;
  readonly forwarding: boolean;
  /** May a security key sign without a touch, or without PIN or biometric? */
  readonly untouched: boolean;
  readonly unverified: boolean;
  /** undefined: from everywhere; whatever the client asks for; every host; every port; any device. */
  readonly from: string | undefined;
  readonly command: string | undefined;
  readonly open: ReadonlySet<string> | undefined;
  readonly listen: ReadonlySet<string> | undefined;
  readonly tunnel: string | undefined;
  readonly tunnels: boolean;
  readonly environment: ReadonlySet<string>;
}

const FLAGS = ["pty", "agent", "x11", "rc", "forwarding", "untouched", "unverified", "tunnels"] as const;

/** Undefined for options that make sshd refuse the whole line. */
export function sshdAllows(options: string): Allowed | undefined {
  const flags = {
    ...{ pty: true, agent: true, x11: true, rc: true, forwarding: true },
    ...{ untouched: false, unverified: true, tunnels: true },
  };
  const values = new Map<string, string[]>();
  for (const [name, value] of words(options)) {
    if (value !== undefined) {
      const before = values.get(name) ?? [];
      if (before.length > 0 && (name === "from" || name === "command")) return undefined;
      values.set(name, [...before, value]);
      continue;
    }
    const isOn = !name.startsWith("no-");
    const flag = isOn ? name : name.slice(3);
    if (name === "restrict") {
      Object.assign(flags, { pty: false, agent: false, x11: false, rc: false, forwarding: false });
      flags.tunnels = false;
    } else if (flag === "pty") flags.pty = isOn;
    else if (flag === "agent-forwarding") flags.agent = isOn;
    else if (flag === "x11-forwarding") flags.x11 = isOn;
    else if (flag === "user-rc") flags.rc = isOn;
    else if (flag === "port-forwarding") flags.forwarding = isOn;
    else if (flag === "touch-required") flags.untouched = !isOn;
    else if (flag === "verify-required") flags.unverified = !isOn;
    else return undefined;
  }
  const all = (name: string) => values.get(name) && new Set(values.get(name));
  return {
    ...flags,
    from: values.get("from")?.[0],
    command: values.get("command")?.[0],
    open: all("permitopen"),
    listen: all("permitlisten"),
    tunnel: values.get("tunnel")?.at(-1),
    environment: all("environment") ?? new Set(),
  };
}

/** Does the first allow nothing that the second forbids? */
export function isNoMore(one: Allowed, other: Allowed): boolean {
  const same = (key: "from" | "command" | "tunnel") => other[key] === undefined || one[key] === other[key];
  const within = (key: "open" | "listen") =>
    other[key] === undefined || (one[key] !== undefined && isSubset(one[key], other[key]));
  return (
    FLAGS.every((flag) => !one[flag] || other[flag]) &&
    same("from") &&
    same("command") &&
    (!one.tunnels || same("tunnel")) &&
    within("open") &&
    within("listen") &&
    isSubset(one.environment, other.environment)
  );
}

function isSubset(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return [...one].every((each) => other.has(each));
}

/** The options of a line, read a character at a time; throws where the text is no list of options. */
export function words(options: string): readonly (readonly [name: string, value: string | undefined])[] {
  const found: [string, string | undefined][] = [];
  let name = "";
  let value: string | undefined;
  let isQuoted = false;
  const end = () => {
    if (name === "" || isQuoted) throw new Error(`no list of options: ${options}`);
    found.push([name, value]);
    name = "";
    value = undefined;
  };
  for (let at = 0; at < options.length; at += 1) {
    const character = options.charAt(at);
    if (isQuoted && character === "\\" && options[at + 1] === '"') {
      value += '"';
      at += 1;
    } else if (isQuoted && character === '"') isQuoted = false;
    else if (isQuoted) value += character;
    else if (character === "=" && options[at + 1] === '"' && value === undefined) {
      isQuoted = true;
      value = "";
      at += 1;
    } else if (character === ",") end();
    else if (/[a-z0-9-]/.test(character) && value === undefined) name += character;
    else throw new Error(`no list of options: ${options}`);
  }
  if (options !== "") end();
  return found;
}
