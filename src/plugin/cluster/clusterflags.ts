import type { Command } from "commander";
import type { ClientOverrides } from "../../kube/clientconfig.ts";
import { collect, FoundOption } from "../command.ts";
import { PluginError } from "../session/session.ts";

/** kubectl's flags of the same names, with its meaning. Its --user is missing: here that is the user of keys. */
export interface ClusterFlags extends ClientOverrides {
  readonly allNamespaces?: boolean;
  readonly requestTimeout?: string;
}

/** Added last: what the command alone has stands first in its help. */
export function addClusterFlags(command: Command): Command {
  return command
    .optionsGroup("Cluster, as in kubectl:")
    .addOption(
      new FoundOption(
        "-n, --namespace <name>",
        "namespace to work in (default: that of the context)",
        "namespaces",
      ),
    )
    .option("--kubeconfig <file>", "kubeconfig file to use")
    .addOption(new FoundOption("--context <name>", "context of the kubeconfig to use", "contexts"))
    .addOption(new FoundOption("--cluster <name>", "cluster of the kubeconfig to use", "clusters"))
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
    .option("--as-user-extra <key=value>", "extra field to impersonate; may be repeated", collect)
    .option(
      "--request-timeout <duration>",
      "how long to wait for one answer of the API server, as 30s, 2m or seconds; 0: for ever",
      "30s",
    );
}

/** How long one answer may take, in ms, as kubectl reads it: a duration of Go's or whole seconds; 0 is for ever. */
export function deadlineOf({ requestTimeout = "30s" }: ClusterFlags): number {
  const parts = [...requestTimeout.matchAll(/(\d{1,9}(?:\.\d{1,9})?)(ms|[smh])/g)];
  const isDuration = parts.length > 0 && parts.map(([part]) => part).join("") === requestTimeout;
  if (!isDuration && !/^\d+$/.test(requestTimeout))
    throw new PluginError(`--request-timeout ${requestTimeout}: give a duration such as 30s or 2m`);
  const ms = isDuration
    ? parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0)
    : Number(requestTimeout) * 1000;
  return ms === 0 ? LONGEST_TIMER_MS : Math.min(ms, LONGEST_TIMER_MS);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** 24 days: what Node's timers can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function addAllNamespaces(command: Command): Command {
  return command.option("-A, --all-namespaces", "in all namespaces");
}
