import { API_VERSION, KIND } from "../../src/api/names.ts";
import { sshKeysPath } from "../../src/operator/paths.ts";
import { eventually } from "./eventually.ts";

const PROBE = {
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: "probe" },
  spec: {
    user: "probe",
    key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ",
  },
};

/**
 * Waits until the API server serves SSHKeys at its usual pace. It answers 404 until the definition is established, 429
 * "storage is (re)initializing" for a moment after, and holds up for two seconds what is created in the first two
 * (customresource_handler.go in k8s.io/apiextensions-apiserver): a creation that is not carried out waits for that here.
 */
export async function whenServed(
  request: (method: "GET" | "POST", path: string, body?: object) => Promise<{ readonly status: number }>,
): Promise<void> {
  const isListed = async () => (await request("GET", sshKeysPath())).status === 200;
  await eventually("SSHKeys can be listed", isListed);
  const isMade = async () =>
    (await request("POST", `${sshKeysPath("default")}?dryRun=All`, PROBE)).status === 201;
  await eventually("SSHKeys can be made", isMade);
}
