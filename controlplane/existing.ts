import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findBinaries } from "./binaries.ts";
import type { ControlPlane } from "./controlplane.ts";
import { writeTokenKubeconfig } from "./kubeconfig.ts";

/** The cluster that KUBECONFIG names, in the form of a control plane; nothing is started or stopped. */
export async function useExistingCluster(kubeconfig = process.env.KUBECONFIG): Promise<ControlPlane> {
  const kubectl = join(await findBinaries(), "kubectl");
  // Read before the folder is made: a kubeconfig that cannot be read leaves nothing behind.
  const { text, server, ca } = await currentContext(kubectl, kubeconfig);
  const dir = mkdtempSync(join(tmpdir(), "sshkey-operator-"));
  const file = join(dir, "admin.kubeconfig");
  writeFileSync(file, text, { mode: 0o600 });
  return {
    dir,
    server,
    kubeconfig: file,
    kubectl,
    existing: true,
    get apiserver(): never {
      throw new ExistingClusterError("the API server's process");
    },
    get etcd(): never {
      throw new ExistingClusterError("etcd's process");
    },
    get etcdEndpoint(): never {
      throw new ExistingClusterError("etcd's address");
    },
    async stopApiServer() {
      throw new ExistingClusterError("stopping the API server");
    },
    async startApiServer() {
      throw new ExistingClusterError("starting the API server");
    },
    async stopEtcd() {
      throw new ExistingClusterError("stopping etcd");
    },
    async startEtcd() {
      throw new ExistingClusterError("starting etcd");
    },
    tokenKubeconfig: (account) =>
      writeTokenKubeconfig(dir, { server, ...(ca === undefined ? {} : { ca }) }, account),
    async stop() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A private control plane can do what a cluster of the user's cannot. */
class ExistingClusterError extends Error {
  readonly code = "EXISTING_CLUSTER";

  constructor(what: string) {
    super(
      `${what} is out of reach with USE_EXISTING_CLUSTER=true: unset it to run against a private control plane`,
    );
    this.name = "ExistingClusterError";
  }
}

/** One self-contained file, whatever list of files with relative paths KUBECONFIG names. */
async function currentContext(
  kubectl: string,
  kubeconfig: string | undefined,
): Promise<{ text: string; server: string; ca?: string }> {
  const view = ["config", "view", "--raw", "--flatten", "--minify", "-o", "json"];
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const { stdout: text } = await promisify(execFile)(kubectl, view, { env });
  const config: { clusters?: { cluster: { server: string; "certificate-authority-data"?: string } }[] } =
    JSON.parse(text);
  const cluster = config.clusters?.[0]?.cluster;
  if (cluster === undefined) {
    throw new ExistingClusterError("the current context's cluster");
  }
  const ca = cluster["certificate-authority-data"];
  return {
    text,
    server: cluster.server,
    ...(ca === undefined ? {} : { ca: Buffer.from(ca, "base64").toString("utf8") }),
  };
}
