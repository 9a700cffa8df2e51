import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:https";
import { MANAGED_LABEL } from "../src/api/names.ts";
import { secretsPath, sshKeysPath } from "../src/api/paths.ts";
import { DEFAULT_SETTINGS } from "../src/config/settings.ts";
import { readAccess } from "./client.ts";

/**
 * Starts a process of its own that watches the SSHKeys of a namespace from a resourceVersion on, and creates a Secret
 * for each new one. It judges nothing and remembers nothing: no operator can be sooner. Killing it ends it.
 */
export async function startEcho(
  kubeconfig: string,
  namespace: string,
  resourceVersion: string,
): Promise<ChildProcess> {
  const args = [import.meta.filename, kubeconfig, namespace, resourceVersion];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

function echo(kubeconfig: string, namespace: string, resourceVersion: string): void {
  const { server, ca, authorization } = readAccess(kubeconfig);
  const { hostname, port } = new URL(server);
  const agent = new Agent({ ca, keepAlive: true });
  const headers = { authorization, accept: "application/json" };
  const path = `${sshKeysPath(namespace)}?watch=1&resourceVersion=${resourceVersion}&timeoutSeconds=3600`;
  const create = (user: string, key: string) => {
    const body = JSON.stringify(secretOf(user, key));
    const more = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const call = { method: "POST", path: secretsPath(namespace), headers: { ...headers, ...more } };
    request({ hostname, port, agent, ...call }, (answer) => answer.resume()).end(body);
  };
  const watch = request({ hostname, port, agent, path, headers }, (answer) => {
    console.log("watching");
    let rest = "";
    answer.setEncoding("utf8");
    answer.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { type, object } = JSON.parse(line);
        if (type === "ADDED") create(object.spec.user, object.spec.key);
      }
    });
  });
  watch.end();
}

function secretOf(user: string, key: string): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `sshkeys-${user}`, labels: { [MANAGED_LABEL]: DEFAULT_SETTINGS.secrets.installation } },
    type: "Opaque",
    data: { authorized_keys: Buffer.from(`${key}\n`).toString("base64") },
  };
}

if (import.meta.main) {
  const [kubeconfig = "", namespace = "", resourceVersion = ""] = process.argv.slice(2);
  echo(kubeconfig, namespace, resourceVersion);
}
