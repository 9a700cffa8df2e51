import { type Command, InvalidArgumentError } from "commander";
import { isDNSLabel } from "../api/names.ts";
import { collectNamespace } from "./namespaceoption.ts";
import { kubeconfigOption } from "./processoptions.ts";

/** The options of `audit`, as commander returns them. */
export interface AuditOptions {
  readonly namespace?: readonly string[];
  readonly output?: string;
  readonly configMap?: ConfigMapKey;
  readonly kubeconfig?: string;
}

/** A data key of a ConfigMap. */
export interface ConfigMapKey {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

const HELP = `
RSA keys that share a prime open each other: anybody who has both public keys
can compute both private ones. Keys are compared across namespaces; only a
proper divisor that is no small number counts, so nobody can condemn another's
key by declaring a multiple of it. What is found is added to the list; the
operator reads it again by itself (blocklists). Without a list it is only said.
A file has room for all. A ConfigMap has room for some 2,500 keys: once it is
full, each namespace has an equal share of it, and each user in its namespace;
keys that no SSHKey has any more go first.

Examples:
  sshkey-operator audit
  sshkey-operator audit --output /lists/shared-factors.txt
  sshkey-operator audit \\
    --config-map sshkey-operator/sshkey-operator-blocklists/shared-factors.txt

Exit codes:
  0  done, whatever was found
  1  unexpected error
  2  invalid command line
  3  SSHKeys cannot be listed, the list cannot be read or written, or it has no
     room for all
  4  stopped by SIGTERM or SIGINT before it was done; the list is as it was, or
     as it should be`;

/** What it does is loaded by this command alone. */
export function addAuditCommand(command: Command, signal: AbortSignal): void {
  command
    .description("look for RSA keys that share a prime with another one of the cluster")
    .option("--namespace <name>", "SSHKeys of this namespace only; repeat for several", collectNamespace)
    .option("--output <file>", "the list that keys are added to")
    .option(
      "--config-map <namespace/name/key>",
      "the same in a data key of a ConfigMap, which must exist",
      parseConfigMap,
    )
    .addOption(kubeconfigOption())
    .addHelpText("after", HELP)
    .action(async (options: AuditOptions) => (await import("./audit.ts")).audit(options, signal));
}

function parseConfigMap(text: string): ConfigMapKey {
  const [namespace = "", name = "", key = "", ...more] = text.split("/");
  if (!isDNSLabel(namespace) || name === "" || !/^[-._a-zA-Z0-9]+$/.test(key) || more.length > 0)
    throw new InvalidArgumentError("Give NAMESPACE/NAME/KEY.");
  return { namespace, name, key };
}
