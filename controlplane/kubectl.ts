import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { versionOf } from "./versionof.ts";

/** The path of the kubectl that a shell would start, if any. */
export function kubectlOnPath(env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "kubectl")).find(isExecutable);
}

/**
 * The path of that kubectl if Kubernetes supports it with an API server of this version: it may be one minor release
 * older or newer (https://kubernetes.io/releases/version-skew-policy/).
 */
export async function usableKubectl(env: NodeJS.ProcessEnv, server: string): Promise<string | undefined> {
  const path = kubectlOnPath(env);
  const client = path && (await versionOf(path));
  if (client === undefined || client === "") return undefined;
  const [[clientMajor, clientMinor], [major, minor]] = [numbersOf(client), numbersOf(server)];
  return clientMajor === major && Math.abs(clientMinor - minor) <= 1 ? path : undefined;
}

function numbersOf(version: string): readonly [major: number, minor: number] {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  return [Number(major), Number(minor)];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
