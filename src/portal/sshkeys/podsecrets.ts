import type { PodObject } from "../../whereabouts/podmounts.ts";

/** What a pod has of a Secret: all data keys, or these. */
type Held = "all" | ReadonlySet<string>;

/** The Secrets that a pod which has not ended mounts or reads, as far as is needed to say whether a file of one is there. */
export interface PodSecrets {
  readonly pod: string;
  readonly secrets: readonly { readonly secret: string; readonly held: Held }[];
  /** About how many bytes it takes. */
  readonly size: number;
}

/** What an object, or a place in a set, takes beside its text. */
const ENTRY_BYTES = 50;

function sizeOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length + ENTRY_BYTES, 0);
}

/** Reads a pod; undefined for one that has no Secrets. Linear in its size: whoever makes pods decides what is in them. */
export function podSecrets({ metadata, spec = {}, status }: PodObject): PodSecrets | undefined {
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return undefined;
  const { volumes = [], containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  const places = mountPlaces(all);
  const secrets: { readonly secret: string; readonly held: Held }[] = [];
  let size = metadata.name.length;
  const add = (secret: string | undefined, held: Held, bytes = 0) => {
    if (secret === undefined) return;
    secrets.push({ secret, held });
    size += ENTRY_BYTES + secret.length + bytes;
  };
  for (const { name, secret, projected } of volumes) {
    const seen = places.get(name);
    if (seen === undefined) continue;
    const whole = new Set<string | undefined>();
    const sources = (projected?.sources ?? []).map((source) => source.secret ?? {});
    for (const source of [{ name: secret?.secretName, items: secret?.items }, ...sources]) {
      if (source.items === undefined) whole.add(source.name);
      else {
        const keys = source.items.flatMap(({ key, path }) => (isSeen(path, seen) ? [key] : []));
        add(source.name, new Set(keys), sizeOf(keys));
      }
    }
    // Without items the files are called as their data keys.
    for (const each of whole) add(each, seen);
    if (seen !== "all") size += sizeOf([...seen]);
  }
  for (const { env = [], envFrom = [] } of all) {
    for (const { secretRef } of envFrom) add(secretRef?.name, "all");
    for (const { valueFrom } of env) {
      const { name, key = "" } = valueFrom?.secretKeyRef ?? {};
      add(name, new Set([key]), sizeOf([key]));
    }
  }
  return secrets.length === 0 ? undefined : { pod: metadata.name, secrets, size };
}

/** Which pods have what of each Secret. */
export class PodsBySecret {
  readonly #bySecret = new Map<string, { readonly pod: string; readonly held: Held }[]>();

  constructor(pods: readonly PodSecrets[]) {
    for (const { pod, secrets } of pods)
      for (const { secret, held } of secrets) {
        const known = this.#bySecret.get(secret);
        if (known === undefined) this.#bySecret.set(secret, [{ pod, held }]);
        else known.push({ pod, held });
      }
  }

  /** The names of the pods that have one of these files of a Secret; `places` has the files of each Secret. */
  withAny(places: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
    const found = new Set<string>();
    for (const [secret, files] of places)
      for (const { pod, held } of this.#bySecret.get(secret) ?? [])
        if (!found.has(pod) && (held === "all" || isAnyIn(held, files))) found.add(pod);
    return found;
  }
}

function isAnyIn(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const each of few) if (many.has(each)) return true;
  return false;
}

/** Of each volume what is mounted: all of it, or the paths in it. */
function mountPlaces(
  containers: readonly NonNullable<NonNullable<PodObject["spec"]>["containers"]>[number][],
): ReadonlyMap<string, Held> {
  const places = new Map<string, "all" | Set<string>>();
  for (const { volumeMounts = [] } of containers)
    for (const { name, subPath = "" } of volumeMounts) {
      const known = places.get(name);
      const path = subPath.replace(/\/$/, "");
      if (path === "") places.set(name, "all");
      else if (known === undefined) places.set(name, new Set([path]));
      else if (known !== "all") known.add(path);
    }
  return places;
}

/** How deep a mounted folder may be for what is in it to count. */
const MOST_FOLDERS = 8;

/** Is this path of a volume, or a folder that it is in, mounted? */
function isSeen(path: string, seen: Held): boolean {
  if (seen === "all" || seen.has(path)) return true;
  let end = path.indexOf("/");
  for (let folders = 0; end !== -1 && folders < MOST_FOLDERS; folders += 1) {
    if (seen.has(path.slice(0, end))) return true;
    end = path.indexOf("/", end + 1);
  }
  return false;
}
