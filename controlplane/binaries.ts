import { accessSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { BINARIES, buildBinaries } from "./build.ts";

export interface FindOptions {
  /** Called with each line that tells a person how a build goes. */
  readonly progress?: (line: string) => void;
  /** In place of the process' own environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Those that are needed; all by default. */
  readonly names?: readonly string[];
}

/**
 * The folder that holds etcd, kube-apiserver, kube-controller-manager and kubectl, as far as they are needed: the
 * one that KUBEBUILDER_ASSETS names (where kube-controller-manager may be missing), else the cache folder of the
 * pinned version, filled first if need be from the Go modules in this folder. With USE_EXISTING_CLUSTER=true
 * only kubectl is sought, on the PATH first, and nothing is built. Throws a BinariesError or a BuildError.
 */
export async function findBinaries(o: FindOptions = {}): Promise<string> {
  const { env = process.env, names = BINARIES } = o;
  const found = locate(env, names);
  if (found.complete) {
    return found.folder;
  }
  const { folder } = found;
  await buildBinaries({
    folder,
    version: kubernetesVersion(),
    missing: () => missing(folder, names),
    env,
    progress: o.progress ?? (() => undefined),
  });
  return folder;
}

/** Where the binaries are or, when not complete, where they are to be built. */
export interface Location {
  readonly folder: string;
  readonly source: "existing cluster" | "KUBEBUILDER_ASSETS" | "cache";
  readonly complete: boolean;
}

/** Decides between the sources by looking at the environment and the files, and starts nothing. */
export function locate(env: NodeJS.ProcessEnv, names: readonly string[] = BINARIES): Location {
  const cache = cacheFolder(env);
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
        `KUBEBUILDER_ASSETS is ${assets}, which has no executable ${lacking.join(", ")}: put it there, or unset KUBEBUILDER_ASSETS to have everything built`,
      );
    }
    return { folder: assets, source: "KUBEBUILDER_ASSETS", complete: true };
  }
  return { folder: cache, source: "cache", complete: missing(cache, names).length === 0 };
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
  return names.filter((name) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return false;
    } catch {
      return true;
    }
  });
}

/** The version of k8s.io/kubernetes that go.mod pins, with its leading v. */
function kubernetesVersion(): string {
  const text = readFileSync(join(import.meta.dirname, "go.mod"), "utf8");
  const version = /^\s*k8s\.io\/kubernetes (v\S+)/m.exec(text)?.[1];
  if (version === undefined) {
    throw new BinariesError(
      "controlplane/go.mod requires no k8s.io/kubernetes: restore it from version control",
    );
  }
  return version;
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache");
  return join(base, "sshkey-operator", "controlplane", kubernetesVersion());
}
