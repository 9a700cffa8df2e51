import { ListError } from "../blocklist/listerror.ts";
import { readSettings } from "../config/configfile.ts";
import { ConfigError, type Settings } from "../config/settings.ts";
import { Credentials } from "../kube/credentials.ts";
import { KubeConfigError } from "../kube/kubeconfig.ts";
import type { ProcessMetrics } from "../kube/processmetrics.ts";
import { Transport } from "../kube/transport.ts";
import { VERSION } from "../version.ts";
import { EXIT, ExitError } from "./exitcodes.ts";

/** The settings of the configuration file; the namespaces of the flag count, where there are some. Throws an ExitError. */
export function configure(file: string | undefined, namespaces?: readonly string[]): Settings {
  try {
    return readSettings(file, namespaces);
  } catch (error) {
    throw asExit(error);
  }
}

/** How to reach the cluster: by the kubeconfig, or as Credentials find it. Throws an ExitError. */
export function connect(kubeconfig: string | undefined, connections: number): Credentials {
  try {
    return new Credentials({ connections, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  } catch (error) {
    if (error instanceof KubeConfigError) throw new ExitError(EXIT.configuration, error.message);
    throw error;
  }
}

/** How the program speaks to that API server, which is told its name and release. `metrics` count what it asks. */
export function transportFor(credentials: Credentials, program: string, metrics?: ProcessMetrics): Transport {
  const { host } = credentials.server;
  return new Transport({
    credentials,
    userAgent: `${program}/${VERSION}`,
    ...(metrics && { onRequest: (observation) => metrics.requestFinished(observation, host) }),
  });
}

/** A mistake in the configuration, or a list that is none, ends the process with its exit code; all else is as it was. */
export function asExit(error: unknown): unknown {
  const isMistake = error instanceof ConfigError || error instanceof ListError;
  return isMistake ? new ExitError(EXIT.configuration, error.message) : error;
}
