import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../config/settings.ts";
import { toNamespaceFacts } from "../../projection/namespaces.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { foresee } from "../foresight/foresight.ts";
import type { OutcomeChange } from "../foresight/outcomechange.ts";
import { idOf } from "../foresight/plannedobjects.ts";
import type { Manifest } from "../manifests/objects.ts";
import { readClusterObjects, readPublishedSettings } from "./clusterobjects.ts";

export interface Announcement {
  readonly change: OutcomeChange;
  /** What the API server would not store, each a sentence. */
  readonly refused: readonly string[];
  /** What could not be seen, each a sentence. */
  readonly blindSpots: readonly string[];
}

export interface AnnouncementOptions {
  readonly prune: boolean;
  /** What a configuration file says in place of the operator. */
  readonly config: Settings | undefined;
  readonly operatorNamespace: string;
  /** Which keys are revoked under these settings. */
  readonly knowledge: (settings: Settings) => Promise<Knowledge>;
  /** Which lists of the operator's are not looked at under these settings, a sentence each. */
  readonly unread: (settings: Settings) => readonly string[];
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
    o.config === undefined ? await readPublishedSettings(cluster, o.operatorNamespace) : o.config;
  const settings: Settings = published ?? DEFAULT_SETTINGS;
  const blindSpots = [...present.blindSpots, ...o.unread(settings)];
  if (published === undefined)
    blindSpots.push(
      `No operator publishes its policy in namespace ${o.operatorNamespace}: the defaults are taken. Give --operator-namespace or --config.`,
    );
  const { change, refused } = foresee(
    { ...present, namespaces: present.namespaces.map(toNamespaceFacts) },
    manifests,
    {
      settings,
      knowledge: await o.knowledge(settings),
      namespace: cluster.namespace,
      prunes: (namespace) => o.prune && namespaces.has(namespace),
      now: Math.max(o.now, afterAllClaims(present.sshKeys)),
    },
  );
  return { change, refused, blindSpots };
}

/** What comes in is younger than all that is there, whatever this machine's clock says; ms since the epoch. */
function afterAllClaims(sshKeys: readonly StoredSSHKey[]): number {
  const times = sshKeys.map(({ metadata, status }) =>
    Date.parse(status?.claimedSince ?? metadata.creationTimestamp ?? ""),
  );
  return times.reduce((latest, time) => (time > latest ? time : latest), 0) + 1000;
}
