/**
 * Which keys of which users stand in which file of an AuthorizedKeys, said as plainly as possible: nothing of the
 * product's own code.
 */

/** One SSHKey whose key is in force where it lives, or not. Times are ms since the epoch. */
export interface KeyFact {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly user: string;
  readonly type: string;
  readonly base64: string;
  readonly options: OwnOptions;
  readonly since: number;
  readonly expiresAt: number | undefined;
  readonly proven: boolean;
  /** Is its key among those that its user may log in with in its own namespace? */
  readonly inForce: boolean;
}

/** Every target of these tests allows a pty, and none `environment`; none says `from`. */
export type OwnOptions =
  | ""
  | "pty"
  | "no-pty"
  | "restrict"
  | 'from="10.0.0.0/8"'
  | 'environment="A=1"'
  | 'command="a \\"b c\\" d",restrict';

export interface NamespaceFact {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The annotation: names and patterns. */
  readonly shares: string;
}

export interface TargetFact {
  readonly namespace: string;
  readonly from: readonly {
    readonly namespace?: string;
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly users?: readonly string[];
  }[];
  readonly identity: "ByNamespace" | "ByName";
  readonly layout: "FilePerLogin" | "SingleFile";
  readonly rule: "User" | "LocalPart";
  readonly map: readonly { readonly namespace: string; readonly user: string; readonly login: string }[];
  /** Of what stands in front of every line; `%u` and `%n` are to be filled in. */
  readonly options: string;
}

export interface Limits {
  readonly bytes: number;
  readonly emptyFiles: number;
}

export interface SelectionOutcome {
  readonly files: Readonly<Record<string, string>>;
  readonly userCount: number;
  readonly keyCount: number;
  /** Each as `Reason namespace/user/sshKey`, sorted. */
  readonly omitted: readonly string[];
}

/** A user of a namespace. */
interface User {
  readonly namespace: string;
  readonly user: string;
}

/** One who takes part, and the place of the entry by which it does. */
interface Taken extends User {
  readonly entry: number;
}

/** A key on its way into a file. */
interface Candidate {
  readonly key: KeyFact;
  readonly of: Taken;
  readonly file: string;
}

export function selection(
  target: TargetFact,
  namespaces: readonly NamespaceFact[],
  keys: readonly KeyFact[],
  limits: Limits,
  format: "WithZ" | "WithoutZ" = "WithZ",
): SelectionOutcome {
  const sources = target.from.map((_, entry) => sourcesOf(target, entry, namespaces));
  const omitted = new Set<string>();
  for (const [entry, { namespace }] of target.from.entries())
    if (namespace !== undefined && sources[entry]?.length === 0) omitted.add(`NotShared ${namespace}`);
  const taken: Taken[] = [];
  for (const { namespace, user } of keys) {
    const entry = entryOf(target, sources, { namespace, user });
    if (entry === "elsewhere") omitted.add(`UserElsewhere ${namespace}/${user}`);
    else if (entry !== "nobody's") add(taken, { namespace, user, entry });
  }
  if (target.layout === "FilePerLogin") {
    for (const [index, { users = [] }] of target.from.entries()) {
      for (const user of users.filter((item) => !item.includes("*"))) {
        const [namespace] = sources[index] ?? [];
        if (namespace === undefined) continue;
        const entry = entryOf(target, sources, { namespace, user });
        if (typeof entry === "number" && !taken.some((one) => isOne(target, one, { namespace, user })))
          taken.push({ namespace, user, entry });
      }
    }
  }
  const files = new Map<Taken, string>();
  for (const each of taken) {
    const login = target.layout === "SingleFile" ? "authorized_keys" : loginOf(target, each, taken);
    if (login === "NoLogin" || login === "LoginTaken") omitted.add(`${login} ${each.namespace}/${each.user}`);
    else files.set(each, login);
  }
  const { placed, left } = place(target, candidatesOf(keys, files), limits, format);
  for (const { reason, key } of left) omitted.add(`${reason} ${key.namespace}/${key.user}/${key.name}`);
  const texts: Record<string, string> = target.layout === "SingleFile" ? { authorized_keys: "" } : {};
  for (const { file, line } of placed.sort((a, b) => (idOf(a.key) < idOf(b.key) ? -1 : 1)))
    texts[file] = `${texts[file] ?? ""}${line}\n`;
  for (const file of emptyFiles(target, sources, files, texts, limits)) texts[file] = "";
  return {
    files: texts,
    userCount: new Set(
      placed.map(({ of }) => (target.identity === "ByName" ? of.user : `${of.namespace}/${of.user}`)),
    ).size,
    keyCount: placed.length,
    omitted: [...omitted].sort(),
  };
}

/**
 * Why a file of the target never holds keys of this user of this namespace, whoever else there is; undefined if it may.
 */
export function whyNever(
  target: TargetFact,
  namespace: NamespaceFact,
  user: string,
  dataKey: string,
): string | undefined {
  const sources = target.from.map((_, entry) => sourcesOf(target, entry, [namespace]));
  const one = { namespace: namespace.name, user };
  const entry = entryOf(target, sources, one);
  if (entry === "nobody's") return "no entry of from takes its user";
  if (entry === "elsewhere") return "its user belongs to another namespace";
  const file = target.layout === "SingleFile" ? "authorized_keys" : claimedLogin(target, one);
  return file === dataKey ? undefined : `its file is ${file}`;
}

/** The namespaces of an entry that give their keys, by name. */
function sourcesOf(
  target: TargetFact,
  entry: number,
  namespaces: readonly NamespaceFact[],
): readonly string[] {
  const { namespace, matchLabels } = target.from[entry] ?? {};
  return namespaces
    .filter(({ name, labels }) =>
      matchLabels === undefined
        ? name === (namespace ?? target.namespace)
        : Object.entries(matchLabels).every(([label, value]) => labels[label] === value),
    )
    .filter(({ name, shares }) => name === target.namespace || isSharedWith(shares, target.namespace))
    .map(({ name }) => name)
    .sort();
}

/** By which entry a user comes in, if any: where it matters who a user is, by none but the first that could match it. */
function entryOf(
  target: TargetFact,
  sources: readonly (readonly string[])[],
  { namespace, user }: User,
): number | "elsewhere" | "nobody's" {
  const matching = target.from.flatMap(({ users }, index) => (isMatch(users ?? ["*"], user) ? [index] : []));
  const own = matching.filter((entry) => sources[entry]?.includes(namespace));
  const [first = -1] = own;
  if (first === -1) return "nobody's";
  const counts = target.layout === "FilePerLogin" || target.options.includes("%");
  if (target.identity === "ByName" || !counts) return first;
  return matching[0] === first ? first : "elsewhere";
}

function loginOf(target: TargetFact, one: User, taken: readonly User[]): string {
  const login = claimedLogin(target, one);
  const isContested = taken.some(
    (other) => !isOne(target, one, other) && claimedLogin(target, other) === login,
  );
  return isContested && login !== "NoLogin" ? "LoginTaken" : login;
}

/** The login that one would have, if nobody else came to it in the same way. */
function claimedLogin(target: TargetFact, one: User): string {
  const mapped = target.map.find((each) => isOne(target, each, one));
  const login = mapped?.login ?? (target.rule === "User" ? one.user : (one.user.split("@")[0] ?? ""));
  if (!/^[a-z_][a-z0-9_.-]{0,31}$/.test(login) || login === "authorized_keys") return "NoLogin";
  if (login === "root" && mapped === undefined) return "NoLogin";
  const owner = target.map.find((each) => each.login === login);
  if (owner !== undefined) return isOne(target, owner, one) ? login : "LoginTaken";
  if (target.identity === "ByName") return login;
  const first = target.from.find(({ users }) => couldYield(users ?? ["*"], login, target.rule));
  return first?.namespace === one.namespace ? login : "LoginTaken";
}

function isOne({ identity }: TargetFact, one: User, other: User): boolean {
  return one.user === other.user && (identity === "ByName" || one.namespace === other.namespace);
}

function candidatesOf(keys: readonly KeyFact[], files: ReadonlyMap<Taken, string>): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const [of, file] of files) {
    for (const key of keys) {
      if (key.inForce && key.namespace === of.namespace && key.user === of.user)
        candidates.push({ key, of, file });
    }
  }
  return candidates.sort((a, b) => a.of.entry - b.of.entry || byClaim(a.key, b.key));
}

/** Which keys get a line; the others with the reason, if it is told. */
function place(target: TargetFact, candidates: readonly Candidate[], limits: Limits, format: string) {
  const placed: (Candidate & { readonly line: string })[] = [];
  const left: { readonly reason: string; readonly key: KeyFact }[] = [];
  const always = target.layout === "SingleFile" ? ["authorized_keys"] : [];
  for (const next of candidates) {
    const { key, of, file } = next;
    const same = placed.find((each) => each.file === file && each.key.base64 === key.base64);
    if (same !== undefined) {
      if (!isOne(target, same.of, of)) left.push({ reason: "KeyTaken", key });
      continue;
    }
    const line = lineFor(target, key, format);
    const all = [...placed, { ...next, line }];
    const bytes = sizeOf(
      [...always, ...all.map((each) => each.file)],
      all.map((each) => each.line),
    );
    if (line === "OptionsConflict" || line === "NotTemplatable") left.push({ reason: line, key });
    else if (bytes > limits.bytes) left.push({ reason: "SecretFull", key });
    else placed.push({ ...next, line });
  }
  return { placed, left };
}

function emptyFiles(
  target: TargetFact,
  sources: readonly (readonly string[])[],
  files: ReadonlyMap<Taken, string>,
  texts: Readonly<Record<string, string>>,
  limits: Limits,
): readonly string[] {
  const isNamed = (file: string) =>
    [...files].some(
      ([of, login]) =>
        login === file &&
        target.from.some(({ users }, entry) => {
          const [namespace] = sources[entry] ?? [];
          if (namespace === undefined || users?.includes(of.user) !== true) return false;
          return isOne(target, of, { namespace, user: of.user });
        }),
    );
  const waiting = [...new Set(files.values())].filter((file) => texts[file] === undefined);
  waiting.sort((a, b) => Number(isNamed(b)) - Number(isNamed(a)) || (a < b ? -1 : 1));
  const room = waiting.slice(0, limits.emptyFiles);
  const lines = Object.values(texts).flatMap((text) => text.split("\n").slice(0, -1));
  return room.filter(
    (_, at) => sizeOf([...Object.keys(texts), ...room.slice(0, at + 1)], lines) <= limits.bytes,
  );
}

/** Data keys twice, values once. */
function sizeOf(files: readonly string[], lines: readonly string[]): number {
  const names = [...new Set(files)].reduce((sum, name) => sum + 2 * name.length, 0);
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, names);
}

/** `[options ]TYPE BASE64 namespace/name`, or the reason word why there is none. */
export function lineFor({ options }: TargetFact, key: Omit<KeyFact, "inForce">, format: string): string {
  const isSafe = /^[A-Za-z0-9_][A-Za-z0-9@._+-]*$/.test(key.user);
  if (options.includes("%u") && !isSafe) return "NotTemplatable";
  if (key.options.startsWith("environment")) return "OptionsConflict";
  const filled = options.replaceAll("%u", key.user).replaceAll("%n", key.namespace);
  const digits =
    key.expiresAt === undefined ? "" : new Date(key.expiresAt).toISOString().replace(/\D/g, "").slice(0, 14);
  const expiry = digits === "" ? "" : `expiry-time="${digits}${format === "WithZ" ? "Z" : ""}"`;
  const own = behind(options, key.options);
  if (own === undefined) return "OptionsConflict";
  const front = [filled, own, expiry].filter((each) => each !== "").join(",");
  return `${front === "" ? "" : `${front} `}${key.type} ${key.base64} ${idOf(key)}`;
}

/** What of an SSHKey's own options stands behind the target's: those of these tests that restrict allow a pty. */
function behind(options: string, own: OwnOptions): string | undefined {
  const restricted = options.includes("restrict") ? "no-pty" : "restrict";
  if (own === "pty") return "";
  if (own === "restrict") return restricted;
  if (!own.startsWith("command")) return own;
  return options.includes("command=") ? undefined : `${restricted},command="a \\"b c\\" d"`;
}

/** Does a Namespace with this annotation share its keys with the other? */
export function isSharedWith(shares: string, other: string): boolean {
  return isMatch(shares.split(","), other);
}

function isMatch(items: readonly string[], text: string): boolean {
  return items.some((item) => meet(item.trim(), text));
}

function couldYield(items: readonly string[], login: string, rule: TargetFact["rule"]): boolean {
  return items.some((item) => meet(item, login) || (rule === "LocalPart" && meet(item, `${login}@*`)));
}

/** Is there a text that both match? In both `*` is any run of characters. */
export function meet(one: string, other: string): boolean {
  if (one === "" && other === "") return true;
  if (one.startsWith("*")) return meet(one.slice(1), other) || (other !== "" && meet(one, other.slice(1)));
  if (other.startsWith("*")) return meet(other, one);
  return one !== "" && one[0] === other[0] && meet(one.slice(1), other.slice(1));
}

function add<T>(list: T[], item: T): void {
  if (!list.some((each) => JSON.stringify(each) === JSON.stringify(item))) list.push(item);
}

/** The better claim first. */
function byClaim(a: KeyFact, b: KeyFact): number {
  return Number(b.proven) - Number(a.proven) || a.since - b.since || (a.uid < b.uid ? -1 : 1);
}

function idOf({ namespace, name }: Pick<KeyFact, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}
