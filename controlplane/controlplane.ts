import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "./apiserver.ts";
import type { Child } from "./child.ts";
import { startControllerManager } from "./controllermanager.ts";
import { startEtcd } from "./etcd.ts";
import { useExistingCluster } from "./existing.ts";
import { type AccountToken, kubeconfig, writeTokenKubeconfig } from "./kubeconfig.ts";
import { findTools, type ToolOptions } from "./tools.ts";

/** A Kubernetes API to run against: private processes on this machine, or a cluster that the user named. */
export interface ControlPlane {
  /** Folder for files that belong to this control plane; removed by `stop`. */
  readonly dir: string;
  /** `https://127.0.0.1:PORT` */
  readonly server: string;
  /** Path of the admin's kubeconfig file. */
  readonly kubeconfig: string;
  /** Path of the kubectl binary. */
  readonly kubectl: string;
  /** True for a cluster of the user's: the members that name processes then throw an ExistingClusterError. */
  readonly existing: boolean;
  readonly apiserver: Child;
  readonly etcd: Child;
  /** A `unix://` address. */
  readonly etcdEndpoint: string;
  /** Path of the audit log: one JSON event a line, in the order in which requests were answered. */
  readonly auditLog?: string;
  /** SIGTERM when no signal is named; resolves when the process is gone. */
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** On the same port, with the same certificates and data; resolves when it is ready. */
  startApiServer(): Promise<void>;
  /** SIGTERM; the API server stays, and answers 5xx until etcd is back. Its data are in the folder `etcd` of `dir`. */
  stopEtcd(): Promise<void>;
  startEtcd(): Promise<void>;
  /** Writes a kubeconfig file for a service account's token and gives back its path. */
  tokenKubeconfig(o: AccountToken): Promise<string>;
  /** Ends every process and removes the folder, data included. May be called twice. */
  stop(): Promise<void>;
}

/** With `controllerManager`, the controllers for namespaces, garbage collection, service accounts and so on run too. */
export interface ControlPlaneOptions extends ToolOptions {
  /** Write an audit log, with the bodies of SSHKeys and Secrets. */
  readonly audit?: boolean;
  /** Folder with the data of an etcd that was stopped: a copy of them is what there is from the start. */
  readonly data?: string;
}

/**
 * Starts etcd, kube-apiserver and, if asked for, kube-controller-manager, and resolves when they are ready
 * (2–5 s). All of them end with this process, however it ends. Throws a StartError that shows the log of the
 * one that did not come up. With `USE_EXISTING_CLUSTER=true` nothing is started.
 */
export async function startControlPlane(o: ControlPlaneOptions = {}): Promise<ControlPlane> {
  if (process.env.USE_EXISTING_CLUSTER === "true") {
    return useExistingCluster();
  }
  const { folder: binaries, kubectl } = await findTools(o, (line) => process.stderr.write(`${line}\n`));
  const dir = mkdtempSync(join(tmpdir(), "sshkey-operator-"));
  const running: { child: Child }[] = [];
  const kill = () => {
    // Nothing here outlives the folder, so nothing needs a graceful end.
    for (const { child } of running) {
      child.kill("SIGKILL");
    }
  };
  // Again for what a process wrote while it was being killed.
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  const abandon = () => {
    kill();
    remove();
  };
  process.once("exit", abandon);
  const stop = async () => {
    kill();
    await Promise.all(running.map(({ child }) => child.exited));
    remove();
    process.off("exit", abandon);
  };
  try {
    const etcd = await startEtcd({ binary: join(binaries, "etcd"), dir, data: o.data });
    running.push(etcd);
    const auditLog = o.audit === true ? join(dir, "audit.log") : undefined;
    const apiserver = await startApiServer({
      binary: join(binaries, "kube-apiserver"),
      dir,
      etcd: etcd.endpoint,
      serviceAccounts: o.controllerManager === true,
      ...(auditLog === undefined ? {} : { auditLog }),
    });
    running.push(apiserver);
    const { server, ca, adminToken } = apiserver;
    const admin = join(dir, "admin.kubeconfig");
    writeFileSync(admin, kubeconfig({ server, ca, user: "admin", token: adminToken }), { mode: 0o600 });
    if (o.controllerManager === true) {
      const binary = join(binaries, "kube-controller-manager");
      running.push(await startControllerManager({ binary, dir, kubeconfig: admin, apiserver }));
    }
    return {
      dir,
      server,
      kubeconfig: admin,
      kubectl,
      existing: false,
      get apiserver() {
        return apiserver.child;
      },
      get etcd() {
        return etcd.child;
      },
      etcdEndpoint: etcd.endpoint,
      ...(auditLog === undefined ? {} : { auditLog }),
      stopApiServer: (signal = "SIGTERM") => apiserver.stop(signal),
      startApiServer: () => apiserver.start(),
      stopEtcd: () => etcd.stop(),
      startEtcd: () => etcd.start(),
      tokenKubeconfig: (account) => writeTokenKubeconfig(dir, { server, ca }, account),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
