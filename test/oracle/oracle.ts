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
  | "Unproven"
  | "Duplicate"
  | "SecretFull";

/** The reason of the condition `Unique`. */
export type OracleUniqueness = "Unique" | "ProvenByAnother" | "SharedKey" | "Duplicate" | "NotInForce";

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
  /** Is there a proof that the user has this very key? */
  readonly proven: boolean;
  /** Why the key is not acceptable, the worst first. */
  readonly findings: readonly ("Invalid" | "Compromised" | "Revoked" | "Weak")[];
}

export interface Rules {
  readonly scope: "Namespace" | "User";
  readonly maximumKeysPerUser: number;
  readonly proofs: "Optional" | "Required";
  readonly expiryTimeFormat: "WithZ" | "WithoutZ";
}

export interface Outcome {
  /** By `NAMESPACE/NAME`. */
  readonly states: Readonly<Record<string, OracleState>>;
  /** By `NAMESPACE/NAME`: the name of the SSHKey that has the key of a Duplicate. */
  readonly holders: Readonly<Record<string, string>>;
  /** By `NAMESPACE/NAME`. */
  readonly uniqueness: Readonly<Record<string, OracleUniqueness>>;
  /** The lines of each file that is not empty, by `NAMESPACE/USER`. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

const MAXIMUM_BYTES = 1_000_000;

export function oracle(facts: readonly Fact[], rules: Rules, now: number): Outcome {
  const states: Record<string, OracleState> = {};
  const holders: Record<string, string> = {};
  const uniqueness: Record<string, OracleUniqueness> = {};
  const placed: Record<string, Fact[]> = {};
  const inForce = facts.filter((fact) => ownState(fact, rules, now) === undefined).sort(byClaim);
  const claims = Map.groupBy(inForce, keyOf);
  for (const fact of facts) {
    const own = ownState(fact, rules, now);
    if (own === undefined) continue;
    states[idOf(fact)] = own;
    uniqueness[idOf(fact)] = "NotInForce";
  }
  for (const fact of inForce) {
    const id = idOf(fact);
    const same = claims.get(keyOf(fact)) ?? [];
    const holding = same.filter((each) => !same.some((other) => excludes(other, each, rules)));
    const others = same.filter(({ user }) => user !== fact.user);
    if (!holding.includes(fact)) {
      const winners = holding.filter((each) => excludes(each, fact, rules));
      // Whoever has the key in another SSHKey is told of that one.
      const holder = winners.find(({ user }) => user === fact.user) ?? winners[0];
      states[id] = "Duplicate";
      uniqueness[id] = "Duplicate";
      holders[id] = holder?.name ?? "";
      continue;
    }
    if (others.some((each) => holding.includes(each))) uniqueness[id] = "SharedKey";
    else uniqueness[id] = others.some(({ proven }) => proven) ? "ProvenByAnother" : "Unique";
    const file = `${fact.namespace}/${fact.user}`;
    const before = placed[file] ?? [];
    const bytes = [...before, fact].reduce(
      (sum, each) => sum + Buffer.byteLength(lineFor(each, rules.expiryTimeFormat)) + 1,
      0,
    );
    const hasRoom = before.length < rules.maximumKeysPerUser && bytes <= MAXIMUM_BYTES;
    states[id] = hasRoom ? "Projected" : "SecretFull";
    if (hasRoom) placed[file] = [...before, fact];
  }
  const files = Object.fromEntries(
    Object.entries(placed).map(([file, those]) => [
      file,
      [...those]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((each) => lineFor(each, rules.expiryTimeFormat)),
    ]),
  );
  return { states, holders, uniqueness, files };
}

/** The better claim first. */
function byClaim(a: Fact, b: Fact): number {
  return Number(b.proven) - Number(a.proven) || a.since - b.since || (a.uid < b.uid ? -1 : 1);
}

/** Does the first claim, being the better one, keep the other from the key that both want? */
function excludes(one: Fact, other: Fact, { scope }: Rules): boolean {
  const areRivals = scope === "Namespace" || one.user === other.user || (one.proven && !other.proven);
  return one !== other && areRivals && byClaim(one, other) < 0;
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

function ownState(fact: Fact, rules: Rules, now: number): OracleState | undefined {
  if (fact.terminating) return "Terminating";
  if (fact.disabled) return "Disabled";
  if (fact.expiresAt !== undefined && fact.expiresAt <= now) return "Expired";
  const [worst] = fact.findings;
  return worst ?? (rules.proofs === "Required" && !fact.proven ? "Unproven" : undefined);
}

/** Two SSHKeys of one namespace with one key. */
function keyOf({ namespace, type, base64 }: Fact): string {
  return `${namespace} ${type} ${base64}`;
}

function idOf({ namespace, name }: Fact): string {
  return `${namespace}/${name}`;
}
