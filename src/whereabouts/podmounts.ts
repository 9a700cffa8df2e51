import type { KubeObject } from "../api/object.ts";

/** A Secret in which one of the keys stands. */
export interface HoldingSecret {
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  /** The data keys whose value has the line. */
  readonly files: readonly string[];
  /** Somebody copied it: what the operator takes out of the original stays in here. */
  readonly isCopy: boolean;
}

/** How a pod has a Secret, and so whether a removal reaches it while it runs. */
export type Removal =
  /** The file changes in the pod. */
  | "reaches"
  /** Mounted with subPath or subPathExpr: what was there at start stays. */
  | "subPath"
  /** Read into an environment variable at start. */
  | "environment"
  /** Only an init container mounts it, a sign that it copies the file. */
  | "init"
  /** The Secret is somebody's copy of the operator's. */
  | "copy";

/** A container that has a file in which one of the keys stands. */
export interface PodMount {
  readonly namespace: string;
  /** Of the pod. */
  readonly name: string;
  readonly container: string;
  readonly secret: string;
  /** Where the container has it; without one it is an environment variable. */
  readonly path?: string;
  readonly removal: Removal;
}

/** A pod, as far as it is read here. */
export interface PodObject extends KubeObject {
  readonly spec?: {
    readonly volumes?: readonly Volume[];
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
  };
  readonly status?: { readonly phase?: string };
}

interface Volume {
  readonly name: string;
  readonly secret?: { readonly secretName?: string; readonly items?: Items };
  readonly projected?: {
    readonly sources?: readonly { readonly secret?: { readonly name?: string; readonly items?: Items } }[];
  };
}

type Items = readonly { readonly key: string; readonly path: string }[];

interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
    readonly subPathExpr?: string;
  }[];
  readonly env?: readonly {
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name?: string; readonly key: string } };
  }[];
  readonly envFrom?: readonly { readonly secretRef?: { readonly name?: string } }[];
}

/** What the containers of a pod that has not ended have of these Secrets of its namespace. */
export function podMounts(pod: PodObject, places: readonly HoldingSecret[]): readonly PodMount[] {
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed") return [];
  const { namespace = "" } = pod.metadata;
  return places.filter((place) => place.namespace === namespace).flatMap((place) => mountsOf(pod, place));
}

function mountsOf({ metadata, spec = {} }: PodObject, place: HoldingSecret): readonly PodMount[] {
  const { containers = [], initContainers = [], ephemeralContainers = [], volumes = [] } = spec;
  const isSidecar = ({ restartPolicy }: Container) => restartPolicy === "Always";
  const lasting = [...containers, ...initContainers.filter(isSidecar), ...ephemeralContainers];
  const starting = initContainers.filter((container) => !isSidecar(container));
  const paths = new Map(volumes.map((volume) => [volume.name, pathsIn(volume, place)]));
  const whole = { namespace: place.namespace, name: metadata.name, secret: place.name };
  const inContainers = (all: readonly Container[], removal?: Removal): PodMount[] =>
    all.flatMap((container) => [
      ...volumePlaces(container, paths).map(({ path, isSubPath }) => ({
        ...whole,
        container: container.name,
        path,
        removal: removal ?? (isSubPath ? "subPath" : place.isCopy ? "copy" : "reaches"),
      })),
      ...(readsIntoEnvironment(container, place)
        ? [{ ...whole, container: container.name, removal: "environment" as const }]
        : []),
    ]);
  const found = inContainers(lasting);
  return found.length > 0 ? found : inContainers(starting, "init");
}

/** The files of the volume in which the keys stand. */
function pathsIn({ secret, projected }: Volume, { name, files }: HoldingSecret): readonly string[] {
  const sources = [
    { name: secret?.secretName, items: secret?.items },
    ...(projected?.sources ?? []).map((source) => source.secret ?? {}),
  ];
  return sources
    .filter((source) => source.name === name)
    .flatMap(({ items }) =>
      items === undefined ? files : items.filter(({ key }) => files.includes(key)).map(({ path }) => path),
    );
}

function volumePlaces({ volumeMounts = [] }: Container, paths: ReadonlyMap<string, readonly string[]>) {
  return volumeMounts.flatMap(({ name, mountPath, subPath = "", subPathExpr = "" }) => {
    const isHere = (path: string) =>
      subPath === "" || path === subPath || path.startsWith(`${subPath.replace(/\/$/, "")}/`);
    const isSubPath = subPath !== "" || subPathExpr !== "";
    return (paths.get(name) ?? []).some(isHere) ? [{ path: mountPath, isSubPath }] : [];
  });
}

function readsIntoEnvironment(
  { env = [], envFrom = [] }: Container,
  { name, files }: HoldingSecret,
): boolean {
  const one = env.map(({ valueFrom }) => valueFrom?.secretKeyRef);
  return (
    one.some((ref) => ref?.name === name && files.includes(ref.key)) ||
    envFrom.some(({ secretRef }) => secretRef?.name === name)
  );
}
