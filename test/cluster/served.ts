import {
  API_VERSION,
  AUTHORIZED_KEYS_KIND,
  AUTHORIZED_KEYS_PLURAL,
  KIND,
  PLURAL,
} from "../../src/api/names.ts";
import { eventually } from "./eventually.ts";

const PROBES = {
  [PLURAL]: {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: "probe" },
    spec: {
      user: "probe",
      key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ",
    },
  },
  [AUTHORIZED_KEYS_PLURAL]: {
    apiVersion: API_VERSION,
    kind: AUTHORIZED_KEYS_KIND,
    metadata: { name: "probe" },
    spec: {},
  },
};

/**
 * Waits until the API server serves both kinds at its usual pace. It answers 404 until a definition is established, 429
 * "storage is (re)initializing" for a moment after, and holds up for two seconds what is created in the first two
 * (customresource_handler.go in k8s.io/apiextensions-apiserver): a creation that is not carried out waits for that here.
 */
export async function whenServed(
  request: (method: "GET" | "POST", path: string, body?: object) => Promise<{ readonly status: number }>,
): Promise<void> {
  const isServed = async ([plural, probe]: [string, object]) => {
    const isListed = async () => (await request("GET", `/apis/${API_VERSION}/${plural}`)).status === 200;
    await eventually(`${plural} can be listed`, isListed);
    const path = `/apis/${API_VERSION}/namespaces/default/${plural}?dryRun=All`;
    const isMade = async () => (await request("POST", path, probe)).status === 201;
    await eventually(`${plural} can be made`, isMade);
  };
  await Promise.all(Object.entries(PROBES).map(isServed));
}
