import { isLogin, LOGIN_RULE } from "../api/logins.ts";
import { DATA_KEY } from "../api/names.ts";
import { type Member, personOf } from "./members.ts";
import { byCodeUnits, type Omission } from "./omission.ts";
import { localPart } from "./pattern.ts";
import type { AuthorizedKeysRecord, MappedLogin } from "./record.ts";

/**
 * Who has which login. A login belongs to its entry of `map`, whether its user is there or not; otherwise, where a user
 * name may be another person's in another namespace, to the first entry of `from` that could yield it. Two who then have
 * one login both go without.
 */
export function loginsOf(
  record: AuthorizedKeysRecord,
  members: readonly Member[],
): { logins: ReadonlyMap<Member, string>; omissions: readonly Omission[] } {
  const rules = new Logins(record);
  const logins = new Map<Member, string>();
  const omissions: Omission[] = [];
  const byLogin = new Map<string, Member[]>();
  for (const member of members) {
    const login = rules.of(member);
    if (typeof login === "string") {
      const rivals = byLogin.get(login);
      if (rivals === undefined) byLogin.set(login, [member]);
      else rivals.push(member);
    } else omissions.push({ ...login, namespace: member.namespace, user: member.user });
  }
  for (const [login, rivals] of byLogin) {
    const users = [...new Set(rivals.map(({ user }) => user))].sort(byCodeUnits);
    for (const member of rivals) {
      if (users.length === 1) logins.set(member, login);
      else omissions.push(contestedOmission(record, member, login, users));
    }
  }
  return { logins, omissions };
}

/** The logins of those who are named exactly, by an entry of `from` or of `map`, whether anything is known of them or not. */
export function namedLogins({ from, map, rule }: AuthorizedKeysRecord): ReadonlySet<string> {
  const mapped = new Map(map.map(({ user, login }) => [user, login]));
  const named = from.flatMap(({ users }) => [...(users?.names ?? [])]);
  const byRule = named.map((user) => mapped.get(user) ?? (rule === "User" ? user : localPart(user)));
  return new Set([...mapped.values(), ...byRule]);
}

type LoginRefusal = Pick<Omission, "reason" | "message">;

class Logins {
  readonly #record: AuthorizedKeysRecord;
  /** By person. Of several entries for one, the first counts. */
  readonly #mapped = new Map<string, MappedLogin>();
  /** The first entry of each login. */
  readonly #owners = new Map<string, MappedLogin>();
  /** The first entry of `from` that could yield a login. */
  readonly #first = new Map<string, number>();

  constructor(record: AuthorizedKeysRecord) {
    this.#record = record;
    for (const mapped of record.map) {
      const person = personOf(record, mapped);
      if (!this.#mapped.has(person)) this.#mapped.set(person, mapped);
      if (!this.#owners.has(mapped.login)) this.#owners.set(mapped.login, mapped);
    }
  }

  of(member: Member): string | LoginRefusal {
    const mapped = this.#mapped.get(member.person);
    const login = mapped?.login ?? this.#byRule(member.user);
    const why = mapped === undefined ? whyNoLogin(login) : whyNotMapped(login);
    if (why !== undefined) {
      return {
        reason: "NoLogin",
        message: mapped === undefined ? `${why}; ${mapLine(this.#record, member)}.` : why,
      };
    }
    const owner = this.#owners.get(login);
    if (owner !== undefined && personOf(this.#record, owner) !== member.person) {
      return taken(
        `Login ${login} belongs to user ${JSON.stringify(owner.user)}${of(owner)} by spec.logins.map`,
        `give this user another one: ${mapLine(this.#record, member)}`,
      );
    }
    const first = mapped === undefined ? this.#firstEntry(login, member) : undefined;
    if (first !== undefined) {
      const { namespace = "" } = this.#record.from[first] ?? {};
      return taken(
        `Login ${login} belongs to namespace ${namespace}, since spec.from[${first}] could yield it, with or without a key there`,
        `give this user another one: ${mapLine(this.#record, member)}`,
      );
    }
    return login;
  }

  /** The entry that a login belongs to, if that is another namespace's. */
  #firstEntry(login: string, { namespace }: Member): number | undefined {
    const { identity, from } = this.#record;
    if (identity === "ByName") return undefined;
    let first = this.#first.get(login);
    if (first === undefined) {
      first = from.findIndex(({ users }) => users === undefined || this.#couldYield(users, login));
      this.#first.set(login, first);
    }
    return from[first]?.namespace === namespace ? undefined : first;
  }

  #couldYield(users: NonNullable<AuthorizedKeysRecord["from"][number]["users"]>, login: string): boolean {
    return this.#record.rule === "LocalPart" ? users.matchesLocalPart(login) : users.matches(login);
  }

  #byRule(user: string): string {
    return this.#record.rule === "LocalPart" ? localPart(user) : user;
  }
}

function taken(what: string, next: string): LoginRefusal {
  return { reason: "LoginTaken", message: `${what}; ${next}.` };
}

function of({ namespace }: MappedLogin): string {
  return namespace === "" ? "" : ` of namespace ${namespace}`;
}

function contestedOmission(
  record: AuthorizedKeysRecord,
  member: Member,
  login: string,
  users: readonly string[],
): Omission {
  const { namespace, user } = member;
  const other = users[0] === user ? users[1] : users[0];
  const more = users.length === 2 ? "has" : `and ${users.length - 2} more have`;
  const what = `User ${JSON.stringify(other)} ${more} login ${login} too, and a login never comes from two users`;
  const next = `give each a login of their own: ${mapLine(record, member)}`;
  return { ...taken(what, next), namespace, user };
}

/** What to write to give a user a login. */
function mapLine({ identity }: AuthorizedKeysRecord, { namespace, user }: Member): string {
  const whose = identity === "ByName" ? "" : `namespace: ${namespace}, `;
  return `add to spec.logins.map: {${whose}user: ${JSON.stringify(user)}, login: LOGIN}`;
}

function whyNotMapped(login: string): string | undefined {
  if (isLogin(login)) return undefined;
  return `spec.logins.map gives this user ${JSON.stringify(login)}: ${LOGIN_RULE}.`;
}

/** Why what the rule makes of a name is no login, or is none without `map`. */
function whyNoLogin(login: string): string | undefined {
  if (login === "") return "Nothing stands before the first @, and a login has at least one character";
  if (login === "root") return "Login root is given by spec.logins.map only";
  if (isLogin(login)) return undefined;
  if (login === DATA_KEY) return `${DATA_KEY} is no login, since it is the name of a SingleFile`;
  const [first = ""] = login;
  if (!/^[a-z_]/.test(first))
    return `${JSON.stringify(first)} cannot begin a login, which begins with a to z or _`;
  const [stray] = /[^a-z0-9_.-]/u.exec(login) ?? [];
  if (stray !== undefined) {
    return `${JSON.stringify(stray)} cannot stand in a login, which has a to z, 0 to 9, _ . and - only`;
  }
  return "A login has at most 32 characters";
}
