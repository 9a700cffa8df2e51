import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import { type KubeObject, namespacedName, refOf } from "../../api/object.ts";
import type { StoredAuthorizedKeys } from "../../authorizedkeys/record.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import type { Manifest } from "../manifests/objects.ts";
import { refusals } from "./admission.ts";

/** What files would make of a cluster. */
export interface PlannedObjects {
  readonly sshKeys: readonly StoredSSHKey[];
  readonly authorizedKeys: readonly StoredAuthorizedKeys[];
  readonly namespaces: readonly KubeObject[];
  /** What the API server would not store, each a sentence; the object stays as it is. */
  readonly refused: readonly string[];
}

interface Stored extends KubeObject {
  readonly spec?: unknown;
}

/**
 * The objects of the manifests as the API server would store them over those that are there: what is immutable and what the
 * operator has attested stays, and the spec is that of the manifest. `namespace`: of manifests that name none. `now` in ms
 * since the epoch.
 */
export function plannedObjects(
  manifests: readonly Pick<Manifest, "object">[],
  present: {
    readonly sshKeys: readonly StoredSSHKey[];
    readonly authorizedKeys: readonly StoredAuthorizedKeys[];
  },
  namespace: string,
  now: number,
): PlannedObjects {
  const sshKeys: StoredSSHKey[] = [];
  const authorizedKeys: StoredAuthorizedKeys[] = [];
  const namespaces: KubeObject[] = [];
  const refused: string[] = [];
  const known = {
    [KIND]: byId(present.sshKeys),
    [AUTHORIZED_KEYS_KIND]: byId(present.authorizedKeys),
  };
  for (const [index, { object }] of manifests.entries()) {
    const { kind } = object;
    if (kind === "Namespace" && object.apiVersion === "v1") namespaces.push(object as unknown as KubeObject);
    if (kind !== KIND && kind !== AUTHORIZED_KEYS_KIND) continue;
    const id = idOf(object, namespace);
    const before = known[kind].get(id);
    const faults = refusals(object, before && { ...before });
    if (faults.length > 0) {
      for (const { field, message } of faults) refused.push(`${kind} ${id}: ${field}: ${message}`);
      continue;
    }
    const planned = stored(object, id, before, now, index);
    if (kind === KIND) sshKeys.push(planned as StoredSSHKey);
    else authorizedKeys.push(planned as StoredAuthorizedKeys);
  }
  return { sshKeys, authorizedKeys, namespaces, refused };
}

/** `namespace/name` of a manifest. */
export function idOf(object: Readonly<Record<string, unknown>>, namespace: string): string {
  const { metadata } = object as { readonly metadata?: Readonly<Record<string, unknown>> };
  const name = metadata?.name ?? `${String(metadata?.generateName ?? "")}new`;
  return `${String(metadata?.namespace ?? namespace)}/${String(name)}`;
}

/** The object over the one that is there, or as the one that comes in at this place among others. */
export function stored(
  object: Readonly<Record<string, unknown>>,
  id: string,
  before: Stored | undefined,
  now: number,
  index: number,
): Stored {
  const [namespace = "", name = ""] = id.split("/");
  const isSame = before !== undefined && JSON.stringify(before.spec) === JSON.stringify(object.spec);
  const metadata =
    before === undefined
      ? {
          // Of several in one second the one that is sent first.
          uid: `new-${String(index).padStart(10, "0")}`,
          resourceVersion: "1",
          generation: 1,
          creationTimestamp: new Date(now).toISOString(),
        }
      : {
          ...before.metadata,
          // Newer than what is there, as every write is.
          resourceVersion: String(BigInt(before.metadata.resourceVersion) + 1n),
          generation: (before.metadata.generation ?? 0) + (isSame ? 0 : 1),
        };
  return { ...before, spec: object.spec, metadata: { ...metadata, namespace, name } };
}

function byId<T extends KubeObject>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [namespacedName(refOf(object)), object]));
}
