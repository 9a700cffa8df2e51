import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import type { KubeObject } from "../../api/object.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../config/settings.ts";
import { type NamespaceFacts, toNamespaceFacts } from "../../projection/namespaces.ts";
import { policyOf } from "../check/policyof.ts";
import type { Cluster } from "../cluster.ts";
import type { Manifest } from "../manifests/objects.ts";
import { readClusterObjects, readPublishedSettings } from "./clusterobjects.ts";
import { Forecast } from "./forecast.ts";
import { type OutcomeChange, outcomeChange } from "./outcomechange.ts";
import { idOf, plannedObjects } from "./plannedobjects.ts";

export interface Announcement {
  readonly change: OutcomeChange;
  /** What the API server would not store, each a sentence. */
  readonly refused: readonly string[];
  /** What could not be seen, each a sentence. */
  readonly blindSpots: readonly string[];
}

export interface AnnouncementOptions {
  readonly prune: boolean;
  /** A configuration file. */
  readonly config: string | undefined;
  readonly operatorNamespace: string;
  /** ms since the epoch. */
  readonly now: number;
}

/** What the cluster would come to with these manifests, beside what it comes to without them. */
export async function announce(
  cluster: Cluster,
  manifests: readonly Manifest[],
  o: AnnouncementOptions,
): Promise<Announcement> {
  const ids = new Set(
    manifests
      .filter(({ object }) => object.kind === KIND || object.kind === AUTHORIZED_KEYS_KIND)
      .map(({ object }) => `${String(object.kind)} ${idOf(object, cluster.namespace)}`),
  );
  const namespaces = new Set([...ids].map((id) => id.slice(id.indexOf(" ") + 1, id.indexOf("/"))));
  const present = await readClusterObjects(cluster, namespaces);
  const published =
    o.config === undefined ? await readPublishedSettings(cluster, o.operatorNamespace) : policyOf(o.config);
  const settings: Settings = published ?? DEFAULT_SETTINGS;
  const blindSpots = [...present.blindSpots];
  if (published === undefined)
    blindSpots.push(
      `No operator publishes its policy in namespace ${o.operatorNamespace}: the defaults are taken. Give --operator-namespace or --config.`,
    );
  const now = Math.max(o.now, afterAllClaims(present.sshKeys));
  const planned = plannedObjects(manifests, present, cluster.namespace, now);
  const before = present.namespaces.map(toNamespaceFacts);
  const forecast = new Forecast(settings, before, now);
  for (const object of present.sshKeys) forecast.putSSHKey(object);
  for (const object of present.authorizedKeys) forecast.putAuthorizedKeys(object);
  const old = forecast.outcome();
  for (const facts of planned.namespaces.map((object) => overlaid(object, before)))
    forecast.putNamespace(facts);
  for (const object of planned.sshKeys) forecast.putSSHKey(object);
  for (const object of planned.authorizedKeys) forecast.putAuthorizedKeys(object);
  if (o.prune) {
    for (const { metadata } of missing(KIND, present.sshKeys, ids, namespaces))
      forecast.removeSSHKey(metadata.namespace ?? "", metadata.name);
    for (const { metadata } of missing(AUTHORIZED_KEYS_KIND, present.authorizedKeys, ids, namespaces))
      forecast.removeAuthorizedKeys(metadata.namespace ?? "", metadata.name);
  }
  return { change: outcomeChange(old, forecast.outcome()), refused: planned.refused, blindSpots };
}

/** What comes in is younger than all that is there, whatever this machine's clock says; ms since the epoch. */
function afterAllClaims(sshKeys: readonly StoredSSHKey[]): number {
  const times = sshKeys.map(({ metadata, status }) =>
    Date.parse(status?.claimedSince ?? metadata.creationTimestamp ?? ""),
  );
  return times.reduce((latest, time) => (time > latest ? time : latest), 0) + 1000;
}

function missing<T extends KubeObject>(
  kind: string,
  objects: readonly T[],
  ids: ReadonlySet<string>,
  namespaces: ReadonlySet<string>,
): readonly T[] {
  return objects.filter(({ metadata: { namespace = "", name } }) => {
    return namespaces.has(namespace) && !ids.has(`${kind} ${namespace}/${name}`);
  });
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
