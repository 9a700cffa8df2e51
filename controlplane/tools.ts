import { join } from "node:path";
import { BINARIES, findBinaries, kubernetesVersion, locate } from "./binaries.ts";
import { usableKubectl } from "./kubectl.ts";

/** What is wanted of a control plane, as far as it decides what has to be there. */
export interface ToolOptions {
  readonly controllerManager?: boolean;
  /** A kubectl on the PATH will do, if its version fits and the pinned one is not there yet. */
  readonly ownKubectl?: boolean;
}

/** What a control plane is run with. */
export interface Tools {
  /** Has `names`. */
  readonly folder: string;
  readonly names: readonly string[];
  /** Path of kubectl. */
  readonly kubectl: string;
}

/** Finds the programs, and fetches or builds no more than is needed. Throws a BinariesError or a BuildError. */
export async function findTools(
  o: ToolOptions,
  progress: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Tools> {
  const isThere = locate(env, ["kubectl"], true).complete;
  const asks = o.ownKubectl === true && !isThere;
  const own = asks ? await usableKubectl(env, kubernetesVersion()) : undefined;
  const names = BINARIES.filter(
    (name) =>
      (name !== "kube-controller-manager" || o.controllerManager === true) &&
      (name !== "kubectl" || own === undefined),
  );
  const folder = await findBinaries({ names, mayBePrebuilt: true, env, progress });
  return { folder, names, kubectl: own ?? join(folder, "kubectl") };
}
