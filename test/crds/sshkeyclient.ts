import { API_VERSION, KIND, PLURAL } from "../../src/api/names.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type ObjectClient, type Spec, startObjectClient } from "./objectclient.ts";

export type { Outcome, Spec } from "./objectclient.ts";

/** SSHKeys of one fresh namespace; a spec is laid over a good one. */
export type SSHKeyClient = ObjectClient;

/** One good line, whose fingerprint is SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg. */
export const PUBLIC_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice@laptop";

export const FINGERPRINT = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";

/** In the cluster that all files share, unless it is given one of its own. */
export function startSSHKeyClient(own?: Cluster): Promise<SSHKeyClient> {
  return startObjectClient(PLURAL, sshKey, own);
}

/** An SSHKey with this spec laid over a good one. */
export function sshKey(name: string, spec: Spec = {}) {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name },
    spec: { user: "alice", key: PUBLIC_KEY, ...spec },
  };
}
