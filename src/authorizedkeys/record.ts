import type { AuthorizedKeysSpec, AuthorizedKeysStatus } from "../api/authorizedkeys.generated.ts";
import { createdAt, type KubeObject } from "../api/object.ts";
import { validateUser } from "../api/rules.ts";
import type { RefusalCode } from "../ssh/refusal.ts";
import { type ObservedAuthorizedKeysStatus, toObservedAuthorizedKeysStatus } from "./observedstatus.ts";
import { isPattern, Patterns } from "./pattern.ts";
import { isTemplated, type Layout, parseTargetOptions, type TargetOptions } from "./targetoptions.ts";

/** Facts of one AuthorizedKeys: what the object says, parsed once. Times are in ms since the epoch. */
export interface AuthorizedKeysRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly createdAt: number;
  /** Has it a deletionTimestamp? */
  readonly isTerminating: boolean;
  /** Has it one that may only be there because its CRD is being deleted? */
  readonly mayBeTerminating: boolean;
  readonly secretName: string;
  readonly from: readonly FromEntry[];
  readonly identity: Identity;
  readonly layout: Layout;
  readonly rule: LoginRule;
  readonly map: readonly MappedLogin[];
  /** Undefined when they are no options. */
  readonly options: TargetOptions | undefined;
  /** What makes the spec mean nothing for sure. With any of them nobody's keys are selected. */
  readonly faults: readonly SpecFault[];
  /** The status that the API server holds. */
  readonly observed: ObservedAuthorizedKeysStatus;
  /** About how much a write of the object's status costs the API server: the whole object, in bytes. */
  readonly bytes: number;
}

/** Whose keys: those of a namespace, or of the namespaces that a selector finds. Exactly one of the two is there. */
export interface FromEntry {
  readonly namespace: string | undefined;
  readonly matchLabels: Readonly<Record<string, string>> | undefined;
  /** Undefined: all users. */
  readonly users: Patterns | undefined;
}

export type Identity = (typeof IDENTITIES)[number];
const IDENTITIES = ["ByNamespace", "ByName"] as const;

export type LoginRule = (typeof LOGIN_RULES)[number];
const LOGIN_RULES = ["User", "LocalPart"] as const;

const LAYOUTS: readonly Layout[] = ["FilePerLogin", "SingleFile"];

/** Of all patterns in `users` together: each user of each source is compared with each of them. */
export const MAXIMUM_PATTERN_CHARACTERS = 8192;

/** The login of one user. `namespace` is empty where a user is one person in all of them. */
export interface MappedLogin {
  readonly namespace: string;
  readonly user: string;
  readonly login: string;
}

/** A stable code for programs, and a sentence for people: what is wrong, then what to do. */
export interface SpecFault {
  readonly code: RefusalCode | "InvalidSpec";
  readonly message: string;
}

/** An AuthorizedKeys as the API server shows it. What the CRD requires is not relied on: it may have been changed. */
export interface StoredAuthorizedKeys extends KubeObject {
  readonly spec?: Partial<AuthorizedKeysSpec>;
  readonly status?: AuthorizedKeysStatus;
}

/**
 * Reads an AuthorizedKeys. Total: whatever the object holds, it becomes a record. `known`, an older record of an object of
 * this name, saves parsing the same spec again.
 */
export function toAuthorizedKeysRecord(
  object: StoredAuthorizedKeys,
  known?: AuthorizedKeysRecord,
): AuthorizedKeysRecord {
  const { metadata } = object;
  const { namespace = "", name, uid, resourceVersion, generation = 0 } = metadata;
  const changing = {
    resourceVersion,
    isTerminating: metadata.deletionTimestamp !== undefined,
    mayBeTerminating: false,
    observed: toObservedAuthorizedKeysStatus(object.status),
    bytes: sizeOf(object),
  };
  if (known?.uid === uid && known.generation === generation) return { ...known, ...changing };
  const identified = { namespace, name, uid, generation, createdAt: createdAt(metadata) };
  return { ...identified, ...changing, ...readSpec(object.spec, namespace, name) };
}

/**
 * Does it matter who a user is: does a line act as somebody? Only then a name belongs to one person, and only then who else
 * may have that name.
 */
export function identityCounts({
  layout,
  options,
}: Pick<AuthorizedKeysRecord, "layout" | "options">): boolean {
  return layout === "FilePerLogin" || (options !== undefined && isTemplated(options));
}

type ReadSpec = Pick<
  AuthorizedKeysRecord,
  "secretName" | "from" | "identity" | "layout" | "rule" | "map" | "options" | "faults"
>;

function readSpec(stored: unknown, namespace: string, name: string): ReadSpec {
  const reader = new SpecReader();
  const spec = reader.object(stored, "spec");
  const logins = reader.object(spec.logins, "spec.logins");
  const layout = reader.oneOf(spec.layout, LAYOUTS, "spec.layout");
  const options = parseTargetOptions(reader.texts(spec.options, "spec.options") ?? [], layout);
  const read = {
    secretName: reader.text(spec.secretName, "spec.secretName") ?? name,
    from: reader.list(spec.from, "spec.from")?.map((entry, i) => readEntry(reader, entry, i, namespace)) ?? [
      { namespace, matchLabels: undefined, users: undefined },
    ],
    identity: reader.oneOf(spec.identity, IDENTITIES, "spec.identity"),
    layout,
    rule: reader.oneOf(logins.rule, LOGIN_RULES, "spec.logins.rule"),
    map: reader.list(logins.map, "spec.logins.map")?.map((entry) => readMapped(reader, entry)) ?? [],
    options: options.ok ? options.value : undefined,
  };
  const faults: SpecFault[] = [...reader.faults];
  if (!options.ok) faults.push(options.refusal);
  if (reader.patternCharacters > MAXIMUM_PATTERN_CHARACTERS) {
    faults.push({
      code: "TooLong",
      message: `spec.from: the patterns in users have more than ${MAXIMUM_PATTERN_CHARACTERS} characters together; write fewer or shorter ones.`,
    });
  }
  if (read.identity === "ByNamespace" && identityCounts(read) && read.from.some(isSelector)) {
    faults.push({
      code: "InvalidSpec",
      message:
        "spec.from: with namespaceSelector one user name could be another person's in each namespace; set spec.identity to ByName if your namespaces give people one name everywhere, or else name each namespace.",
    });
  }
  return { ...read, faults };
}

function isSelector({ matchLabels }: FromEntry): boolean {
  return matchLabels !== undefined;
}

function readEntry(reader: SpecReader, stored: unknown, index: number, own: string): FromEntry {
  const field = `spec.from[${index}]`;
  const entry = reader.object(stored, field);
  const users = reader.texts(entry.users, `${field}.users`);
  for (const item of users ?? []) if (isPattern(item)) reader.patternCharacters += item.length;
  const namespace = reader.text(entry.namespace, `${field}.namespace`);
  const selector = entry.namespaceSelector;
  const hasSelector = !isAbsent(selector);
  if (hasSelector && namespace !== undefined) reader.refuse(`${field}.namespaceSelector`);
  return {
    namespace: hasSelector ? undefined : (namespace ?? own),
    matchLabels: hasSelector ? readLabels(reader, selector, `${field}.namespaceSelector`) : undefined,
    // A name that no user can have is nobody's.
    users: users && new Patterns(users.filter((item) => isPattern(item) || validateUser(item) === undefined)),
  };
}

function readLabels(reader: SpecReader, stored: unknown, field: string): Readonly<Record<string, string>> {
  const labels = Object.entries(reader.object(reader.object(stored, field).matchLabels, field));
  const texts = labels.filter((label): label is [string, string] => typeof label[1] === "string");
  // A selector without labels would find every namespace.
  if (labels.length === 0 || texts.length < labels.length) reader.refuse(field);
  return Object.fromEntries(texts);
}

function readMapped(reader: SpecReader, stored: unknown): MappedLogin {
  const field = "spec.logins.map";
  const { namespace, user, login } = reader.object(stored, field);
  if (typeof user !== "string" || typeof login !== "string") reader.refuse(field);
  return {
    namespace: typeof namespace === "string" ? namespace : "",
    user: typeof user === "string" ? user : "",
    login: typeof login === "string" ? login : "",
  };
}

/** Takes fields for what the CRD says, and notes those that are something else. */
class SpecReader {
  readonly #refused = new Set<string>();
  /** Of all patterns in `users` together. */
  patternCharacters = 0;

  get faults(): readonly SpecFault[] {
    return [...this.#refused].map((field) => ({
      code: "InvalidSpec",
      message: `${field} is not what the CRD of this operator asks for; apply that CRD again and correct the field.`,
    }));
  }

  refuse(field: string): void {
    this.#refused.add(field);
  }

  object(value: unknown, field: string): Readonly<Record<string, unknown>> {
    if (isAbsent(value)) return {};
    if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
    this.refuse(field);
    return {};
  }

  list(value: unknown, field: string): readonly unknown[] | undefined {
    if (isAbsent(value)) return undefined;
    if (Array.isArray(value)) return value;
    this.refuse(field);
    return [];
  }

  texts(value: unknown, field: string): readonly string[] | undefined {
    const items = this.list(value, field);
    const texts = items?.filter((item) => typeof item === "string");
    if (texts?.length !== items?.length) this.refuse(field);
    return texts;
  }

  text(value: unknown, field: string): string | undefined {
    if (isAbsent(value)) return undefined;
    if (typeof value === "string" && value !== "") return value;
    this.refuse(field);
    return undefined;
  }

  /** The first choice is the default. */
  oneOf<T extends string>(value: unknown, choices: readonly T[], field: string): T {
    const [first] = choices as readonly [T];
    if (isAbsent(value)) return first;
    const chosen = choices.find((choice) => choice === value);
    if (chosen === undefined) this.refuse(field);
    return chosen ?? first;
  }
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** What the API server adds, mostly: managedFields and the like. */
const SERVER_BYTES = 4096;

/** Anybody who may write the object can make its managedFields, owners and finalizers as long as an object may be. */
function sizeOf({ metadata, spec, status }: StoredAuthorizedKeys): number {
  const { annotations, labels, ...others } = metadata;
  const otherBytes = Buffer.byteLength(JSON.stringify(others));
  const given = JSON.stringify([annotations, labels, spec, status]);
  return Math.max(SERVER_BYTES, otherBytes) + Buffer.byteLength(given);
}
