import { DATA_KEY, SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import { isSharedWith, lineFor, type NamespaceFact, type OwnOptions, whyNever } from "../oracle/selection.ts";
import { isFaulty, isTerminating, ownerOf, secretOf, targetFact } from "../projection/authorizedkeystruth.ts";
import type { Write } from "./auditlog.ts";
import type { CheckerOptions } from "./checker.ts";
import type { Stored, Version } from "./history.ts";
import { idOf, type Reigns } from "./reigns.ts";
import {
  type Line,
  linesOf,
  type Marks,
  type Moment,
  marksOf,
  momentOf,
  RETENTION_MS,
  spokenOf,
} from "./storedsecret.ts";

/**
 * Judges the Secrets of AuthorizedKeys by what must never happen in them, whatever else there is. That all is in them
 * that should be is for whoever compares the end with the model.
 */
export class SharedSecrets {
  readonly breaches: string[] = [];
  readonly #reigns: Reigns;
  readonly #blindMs: number;
  readonly #retention: number;
  readonly #objects: Past<StoredAuthorizedKeys>;
  readonly #namespaces: Past<NamespaceFact>;
  /** The versions of each, in order. */
  readonly #secrets = new Map<string, SharedSecret[]>();

  constructor(reigns: Reigns, { blindMs, retention = RETENTION_MS }: CheckerOptions) {
    this.#reigns = reigns;
    this.#blindMs = blindMs;
    this.#retention = retention;
    this.#objects = new Past(blindMs);
    this.#namespaces = new Past(blindMs);
  }

  takeObject({ object, isGone, at }: Version): void {
    this.#objects.take(idOf(object), isGone ? undefined : (object as unknown as StoredAuthorizedKeys), at);
  }

  takeNamespace({ object, isGone, at }: Version): void {
    this.#namespaces.take(object.metadata.name, isGone ? undefined : namespaceOf(object), at);
  }

  takeSecret(version: Version, isOwn: boolean, write: Write | undefined): void {
    const id = idOf(version.object);
    const secret = { ...sharedSecret(version, this.#last(id)), ...momentOf(version, isOwn, write) };
    this.#secrets.set(id, [...(this.#secrets.get(id) ?? []), secret]);
  }

  judgeSecret(version: Version): void {
    const before = this.#last(idOf(version.object));
    const after = sharedSecret(version, before);
    const { at, revision } = version;
    const say = (what: string) => this.breaches.push(`at ${revision} Secret ${after.id} ${what}`);
    if (before !== undefined && !before.isManaged) say("was written though it was not the operator's own");
    if (version.isGone) {
      if (before === undefined || !isEmpty(before)) say("was deleted while it held keys");
      else if (!(at - before.emptySince >= this.#retention)) say("was deleted before its retention was over");
      return;
    }
    if (!after.isManaged) say("was written without label or name");
    if (Number.isNaN(after.emptySince) === isEmpty(after)) say("says wrongly whether it is empty");
    for (const [dataKey, emptyFrom] of before?.emptyFrom ?? [])
      if (!after.files.has(dataKey) && isDataKey(dataKey) && !(at - emptyFrom >= this.#retention))
        say(`has lost the file ${dataKey}`);
    const asking = this.#asking(after.id, at);
    for (const [dataKey, lines] of after.files) {
      const isNew = before?.files.has(dataKey) !== true;
      if (!isDataKey(dataKey) || (isNew && !asking.some((object) => couldHave(object, dataKey))))
        say(`was given the file ${dataKey}, which nobody asked for`);
      const held = new Set(before?.files.get(dataKey)?.map(({ text }) => text));
      for (const line of lines) {
        const isKept = held.has(line.text);
        const why = this.#whyNot(line, dataKey, isKept, asking, at);
        if (why !== undefined) say(`${isKept ? "kept" : "took up"} ${line.source} in ${dataKey}: ${why}`);
      }
    }
  }

  judgeStatus({ object, revision, at }: Version, write: Write | undefined): void {
    const { metadata, status = {} } = object as unknown as StoredAuthorizedKeys;
    const { conditions = [], keyCount = 0, secretName } = status;
    const say = (what: string) => this.breaches.push(`at ${revision} AuthorizedKeys ${idOf(object)} ${what}`);
    const conditionOf = (type: string) => conditions.find((condition) => condition.type === type);
    const { reason: state = "none", status: ready } = conditionOf("Ready") ?? {};
    if (status.observedGeneration !== metadata.generation) say("has a status of another spec");
    if (ready !== (READY.get(state) ?? "False")) say(`is ${state} with Ready=${ready}`);
    const stalled = conditionOf("Stalled")?.status;
    if ((stalled === "True") !== STALLED.has(state)) say(`is ${state} with Stalled=${stalled}`);
    if (secretName === undefined && keyCount > 0) say(`has ${keyCount} keys in no Secret`);
    const versions = this.#secrets.get(`${metadata.namespace}/${secretName}`) ?? [];
    const last = versions.at(-1);
    // What somebody else has done a moment ago is not known to the operator yet, nor when a write was sent that was given up.
    const isDoubtful = last?.isOwn === false && (!last.isManaged || at - last.at <= this.#blindMs);
    if (secretName === undefined || isDoubtful || write === undefined) return;
    const counts = spokenOf(versions, write.receivedAt, this.#blindMs).map((version) =>
      version === undefined || version.isGone ? undefined : countLines(version),
    );
    if (!counts.includes(keyCount))
      say(`was said to have ${keyCount} keys in ${secretName} while there were ${counts.at(-1) ?? "none"}`);
  }

  /** Undefined if it is gone. */
  #last(id: string): SharedSecret | undefined {
    const last = this.#secrets.get(id)?.at(-1);
    return last?.isGone === true ? undefined : last;
  }

  /** Why nothing that the operator could believe in allows the line in this file. */
  #whyNot(
    line: Line,
    dataKey: string,
    isKept: boolean,
    asking: readonly StoredAuthorizedKeys[],
    at: number,
  ): string | undefined {
    const [source = ""] = line.source.split("/");
    const reigns = this.#reigns.inForce(line.source, ({ base64 }) => base64 === line.base64, at);
    if (typeof reigns === "string") return reigns;
    const consents = this.#namespaces.believable(source, at);
    let why = "no AuthorizedKeys asked for the Secret any more";
    for (const object of asking) {
      const target = targetFact(object);
      const sharing = consents.filter(
        ({ shares }) => source === target.namespace || isSharedWith(shares, target.namespace),
      );
      if (sharing.length === 0) why = "its namespace did not share its keys";
      // Of options that are none nothing is known but who must not be in any more.
      else if (isKept && isFaulty(object)) return undefined;
      for (const namespace of sharing) {
        for (const { fact } of reigns) {
          const never = isFaulty(object)
            ? "the options are none"
            : whyNever(target, namespace, fact.user, dataKey);
          const key = { ...fact, options: fact.options as OwnOptions };
          const isRight = isKept || lineFor(target, key, "WithZ") === line.text;
          if (never === undefined && isRight) return undefined;
          why = never ?? "its line is another one";
        }
      }
    }
    return why;
  }

  /** The versions of AuthorizedKeys that the operator could believe to have the Secret. */
  #asking(secret: string, at: number): readonly StoredAuthorizedKeys[] {
    const isForIt = (object: StoredAuthorizedKeys) => secretOf(object) === secret && !isTerminating(object);
    const lasting = this.#objects.lasting(at).filter((versions) => versions.every(isForIt));
    const oldest = ownerOf(
      secret,
      lasting.flatMap((versions) => versions.slice(-1)),
    );
    return [...this.#objects.allBelievable(at)]
      .filter(isForIt)
      .filter(
        (object) =>
          oldest === undefined || ownerOf(secret, [object, oldest]) === object || isOne(object, oldest),
      );
  }
}

/** Of the condition `Ready`, by STATE; False for every other. */
const READY: ReadonlyMap<string, string> = new Map([
  ["Projected", "True"],
  ["Terminating", "True"],
  ["Unknown", "Unknown"],
]);
/** The STATEs in which nothing but a person helps. */
const STALLED: ReadonlySet<string> = new Set(["InvalidOptions", "SecretConflict", "TooMany"]);

/** What each object of a kind was at what time. */
class Past<T> {
  readonly #blindMs: number;
  readonly #versions = new Map<string, { readonly value: T; readonly from: number; until: number }[]>();

  /** `blindMs`: how long a change may be unknown to the operator. */
  constructor(blindMs: number) {
    this.#blindMs = blindMs;
  }

  /** Undefined: it is gone. */
  take(id: string, value: T | undefined, at: number): void {
    const versions = this.#versions.get(id) ?? [];
    this.#versions.set(id, versions);
    const last = versions.at(-1);
    if (last !== undefined) last.until = Math.min(last.until, at);
    if (value !== undefined) versions.push({ value, from: at, until: Number.POSITIVE_INFINITY });
  }

  believable(id: string, at: number): readonly T[] {
    return this.#believable(id, at).map(({ value }) => value);
  }

  *allBelievable(at: number): Iterable<T> {
    for (const id of this.#versions.keys()) yield* this.believable(id, at);
  }

  /** The believable versions of each object that is there, and has been for so long that the operator knew. */
  lasting(at: number): readonly (readonly T[])[] {
    return [...this.#versions.keys()]
      .map((id) => this.#believable(id, at))
      .filter(
        (versions) =>
          (versions[0]?.from ?? at) < at - this.#blindMs &&
          versions.at(-1)?.until === Number.POSITIVE_INFINITY &&
          versions.every(({ from }, index) => index === 0 || versions[index - 1]?.until === from),
      )
      .map((versions) => versions.map(({ value }) => value));
  }

  #believable(id: string, at: number) {
    return (this.#versions.get(id) ?? []).filter(({ until }) => until >= at - this.#blindMs);
  }
}

interface SharedContent extends Marks {
  readonly id: string;
  /** By data key. */
  readonly files: ReadonlyMap<string, readonly Line[]>;
  /** Of each file since when it has been empty, ms since the epoch; NaN of one that is not. */
  readonly emptyFrom: ReadonlyMap<string, number>;
}

type SharedSecret = SharedContent & Moment;

function sharedSecret({ object, at }: Version, before: SharedContent | undefined): SharedContent {
  const { data = {} } = object as { data?: Readonly<Record<string, string>> };
  const files = new Map(Object.entries(data).map(([dataKey, value]) => [dataKey, linesOf(value)]));
  const since = (dataKey: string) => before?.emptyFrom.get(dataKey) ?? at;
  const emptyFrom = [...files].map(([dataKey, lines]): [string, number] => [
    dataKey,
    lines.length > 0 ? Number.NaN : Number.isNaN(since(dataKey)) ? at : since(dataKey),
  ]);
  return { id: idOf(object), files, emptyFrom: new Map(emptyFrom), ...marksOf(object) };
}

function isEmpty(secret: SharedContent): boolean {
  return countLines(secret) === 0;
}

function countLines({ files }: SharedContent): number {
  return [...files.values()].reduce((count, lines) => count + lines.length, 0);
}

function isDataKey(text: string): boolean {
  return /^[a-z_][a-z0-9_.-]{0,31}$/.test(text);
}

/** By its layout. */
function couldHave({ spec }: StoredAuthorizedKeys, dataKey: string): boolean {
  return (spec?.layout === "SingleFile") === (dataKey === DATA_KEY);
}

function isOne(a: StoredAuthorizedKeys, b: StoredAuthorizedKeys): boolean {
  return a.metadata.uid === b.metadata.uid;
}

function namespaceOf({ metadata }: Stored): NamespaceFact {
  const { name, labels = {}, annotations = {} } = metadata;
  return { name, labels, shares: annotations[SHARE_KEYS_ANNOTATION] ?? "" };
}
