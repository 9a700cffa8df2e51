import type { Cluster } from "../cluster/cluster.ts";

/** A kubeconfig of one cluster and one user, which names no other file. */
export interface FlatKubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data": string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
  readonly contexts: readonly { readonly context: object }[];
}

/** The administrator's, wherever its parts stand. */
export async function flatKubeconfig({ kubectl }: Pick<Cluster, "kubectl">): Promise<FlatKubeconfig> {
  const { stdout } = await kubectl(["config", "view", "--raw", "--flatten", "--minify", "-o", "json"]);
  return JSON.parse(stdout);
}
