import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import { type KubeObject, namespacedName, refOf } from "../../api/object.ts";
import type { StoredAuthorizedKeys } from "../../authorizedkeys/record.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import type { Settings } from "../../config/settings.ts";
import { type NamespaceFacts, toNamespaceFacts } from "../../projection/namespaces.ts";
import type { Manifest } from "../manifests/objects.ts";
import { Forecast } from "./forecast.ts";
import { type OutcomeChange, outcomeChange } from "./outcomechange.ts";
import { idOf, plannedObjects } from "./plannedobjects.ts";

/** What is there before. */
export interface Present {
  readonly sshKeys: readonly StoredSSHKey[];
  readonly authorizedKeys: readonly StoredAuthorizedKeys[];
  readonly namespaces: readonly NamespaceFacts[];
}

export interface ForesightOptions {
  readonly settings: Settings;
  readonly knowledge: Knowledge;
  /** Of manifests that name none. */
  readonly namespace: string;
  /** In which namespaces does that go which no manifest has? */
  readonly prunes: (namespace: string) => boolean;
  /** ms since the epoch; when what comes in comes in. */
  readonly now: number;
}

export interface Foresight {
  readonly change: OutcomeChange;
  /** What the API server would not store, each a sentence. */
  readonly refused: readonly string[];
}

/** What comes of it when these manifests are put over what is there, beside what came of that alone. */
export function foresee(
  present: Present,
  manifests: readonly Pick<Manifest, "object">[],
  { settings, knowledge, namespace, prunes, now }: ForesightOptions,
): Foresight {
  const planned = plannedObjects(manifests, present, namespace, now);
  const forecast = new Forecast(settings, knowledge, present.namespaces, now);
  for (const object of present.sshKeys) forecast.putSSHKey(object);
  for (const object of present.authorizedKeys) forecast.putAuthorizedKeys(object);
  const old = forecast.outcome();
  for (const object of planned.namespaces) forecast.putNamespace(overlaid(object, present.namespaces));
  for (const object of planned.sshKeys) forecast.putSSHKey(object);
  for (const object of planned.authorizedKeys) forecast.putAuthorizedKeys(object);
  const ids = new Set(manifests.map(({ object }) => `${String(object.kind)} ${idOf(object, namespace)}`));
  const goes = (kind: string, object: KubeObject) =>
    prunes(object.metadata.namespace ?? "") && !ids.has(`${kind} ${namespacedName(refOf(object))}`);
  for (const object of present.sshKeys)
    if (goes(KIND, object)) forecast.removeSSHKey(object.metadata.namespace ?? "", object.metadata.name);
  for (const object of present.authorizedKeys) {
    if (goes(AUTHORIZED_KEYS_KIND, object))
      forecast.removeAuthorizedKeys(object.metadata.namespace ?? "", object.metadata.name);
  }
  return { change: outcomeChange(old, forecast.outcome()), refused: planned.refused };
}

/** A Namespace of a manifest over the one that is there: what the manifest does not name stays. */
function overlaid(object: KubeObject, present: readonly NamespaceFacts[]): NamespaceFacts {
  const facts = toNamespaceFacts(object);
  const before = present.find(({ name }) => name === facts.name);
  return {
    ...facts,
    labels: { ...before?.labels, ...facts.labels },
    shareKeysWith: facts.shareKeysWith ?? before?.shareKeysWith,
  };
}
