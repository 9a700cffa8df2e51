import { parseRFC3339 } from "../../api/time.ts";
import { parsedObject, unwrapLine } from "../../whereabouts/logenvelope.ts";

/** A key that could log in by a Secret. Documented field by field in the help of `who`. */
export interface Access {
  readonly namespace: string;
  readonly secret: string;
  readonly user?: string;
  readonly authorizedKeys?: string;
  readonly login?: string;
  readonly fingerprint: string;
  readonly sshKeyNamespace: string;
  readonly sshKey: string;
  /** As the log writes it; undefined if the key was in before the log begins. */
  readonly since?: string;
}

/**
 * Who could log in at a time, by the lines AccessChanged of the operator's log. They may come in any order, as those of two
 * replicas do one after the other.
 */
export class AccessLog {
  /** How many lines AccessChanged have been read. */
  changes = 0;
  /** Between which times anything was logged, in ms since the epoch. */
  firstAt = Number.POSITIVE_INFINITY;
  lastAt = Number.NEGATIVE_INFINITY;
  /** Secrets of which another client changed more keys, until that time, than are named. */
  readonly incomplete = new Set<string>();
  readonly #at: number;
  readonly #histories = new Map<string, History>();

  /** `at` in ms since the epoch. */
  constructor(at: number) {
    this.#at = at;
  }

  /** Reads a line of the log; one of another kind is passed over. */
  add(line: string): void {
    for (const { text } of unwrapLine(line).messages) {
      const entry = text.startsWith("{") ? parsedObject(text) : undefined;
      if (entry !== undefined) this.#addEntry(entry);
    }
  }

  /** Sorted by Secret and user. */
  result(): readonly Access[] {
    return [...this.#histories.values()]
      .filter(
        ({ before, after }) => (before ?? after)?.change === (before === undefined ? "removed" : "added"),
      )
      .map(({ access, before }) => (before === undefined ? access : { ...access, since: before.time }))
      .toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  }

  #addEntry(entry: Readonly<Record<string, unknown>>): void {
    const { event, time, change } = entry;
    const at = typeof time === "string" ? parseRFC3339(time) : undefined;
    if (at === undefined || typeof time !== "string" || typeof event !== "string") return;
    this.firstAt = Math.min(this.firstAt, at);
    this.lastAt = Math.max(this.lastAt, at);
    if (event !== "AccessChanged") return;
    this.changes += 1;
    const access = toAccess(entry);
    const { namespace, secret } = entry;
    if (change === "more" && at <= this.#at && areTexts({ namespace, secret }))
      this.incomplete.add(`${namespace}/${secret}`);
    if (access === undefined || (change !== "added" && change !== "removed")) return;
    const id = idOf(access);
    const history = this.#histories.get(id) ?? { access, before: undefined, after: undefined };
    // Whose a key was, a line about one that is gone does not always say.
    history.access = { ...access, ...history.access };
    const { before, after } = history;
    if (at <= this.#at) {
      if (before === undefined || at >= before.at) history.before = { at, time, change };
    } else if (after === undefined || at < after.at) history.after = { at, time, change };
    this.#histories.set(id, history);
  }
}

/** What is known of one key in one file. */
interface History {
  access: Access;
  /** The last change until the time that was asked for. */
  before: Change | undefined;
  /** The first change after it. */
  after: Change | undefined;
}

interface Change {
  readonly at: number;
  readonly time: string;
  readonly change: "added" | "removed";
}

function toAccess(entry: Readonly<Record<string, unknown>>): Access | undefined {
  const { namespace, secret, fingerprint, sshKey, sshKeyNamespace = namespace } = entry;
  const required = { namespace, secret, fingerprint, sshKey, sshKeyNamespace };
  if (!areTexts(required)) return undefined;
  const optional = Object.fromEntries(
    OPTIONAL.map((field) => [field, entry[field]] as const).filter(([, value]) => typeof value === "string"),
  );
  return { ...required, ...optional };
}

const OPTIONAL = ["user", "authorizedKeys", "login"] as const;

function areTexts<K extends string>(fields: Readonly<Record<K, unknown>>): fields is Record<K, string> {
  return Object.values(fields).every((value) => typeof value === "string");
}

function idOf({ namespace, secret, login, sshKeyNamespace, sshKey, fingerprint }: Access): string {
  return JSON.stringify([namespace, secret, login, sshKeyNamespace, sshKey, fingerprint]);
}

function orderOf({ namespace, secret, user, login, sshKeyNamespace, sshKey, fingerprint }: Access): string {
  return [namespace, secret, user, login, sshKeyNamespace, sshKey, fingerprint].join("\0");
}
