import type { KubeObject } from "../../api/object.ts";
import { authorizedKeysPath, podsPath } from "../../api/paths.ts";
import { loginsOf } from "../../authorizedkeys/logins.ts";
import { matchingEntries } from "../../authorizedkeys/matching.ts";
import { personOf } from "../../authorizedkeys/members.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../../authorizedkeys/record.ts";
import { ApiError } from "../../kube/apierror.ts";
import { fetchPage } from "../../kube/pagedlist.ts";
import type { Reads } from "../../kube/transport.ts";
import type { HoldingSecret, PodObject } from "../../whereabouts/podmounts.ts";
import { isLeftOutBy, mayTake } from "../../whereabouts/targets.ts";
import { FreshAnswers } from "../freshanswers.ts";
import { PodsBySecret, podSecrets } from "./podsecrets.ts";
import type { PortalKey } from "./portalkey.ts";

/** Where a key is used; undefined where that is not known. Names, sorted. */
export interface UsedBy {
  /** Of its namespace, that have a Secret in which the key stands. */
  readonly pods: readonly string[] | undefined;
  /** AuthorizedKeys of its namespace that take it. */
  readonly targets: readonly string[] | undefined;
  /** Of the other namespaces that were looked at, in their order. */
  readonly elsewhere: readonly TargetsElsewhere[];
}

export interface TargetsElsewhere {
  readonly namespace: string;
  /** AuthorizedKeys that take the key. */
  readonly targets: readonly string[] | undefined;
}

export interface UsedByOptions {
  readonly reads: Reads;
  /** Monotonic ms. */
  readonly now?: () => number;
}

/** How old a list may be, in ms: so long nobody makes the portal list the same namespace again, whether it went well or not. */
const LIST_MS = 10_000;
/** How long a page waits for a list, in ms. */
const LIST_LIMIT_MS = 3000;
const PAGE_SIZE = 500;
/** Of one list: whoever makes pods in a namespace decides how many there are, and not what that costs the portal. */
const MOST_PAGES = 20;
/** What is kept of one list, about, in bytes. */
const MOST_KEPT = 4_000_000;
const MOST_NAMESPACES = 100;

/**
 * By which pods and AuthorizedKeys a key is used: listed with the portal's own rights when somebody looks at
 * a key, and shared by all who look meanwhile. Secrets are never read: where a key stands is told by its status and by what the
 * AuthorizedKeys ask for and leave out.
 */
export class UsedByLists {
  readonly #o: UsedByOptions;
  readonly #lists: FreshAnswers<unknown>;

  constructor(options: UsedByOptions) {
    this.#o = options;
    this.#lists = new FreshAnswers({ lifetimeMs: LIST_MS, most: MOST_NAMESPACES, now: options.now });
  }

  /** `others`: namespaces whose AuthorizedKeys are looked at, too. */
  async of(key: PortalKey, others: readonly string[] = []): Promise<UsedBy> {
    const { namespace, state } = key;
    // It stands nowhere.
    if (state !== "Projected" && state !== "Accepted")
      return { pods: [], targets: [], elsewhere: others.map((each) => ({ namespace: each, targets: [] })) };
    const [pods, targets, ...elsewhere] = await Promise.all([
      this.#pods(namespace),
      this.#targets(namespace),
      ...others.map((each) => this.#elsewhere(key, each)),
    ]);
    const taking = targets?.flatMap((target) => secretOf(target, key));
    const places = filesBySecret([...ownSecret(key), ...(taking?.map(({ secret }) => secret) ?? [])]);
    return {
      // A target that is not known may hold the key for any pod.
      pods: taking && pods && [...pods.withAny(places)].sort(),
      targets: taking && sorted(taking.map(({ name }) => name)),
      elsewhere,
    };
  }

  async #elsewhere(key: PortalKey, namespace: string): Promise<TargetsElsewhere> {
    const targets = await this.#targets(namespace);
    const naming = targets?.filter(({ record }) => namesOwner(record, key));
    const taking = naming?.flatMap((target) => secretOf(target, key));
    return { namespace, targets: taking && sorted(taking.map(({ name }) => name)) };
  }

  async #pods(namespace: string): Promise<PodsBySecret | undefined> {
    const decode = (object: KubeObject) => podSecrets(object as PodObject);
    return await this.#listed(podsPath(namespace), decode, (items) => new PodsBySecret(items));
  }

  async #targets(namespace: string): Promise<readonly Target[] | undefined> {
    return await this.#listed(authorizedKeysPath(namespace), targetOf, (items) => items);
  }

  async #listed<T extends { readonly size: number }, R>(
    path: string,
    decode: (object: KubeObject) => T | undefined,
    made: (items: readonly T[]) => R,
  ): Promise<R | undefined> {
    const known = this.#lists.get(path);
    if (known !== undefined) return (await known) as R | undefined;
    const list = this.#list(path, decode).then((items) => items && made(items));
    this.#lists.set(path, list);
    return await list;
  }

  /** Undefined when it may not be listed, the API server fails, or there is too much. */
  async #list<T extends { readonly size: number }>(
    path: string,
    decode: (object: KubeObject) => T | undefined,
  ): Promise<readonly T[] | undefined> {
    const signal = AbortSignal.timeout(LIST_LIMIT_MS);
    const collection = { transport: this.#o.reads, path, query: {}, deadlineMs: LIST_LIMIT_MS };
    const items: T[] = [];
    let [from, kept] = ["", 0];
    try {
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const page = await fetchPage(collection, { from, limit: PAGE_SIZE }, signal, (item) => {
          const decoded = kept > MOST_KEPT ? undefined : decode(item as KubeObject);
          if (decoded === undefined) return;
          kept += decoded.size;
          items.push(decoded);
        });
        if (kept > MOST_KEPT) return undefined;
        if (page.next === "") return items;
        from = page.next;
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    return undefined;
  }
}

interface Target {
  readonly record: AuthorizedKeysRecord;
  readonly omitted: NonNullable<NonNullable<StoredAuthorizedKeys["status"]>["omitted"]>;
  readonly size: number;
}

function targetOf(object: KubeObject): Target | undefined {
  const { spec, status } = object as StoredAuthorizedKeys;
  const record = toAuthorizedKeysRecord(object as StoredAuthorizedKeys);
  if (record.isTerminating || record.faults.length > 0) return undefined;
  const { omitted = [] } = status ?? {};
  return { record, omitted, size: JSON.stringify([spec, omitted]).length };
}

/** Does it name the key's user in the key's namespace? Which namespaces a selector finds, the portal may not read. */
function namesOwner(record: AuthorizedKeysRecord, key: PortalKey): boolean {
  return mayTake(record, key, () => false);
}

/** The Secret of a target that takes the key; nothing where it does not. */
function secretOf(
  { record, omitted }: Target,
  key: PortalKey,
): readonly { readonly name: string; readonly secret: HoldingSecret }[] {
  if (!mayTake(record, key) || omitted.some((omission) => isLeftOutBy(omission, key))) return [];
  const { namespace, name, secretName } = record;
  const files = filesOf(record, key);
  return files.length === 0 ? [] : [{ name, secret: { namespace, name: secretName, files, isCopy: false } }];
}

function filesOf(record: AuthorizedKeysRecord, { namespace, user }: PortalKey): readonly string[] {
  if (record.layout === "SingleFile") return ["authorized_keys"];
  const person = personOf(record, { namespace, user });
  const [entry = 0] = matchingEntries(record.from, user);
  const member = { namespace, user, person, entry, isNamed: false, claims: [] };
  return [...loginsOf(record, [member]).logins.values()];
}

function ownSecret({ namespace, secretName, state }: PortalKey): readonly HoldingSecret[] {
  if (secretName === undefined || state !== "Projected") return [];
  return [{ namespace, name: secretName, files: ["authorized_keys"], isCopy: false }];
}

function filesBySecret(secrets: readonly HoldingSecret[]): ReadonlyMap<string, ReadonlySet<string>> {
  const bySecret = new Map<string, Set<string>>();
  for (const { name, files } of secrets) {
    const known = bySecret.get(name) ?? new Set();
    for (const file of files) known.add(file);
    bySecret.set(name, known);
  }
  return bySecret;
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
