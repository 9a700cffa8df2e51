/**
 * What the design says must come of a set of SSHKeys, said as plainly as possible: no history, no Secrets, nothing of
 * the product's own code.
 */

export type OracleState =
  | "Projected"
  | "Terminating"
  | "Disabled"
  | "Expired"
  | "Invalid"
  | "Compromised"
  | "Revoked"
  | "Weak"
  | "Duplicate"
  | "SecretFull";

/** One SSHKey, told in plain words. Times are ms since the epoch. */
export interface Fact {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly user: string;
  /** TYPE and BASE64; two SSHKeys have one key when both are equal. */
  readonly type: string;
  readonly base64: string;
  /** As they stand in front of the line, "" for none. */
  readonly options: string;
  /** Since when the SSHKey has had this key. */
  readonly since: number;
  readonly disabled: boolean;
  readonly terminating: boolean;
  readonly expiresAt: number | undefined;
  /** Why the key is not acceptable, the worst first. */
  readonly findings: readonly ("Invalid" | "Compromised" | "Revoked" | "Weak")[];
}

export interface Rules {
  readonly scope: "Namespace" | "User";
  readonly maximumKeysPerUser: number;
  readonly expiryTimeFormat: "WithZ" | "WithoutZ";
}

export interface Outcome {
  /** By `NAMESPACE/NAME`. */
  readonly states: Readonly<Record<string, OracleState>>;
  /** By `NAMESPACE/NAME`: the name of the SSHKey that has the key of a Duplicate. */
  readonly holders: Readonly<Record<string, string>>;
  /** The lines of each file that is not empty, by `NAMESPACE/USER`. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

const MAXIMUM_BYTES = 1_000_000;

export function oracle(facts: readonly Fact[], rules: Rules, now: number): Outcome {
  const states: Record<string, OracleState> = {};
  const holders: Record<string, string> = {};
  const taken: Record<string, string> = {};
  const placed: Record<string, Fact[]> = {};
  const inOrder = [...facts].sort((a, b) => a.since - b.since || (a.uid < b.uid ? -1 : 1));
  for (const fact of inOrder) {
    const id = idOf(fact);
    const own = ownState(fact, now);
    if (own !== undefined) {
      states[id] = own;
      continue;
    }
    const scope = rules.scope === "User" ? `/${fact.user}` : "";
    const claim = `${fact.namespace}${scope} ${fact.type} ${fact.base64}`;
    const holder = taken[claim];
    if (holder !== undefined) {
      states[id] = "Duplicate";
      holders[id] = holder;
      continue;
    }
    taken[claim] = fact.name;
    const file = `${fact.namespace}/${fact.user}`;
    const others = placed[file] ?? [];
    const bytes = [...others, fact].reduce(
      (sum, each) => sum + Buffer.byteLength(lineFor(each, rules.expiryTimeFormat)) + 1,
      0,
    );
    const hasRoom = others.length < rules.maximumKeysPerUser && bytes <= MAXIMUM_BYTES;
    states[id] = hasRoom ? "Projected" : "SecretFull";
    if (hasRoom) placed[file] = [...others, fact];
  }
  const files = Object.fromEntries(
    Object.entries(placed).map(([file, those]) => [
      file,
      [...those]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((each) => lineFor(each, rules.expiryTimeFormat)),
    ]),
  );
  return { states, holders, files };
}

/** `[options ]TYPE BASE64 namespace/name`; a key that expires says so, for sshd. */
export function lineFor(fact: Fact, format: Rules["expiryTimeFormat"]): string {
  const { expiresAt, options } = fact;
  const digits =
    expiresAt === undefined ? "" : new Date(expiresAt).toISOString().replace(/\D/g, "").slice(0, 14);
  const expiry = digits === "" ? [] : [`expiry-time="${digits}${format === "WithZ" ? "Z" : ""}"`];
  const front = [...(options === "" ? [] : [options]), ...expiry].join(",");
  return `${front === "" ? "" : `${front} `}${fact.type} ${fact.base64} ${fact.namespace}/${fact.name}`;
}

function ownState(fact: Fact, now: number): OracleState | undefined {
  if (fact.terminating) return "Terminating";
  if (fact.disabled) return "Disabled";
  if (fact.expiresAt !== undefined && fact.expiresAt <= now) return "Expired";
  return fact.findings[0];
}

function idOf({ namespace, name }: Fact): string {
  return `${namespace}/${name}`;
}
