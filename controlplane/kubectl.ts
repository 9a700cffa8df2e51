import { onPath } from "./executable.ts";
import { versionOf } from "./versionof.ts";

/**
 * The path of the kubectl that a shell would start, if Kubernetes supports it with an API server of this version: it may be one minor release
 * older or newer (https://kubernetes.io/releases/version-skew-policy/).
 */
export async function usableKubectl(env: NodeJS.ProcessEnv, server: string): Promise<string | undefined> {
  const path = onPath("kubectl", env);
  const client = path && (await versionOf(path));
  if (client === undefined || client === "") return undefined;
  const [[clientMajor, clientMinor], [major, minor]] = [numbersOf(client), numbersOf(server)];
  return clientMajor === major && Math.abs(clientMinor - minor) <= 1 ? path : undefined;
}

function numbersOf(version: string): readonly [major: number, minor: number] {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  return [Number(major), Number(minor)];
}
