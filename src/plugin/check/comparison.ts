import type { AuthorizedKeysSource } from "../../api/authorizedkeys.generated.ts";
import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import type { Settings } from "../../config/settings.ts";
import { type NamespaceFacts, toNamespaceFacts } from "../../projection/namespaces.ts";
import type { Access } from "../foresight/forecast.ts";
import { foresee } from "../foresight/foresight.ts";
import type { OutcomeChange } from "../foresight/outcomechange.ts";
import { idOf } from "../foresight/plannedobjects.ts";
import type { Manifest } from "../manifests/objects.ts";
import type { Base } from "./base.ts";

/** Who gains and who loses access with manifests in the place of others. */
export interface Comparison {
  /** What they were compared with. */
  readonly name: string;
  /** Undefined where it cannot be told, for which the last note has the reason. */
  readonly change: OutcomeChange | undefined;
  /** What is not known, and what counts instead; each a sentence. */
  readonly notes: readonly string[];
}

type Objects = readonly Pick<Manifest, "object">[];

/**
 * What the operator would make of these objects where it had the base before, and nothing else; what is not among them goes.
 * `doubt`: why not all objects are known.
 */
export function compare(
  base: Base,
  objects: Objects,
  doubt: string | undefined,
  o: { readonly settings: Settings; readonly knowledge: Knowledge; readonly now: number },
): Comparison {
  const { name, sshKeys, authorizedKeys } = base;
  if (doubt !== undefined) return { name, change: undefined, notes: [...base.notes, doubt] };
  const { facts, notes } = surroundings(base, objects);
  const { change } = foresee({ sshKeys, authorizedKeys, namespaces: facts }, objects, {
    ...o,
    namespace: NO_NAMESPACE,
    prunes: () => true,
  });
  return { name, change: withoutSlashes(change), notes: [...base.notes, ...notes] };
}

const NO_NAMESPACE = "";

/** What the Namespaces say; one that no manifest is of shares its keys, so that nobody who could come in goes unseen. */
function surroundings(base: Base, objects: Objects): { facts: readonly NamespaceFacts[]; notes: string[] } {
  const declared = new Set(base.namespaces.map(({ metadata }) => metadata.name));
  const all = [
    ...base.sshKeys.map((object) => ({ kind: KIND, object: { ...object } })),
    ...base.authorizedKeys.map((object) => ({ kind: AUTHORIZED_KEYS_KIND, object: { ...object } })),
  ];
  for (const { object } of objects) {
    const { kind } = object;
    if (kind === "Namespace") declared.add(idOf(object, NO_NAMESPACE).slice(1));
    else if (kind === KIND || kind === AUTHORIZED_KEYS_KIND)
      all.push({ kind, object: { ...object } as never });
  }
  const assumed = new Set<string>();
  const notes = new Set<string>();
  for (const { kind, object } of all) {
    const [namespace = ""] = idOf({ ...object }, NO_NAMESPACE).split("/");
    assumed.add(namespace);
    if (kind !== AUTHORIZED_KEYS_KIND) continue;
    for (const source of sourcesOf(object)) {
      if (source.namespaceSelector !== undefined)
        notes.add("Of a namespaceSelector only the Namespaces among the manifests are looked at.");
      const from = source.namespace ?? namespace;
      if (from === namespace || declared.has(from)) continue;
      notes.add(`No manifest is of Namespace ${from}: it counts as one that shares its keys with everybody.`);
    }
  }
  const facts = base.namespaces.map(toNamespaceFacts);
  for (const name of assumed) if (!declared.has(name)) facts.push({ name, labels: {}, shareKeysWith: "*" });
  return { facts, notes: [...notes].sort() };
}

function sourcesOf(object: object): readonly AuthorizedKeysSource[] {
  const { spec } = object as { readonly spec?: { readonly from?: unknown } | null };
  const from = spec?.from;
  return Array.isArray(from) ? from.filter((each) => typeof each === "object" && each !== null) : [];
}

/** Of what is in no namespace the name alone. */
function withoutSlashes({ gained, lost, altered, stands }: OutcomeChange): OutcomeChange {
  const access = (each: Access): Access => ({
    ...each,
    secret: named(each.secret),
    authorizedKeys: each.authorizedKeys && named(each.authorizedKeys),
    sshKey: named(each.sshKey),
  });
  return {
    gained: gained.map(access),
    lost: lost.map(access),
    altered: altered.map(({ before, after }) => ({ before: access(before), after: access(after) })),
    stands: stands.map((stand) => ({ ...stand, id: named(stand.id) })),
  };
}

function named(id: string): string {
  return id.replace(/^\//, "");
}
