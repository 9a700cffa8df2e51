import {
  AUTHORIZED_KEYS_ANNOTATION,
  DATA_KEY,
  EMPTY_SINCE_ANNOTATION,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  MANAGED_LABEL,
  SECRET_ANNOTATION,
  USER_ANNOTATION,
} from "../api/names.ts";
import { createdAt, type KubeObject, writtenAt } from "../api/object.ts";
import { formatRFC3339 } from "../api/time.ts";
import type { ExpiryTimeFormat } from "../ssh/authorizedkeys.ts";
import { operatorLines } from "./file.ts";
import { areEmpty, base64Of, dataOf, digestOf, type Files, haveSameLines } from "./files.ts";

/** What the API server last showed of a Secret. */
export interface LiveSecret {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  /**
   * - `managed`: has the installation's label, and the annotation with its own namespace and name.
   * - `copy`: has the label, but the annotation of another Secret or none: a replicator's or a backup's copy, or one
   *   that lost its annotation.
   * - `unlabelled`: another client's Secret, or one that lost its label. The watch does not show it.
   */
  readonly ownership: "managed" | "copy" | "unlabelled";
  readonly isImmutable: boolean;
  /** The annotations that say for whom it is. */
  readonly forWhom: Readonly<Record<string, string>>;
  /** Of its data. */
  readonly digest: string;
  /**
   * Of its files the lines that the operator could have written, and no file without one; undefined of a Secret whose content
   * the operator does not read and whose annotation names it itself, so that it may hold any of them.
   */
  readonly files: Files | undefined;
  /** The data keys of files that hold no such line, the first MAXIMUM_EMPTY_FILES. */
  readonly emptyFiles: readonly string[];
  /** The data keys of files, with lines or without, that hold anything else, the first MAXIMUM_EMPTY_FILES. */
  readonly foreignFiles: readonly string[];
  /** ms since the epoch. */
  readonly emptySince: number | undefined;
  /** When anybody last changed it, in whole seconds, as ms since the epoch; undefined where that was not asked for. */
  readonly writtenAt: number | undefined;
}

/** The parts of a core/v1 Secret that are read. */
export interface SecretObject extends KubeObject {
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
}

/** How Secrets of this installation look. */
export interface SecretSettings {
  /** Value of the label `sshkey-operator.dev/managed`. */
  readonly installation: string;
  /** Is there a Secret for each user? */
  readonly perUser: boolean;
  /** Name = prefix + user, or a form of it. */
  readonly namePrefix: string;
  /** How long an empty Secret of a user without SSHKeys is kept, in ms. */
  readonly retention: number;
  readonly expiryTimeFormat: ExpiryTimeFormat;
}

/**
 * Reads a Secret. What anybody wrote into it costs linear time, and of it only lines that the operator could have
 * written are kept. `known`: what is known of the Secret of this name, so that the same content is read once only.
 */
export function toLiveSecret(
  object: SecretObject,
  { installation, namePrefix }: Pick<SecretSettings, "installation" | "namePrefix">,
  known?: LiveSecret,
): LiveSecret {
  const { metadata, data } = object;
  const { namespace = "", name, annotations = {} } = metadata;
  const saysItself = annotations[SECRET_ANNOTATION] === `${namespace}/${name}`;
  const isLabelled = metadata.labels?.[MANAGED_LABEL] === installation;
  const ownership = !isLabelled ? "unlabelled" : saysItself ? "managed" : "copy";
  const since = Date.parse(annotations[EMPTY_SINCE_ANNOTATION] ?? "");
  const isSent = isLabelled || data !== undefined;
  const digest = isSent ? digestOf(data ?? {}) : UNREAD;
  const before = known?.uid === metadata.uid ? known : undefined;
  const isKnown = isLabelled && before?.digest === digest;
  const readContent = (): Content => {
    if (isKnown) return before;
    // Without the label only the answer to an own write has data.
    if (isLabelled || (isSent && saysItself))
      return contentOf(data ?? {}, name.startsWith(namePrefix) ? namespace : undefined, before);
    // Its data is not asked for: what it held when it was last seen is all that is known.
    if (before !== undefined) return before;
    return saysItself ? { ...NOTHING, files: undefined } : NOTHING;
  };
  const { files, emptyFiles, foreignFiles } = readContent();
  return {
    namespace,
    name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: createdAt(metadata),
    ownership,
    isImmutable: object.immutable === true,
    forWhom: Object.fromEntries(Object.entries(annotations).filter(([key]) => FOR_WHOM.has(key))),
    digest,
    files,
    emptyFiles,
    foreignFiles,
    emptySince: Number.isNaN(since) ? undefined : since,
    writtenAt: writtenAt(metadata),
  };
}

const FOR_WHOM: ReadonlySet<string> = new Set([USER_ANNOTATION, AUTHORIZED_KEYS_ANNOTATION]);

/** Enough for all that are kept empty: whoever puts more into a Secret has them taken out. */
const MAXIMUM_EMPTY_FILES = 2000;

type Content = Pick<LiveSecret, "files" | "emptyFiles" | "foreignFiles">;

const NOTHING: Content = { files: new Map(), emptyFiles: [], foreignFiles: [] };

/** Of nearly every Secret that has any. */
const ONE_EMPTY_FILE: Content = { files: new Map(), emptyFiles: [DATA_KEY], foreignFiles: [] };

const MAXIMUM_SHARED = 20_000;
const LONGEST_SHARED = 16_384;
const sharedFiles = new Map<string, string>();

/** One string for all Secrets that hold the same file, as those of many AuthorizedKeys do. */
function shared(file: string): string {
  if (file.length > LONGEST_SHARED) return file;
  const known = sharedFiles.get(file);
  if (known !== undefined) return known;
  if (sharedFiles.size >= MAXIMUM_SHARED) sharedFiles.clear();
  sharedFiles.set(file, file);
  return file;
}

/** `namespace`: that of the SSHKeys, if they are of one. Files that are in `before` are not parsed again. */
function contentOf(
  data: Readonly<Record<string, string>>,
  namespace: string | undefined,
  before: Content = NOTHING,
): Content {
  const files = new Map<string, string>();
  const emptyFiles: string[] = [];
  const foreignFiles: string[] = [];
  const add = (dataKeys: string[], dataKey: string) => {
    if (dataKeys.length < MAXIMUM_EMPTY_FILES) dataKeys.push(dataKey);
  };
  for (const [dataKey, encoded] of Object.entries(data)) {
    const known = before.files?.get(dataKey);
    if (known !== undefined && base64Of(known) === encoded) {
      files.set(dataKey, known);
      continue;
    }
    const file = Buffer.from(encoded, "base64");
    const lines = operatorLines(file, namespace);
    if (lines === "") add(emptyFiles, dataKey);
    else files.set(dataKey, namespace === undefined ? shared(lines) : lines);
    if (Buffer.byteLength(lines) !== file.length) add(foreignFiles, dataKey);
  }
  const isOneEmpty =
    files.size + foreignFiles.length === 0 && emptyFiles.length === 1 && emptyFiles[0] === DATA_KEY;
  if (isOneEmpty) return ONE_EMPTY_FILE;
  const kept = (dataKeys: readonly string[]) => (dataKeys.length === 0 ? NOTHING.emptyFiles : dataKeys);
  return { files, emptyFiles: kept(emptyFiles), foreignFiles: kept(foreignFiles) };
}

/** In place of a digest where the data was not asked for: no content has it, so it is read once it is. */
export const UNREAD = "unread";

/** What a Secret should be. */
export interface DesiredSecret {
  readonly namespace: string;
  readonly name: string;
  /** The annotation that says so; undefined if nobody knows, and then it stays as it is. */
  readonly forWhom: { readonly annotation: string; readonly value: string } | undefined;
  readonly files: Files;
  /** Need it not be there while its files are empty? */
  readonly isOptional: boolean;
}

/** A write to a Secret. All but `create` carry what the decision was made on, so that nothing newer is overwritten. */
export type SecretWrite =
  | { readonly kind: "create"; readonly namespace: string; readonly name: string; readonly object: object }
  | {
      readonly kind: "update";
      readonly namespace: string;
      readonly name: string;
      readonly patch: SecretPatch;
    }
  | {
      readonly kind: "delete";
      readonly namespace: string;
      readonly name: string;
      readonly preconditions: { readonly uid: string; readonly resourceVersion: string };
    };

/**
 * A strategic merge patch: what a map names is set, null takes it out, and the rest stays, unless `$patch` says that
 * the map is replaced (no data key begins with a dollar sign).
 */
export interface SecretPatch {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
  readonly data: Readonly<Record<string, string | null>>;
}

/** The creation of a Secret that is not there. */
export function buildCreate(desired: DesiredSecret, installation: string, now: number): SecretWrite {
  const { namespace, name, forWhom, files } = desired;
  const annotations = {
    [SECRET_ANNOTATION]: `${namespace}/${name}`,
    ...(forWhom === undefined ? {} : { [forWhom.annotation]: forWhom.value }),
    ...(areEmpty(files) ? { [EMPTY_SINCE_ANNOTATION]: formatRFC3339(now) } : {}),
  };
  const labels = { [MANAGED_LABEL]: installation, [MANAGED_BY_LABEL]: MANAGED_BY };
  const metadata = { name, namespace, labels, annotations };
  const object = {
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    type: "Opaque",
    data: dataOf(files),
  };
  return { kind: "create", namespace, name, object };
}

/**
 * The update that brings an own Secret to what it should hold: of a large Secret only the files that change. The
 * resourceVersion in the patch is what the API server checks it against (409 when it is not the present one); it is
 * another one for a Secret that was made anew.
 */
export function buildUpdate(desired: DesiredSecret, live: LiveSecret, now: number): SecretWrite {
  const { namespace, name, forWhom, files } = desired;
  const annotations: Record<string, string | null> = {};
  if (forWhom !== undefined && !isFor(live, forWhom)) {
    for (const annotation of Object.keys(live.forWhom)) annotations[annotation] = null;
    annotations[forWhom.annotation] = forWhom.value;
  }
  // A date on a Secret that is not empty is another hand's: believed, it would let the empty file go at once.
  if (areEmpty(files))
    annotations[EMPTY_SINCE_ANNOTATION] = formatRFC3339((isEmpty(live) ? live.emptySince : undefined) ?? now);
  else if (live.emptySince !== undefined) annotations[EMPTY_SINCE_ANNOTATION] = null;
  const metadata = { resourceVersion: live.resourceVersion, annotations };
  return { kind: "update", namespace, name, patch: { metadata, data: dataPatch(files, live) } };
}

function dataPatch(files: Files, live: LiveSecret): SecretPatch["data"] {
  const held = live.files;
  if (held === undefined || !isWhollyRead(live)) return { $patch: "replace", ...dataOf(files) };
  const isHeld = new Set([...held.keys(), ...live.emptyFiles, ...live.foreignFiles]);
  const isForeign = new Set(live.foreignFiles);
  const isToBeSet = ([dataKey, file]: readonly [string, string]) =>
    !isHeld.has(dataKey) || isForeign.has(dataKey) || (held.get(dataKey) ?? "") !== file;
  const gone = [...isHeld].filter((dataKey) => !files.has(dataKey));
  return {
    ...Object.fromEntries(gone.map((dataKey) => [dataKey, null])),
    ...dataOf(new Map([...files].filter(isToBeSet))),
  };
}

/** Are all of its data keys known? */
function isWhollyRead({ digest, emptyFiles, foreignFiles }: LiveSecret): boolean {
  return digest !== UNREAD && Math.max(emptyFiles.length, foreignFiles.length) < MAXIMUM_EMPTY_FILES;
}

/** The deletion of exactly this Secret as it was seen. */
export function buildDelete({ namespace, name, uid, resourceVersion }: LiveSecret): SecretWrite {
  return { kind: "delete", namespace, name, preconditions: { uid, resourceVersion } };
}

/** Is the own Secret as it should be? */
export function isAsDesired(live: LiveSecret, desired: DesiredSecret): boolean {
  return (
    holds(live, desired.files) &&
    (desired.forWhom === undefined || isFor(live, desired.forWhom)) &&
    (live.emptySince !== undefined) === areEmpty(desired.files)
  );
}

/** Is it for this one, and for nobody else as well? */
function isFor(live: LiveSecret, { annotation, value }: NonNullable<DesiredSecret["forWhom"]>): boolean {
  return live.forWhom[annotation] === value && Object.keys(live.forWhom).length === 1;
}

/** Does the Secret hold these files and nothing else? */
function holds(live: LiveSecret, files: Files): boolean {
  const { foreignFiles, emptyFiles } = live;
  return (
    foreignFiles.length === 0 &&
    (live.files?.size ?? 0) + emptyFiles.length === files.size &&
    emptyFiles.every((dataKey) => files.has(dataKey)) &&
    haveSameLines(live.files ?? new Map(), files)
  );
}

/** Does it hold these lines, and in these files nothing else? */
export function holdsLines(live: LiveSecret, files: Files): boolean {
  return (
    !live.foreignFiles.some((dataKey) => files.has(dataKey)) && haveSameLines(live.files ?? new Map(), files)
  );
}

/** Is it known to hold no line that the operator could have written? */
export function isEmpty({ files }: LiveSecret): boolean {
  return files !== undefined && areEmpty(files);
}
