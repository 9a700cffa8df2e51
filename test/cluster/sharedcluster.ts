import { inject } from "vitest";
import { useExistingCluster } from "../../controlplane/existing.ts";
import { type Cluster, open } from "./cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Kubeconfig of the cluster that is started once for all files. */
    readonly sharedCluster: string;
  }
}

/**
 * A cluster that other files use at the same time, each in namespaces of its own. For files that change nothing that is
 * cluster-wide, and run no operator, or one for their own namespaces alone.
 */
export async function sharedCluster(): Promise<Cluster> {
  return await open(await useExistingCluster(inject("sharedCluster")));
}
