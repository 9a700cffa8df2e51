import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { buildBinaries, cacheFolder } from "./build.ts";
import { isExecutable } from "./executable.ts";
import { fetchPrebuilt, PREBUILT } from "./prebuilt.ts";

/** What a control plane takes. */
export const BINARIES = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

/** What a node takes in addition. */
export const NODE_BINARIES = ["kube-proxy", "kube-scheduler", "kubeadm", "kubelet"];

const PACKAGES: Readonly<Record<string, string>> = {
  etcd: "go.etcd.io/etcd/server/v3",
  ...Object.fromEntries(
    [...BINARIES.slice(1), ...NODE_BINARIES].map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]),
  ),
};

export interface FindOptions {
  /** Called with each line that tells a person how a build goes. */
  readonly progress?: (line: string) => void;
  /** In place of the process' own environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Those that are needed; by default all of a control plane. */
  readonly names?: readonly string[];
  /**
   * Will binaries do that others have built, of another patch of the pinned minor release if need be? No by default:
   * releases and node images want exactly the pinned one.
   */
  readonly mayBePrebuilt?: boolean;
}

/**
 * The folder that holds etcd, kube-apiserver, kube-controller-manager and kubectl, as far as they are needed: the
 * one that KUBEBUILDER_ASSETS names (where kube-controller-manager may be missing), else the cache folder of the
 * pinned version, filled first if need be: with prebuilt binaries where they will do and can be had, and from the Go
 * modules in this folder. With USE_EXISTING_CLUSTER=true only kubectl is sought, on the PATH first, and nothing is
 * built. Throws a BinariesError or a BuildError.
 */
export async function findBinaries(o: FindOptions = {}): Promise<string> {
  const { env = process.env, names = BINARIES, mayBePrebuilt = false, progress = () => undefined } = o;
  const found = locate(env, names, mayBePrebuilt);
  if (found.complete) {
    return found.folder;
  }
  const version = kubernetesVersion();
  let { folder } = found;
  if (mayBePrebuilt && found.source === "cache" && missing(folder, onlyPrebuilt(names)).length > 0) {
    const prebuilt = prebuiltFolder(folder);
    if (await fetchPrebuilt({ version, folder: prebuilt, env, progress })) folder = prebuilt;
  }
  await buildBinaries({
    module: import.meta.dirname,
    title: `Kubernetes ${version}`,
    duration: "with an empty Go build cache this takes five to seven minutes on two cores; it is done once",
    withoutGo:
      ", or set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl, or set USE_EXISTING_CLUSTER=true with KUBECONFIG",
    packages: PACKAGES,
    linkerFlags: versionFlags(version),
    folder,
    missing: () => missing(folder, names),
    env,
    progress,
  });
  return folder;
}

/** Where the binaries are or, when not complete, where they are to be built. */
export interface Location {
  readonly folder: string;
  readonly source: "existing cluster" | "KUBEBUILDER_ASSETS" | "cache" | "prebuilt";
  readonly complete: boolean;
}

/** Decides between the sources by looking at the environment and the files, and starts nothing. */
export function locate(
  env: NodeJS.ProcessEnv,
  names: readonly string[] = BINARIES,
  mayBePrebuilt = false,
): Location {
  const cache = controlPlaneFolder(env);
  const assets = env.KUBEBUILDER_ASSETS;
  if (env.USE_EXISTING_CLUSTER === "true") {
    if (!env.KUBECONFIG) {
      throw new BinariesError(
        "USE_EXISTING_CLUSTER is true but KUBECONFIG is not set: set it to that cluster's kubeconfig file",
      );
    }
    const folders = [...(env.PATH ?? "").split(delimiter), assets ?? "", cache].filter(
      (folder) => folder !== "",
    );
    const folder = folders.find((folder) => missing(folder, ["kubectl"]).length === 0);
    if (folder === undefined) {
      throw new BinariesError(
        "USE_EXISTING_CLUSTER is true but there is no kubectl on the PATH: install kubectl",
      );
    }
    return { folder, source: "existing cluster", complete: true };
  }
  if (assets) {
    const lacking = missing(assets, ["etcd", "kube-apiserver", "kubectl"]);
    if (lacking.length > 0) {
      throw new BinariesError(
        `KUBEBUILDER_ASSETS is ${assets}, which has no executable ${lacking.join(", ")}: put it there, or unset KUBEBUILDER_ASSETS to have everything fetched or built`,
      );
    }
    return { folder: assets, source: "KUBEBUILDER_ASSETS", complete: true };
  }
  const complete = missing(cache, names).length === 0;
  const prebuilt = prebuiltFolder(cache);
  // What is in no archive is built beside what was fetched.
  const isFetched = missing(prebuilt, onlyPrebuilt(names)).length === 0;
  if (!complete && mayBePrebuilt && isFetched && missing(cache, onlyPrebuilt(names)).length > 0)
    return { folder: prebuilt, source: "prebuilt", complete: missing(prebuilt, names).length === 0 };
  return { folder: cache, source: "cache", complete };
}

/** Apart from what was built, since it may be of another patch release. */
function prebuiltFolder(cache: string): string {
  return `${cache}-prebuilt`;
}

function onlyPrebuilt(names: readonly string[]): readonly string[] {
  return PREBUILT.filter((name) => names.includes(name));
}

/** The environment names binaries that are not there. */
export class BinariesError extends Error {
  readonly code = "BINARIES_MISSING";

  constructor(message: string) {
    super(message);
    this.name = "BinariesError";
  }
}

/** Those of the names that are no executable file in the folder. */
function missing(folder: string, names: readonly string[]): string[] {
  return names.filter((name) => !isExecutable(join(folder, name)));
}

/** What makes the binaries report their version. */
function versionFlags(version: string): string {
  const [major, minor] = version.replace(/^v/, "").split(".");
  const variable = "k8s.io/component-base/version.git";
  return `-X ${variable}Version=${version} -X ${variable}Major=${major} -X ${variable}Minor=${minor} -X ${variable}TreeState=clean`;
}

/** The version of k8s.io/kubernetes that go.mod pins, with its leading v. */
export function kubernetesVersion(): string {
  const text = readFileSync(join(import.meta.dirname, "go.mod"), "utf8");
  const version = /^\s*k8s\.io\/kubernetes (v\S+)/m.exec(text)?.[1];
  if (version === undefined) {
    throw new BinariesError(
      "controlplane/go.mod requires no k8s.io/kubernetes: restore it from version control",
    );
  }
  return version;
}

function controlPlaneFolder(env: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), "controlplane", kubernetesVersion());
}
