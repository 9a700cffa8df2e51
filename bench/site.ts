import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "../controlplane/controlplane.ts";
import { whenServed } from "../test/cluster/served.ts";
import { Client } from "./client.ts";

const CRDS = join(import.meta.dirname, "..", "crds");

/** A fresh control plane that knows SSHKeys. */
export interface Site {
  readonly controlPlane: ControlPlane;
  readonly client: Client;
  close(): Promise<void>;
}

/** Starts one with these namespaces. */
async function openSite(namespaces: readonly string[], o: ControlPlaneOptions): Promise<Site> {
  const controlPlane = await startControlPlane(o);
  if (controlPlane.existing) {
    throw new Error("the bench measures control planes of its own: unset USE_EXISTING_CLUSTER");
  }
  const client = new Client(controlPlane.kubeconfig);
  const close = async () => {
    await client.close();
    await controlPlane.stop();
  };
  try {
    const env = { ...process.env, KUBECONFIG: controlPlane.kubeconfig };
    await promisify(execFile)(controlPlane.kubectl, ["apply", "--server-side", "-f", CRDS], { env });
    await whenServed((method, path, body) => client.request(method, path, JSON.stringify(body)));
    await Promise.all(
      namespaces.map((name) => client.json("POST", "/api/v1/namespaces", { metadata: { name } })),
    );
    return { controlPlane, client, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs `work` on a fresh control plane and ends it. */
export async function onFreshSite<T>(
  namespaces: readonly string[],
  work: (site: Site) => Promise<T>,
  o: ControlPlaneOptions = {},
): Promise<T> {
  const site = await openSite(namespaces, o);
  try {
    return await work(site);
  } finally {
    await site.close();
  }
}

/** How many requests of each kind the API server has carried out since it started. */
export interface RequestCounts {
  readonly secretWrites: number;
  readonly statusWrites: number;
  readonly eventWrites: number;
  /** All of them. */
  readonly writes: number;
}

export async function requestCounts({ client }: Site): Promise<RequestCounts> {
  const { text } = await client.request("GET", "/metrics", undefined, "text/plain");
  const writes = (resource: string, subresource: string) => {
    let sum = 0;
    for (const [, labels = "", value] of text.matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)$/gm)) {
      const isMeant =
        labels.includes(`,resource="${resource}",`) &&
        labels.includes(`,subresource="${subresource}",`) &&
        /verb="(POST|PUT|PATCH|APPLY|DELETE)"/.test(labels);
      if (isMeant) sum += Number(value);
    }
    return sum;
  };
  const secretWrites = writes("secrets", "");
  const statusWrites = writes("sshkeys", "status") + writes("authorizedkeys", "status");
  const eventWrites = writes("events", "");
  return { secretWrites, statusWrites, eventWrites, writes: secretWrites + statusWrites + eventWrites };
}
