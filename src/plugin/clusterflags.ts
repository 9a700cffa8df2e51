import type { Command } from "commander";
import type { ClientOverrides } from "../kube/clientconfig.ts";

/** kubectl's flags of the same names, with its meaning. Its --user is missing: here that is the user of keys. */
export interface ClusterFlags extends ClientOverrides {
  readonly allNamespaces?: boolean;
  readonly requestTimeout?: string;
}

/** Added last: what the command alone has stands first in its help. */
export function addClusterFlags(command: Command): Command {
  return command
    .optionsGroup("Cluster, as in kubectl:")
    .option("-n, --namespace <name>", "namespace to work in (default: that of the context)")
    .option("--kubeconfig <file>", "kubeconfig file to use")
    .option("--context <name>", "context of the kubeconfig to use")
    .option("--cluster <name>", "cluster of the kubeconfig to use")
    .option("-s, --server <url>", "address of the API server")
    .option("--token <token>", "bearer token to authenticate with")
    .option("--certificate-authority <file>", "certificate authority of the API server")
    .option("--insecure-skip-tls-verify", "do not check the API server's certificate")
    .option("--tls-server-name <name>", "name to expect in the API server's certificate")
    .option("--client-certificate <file>", "client certificate to authenticate with")
    .option("--client-key <file>", "key of the client certificate")
    .option("--as <user>", "user to impersonate")
    .option("--as-group <group>", "group to impersonate; may be repeated", collect)
    .option("--as-uid <uid>", "UID to impersonate")
    .option(
      "--request-timeout <duration>",
      "how long to wait for one answer of the API server, as 30s or 2m",
      "30s",
    );
}

export function addAllNamespaces(command: Command): Command {
  return command.option("-A, --all-namespaces", "in all namespaces");
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
