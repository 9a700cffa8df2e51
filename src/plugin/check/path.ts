import { existsSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { STDIN } from "../manifests/files.ts";

/** The folder of the repository that this folder belongs to, or the folder itself. */
export function repositoryRoot(folder: string, env: Readonly<Record<string, string | undefined>>): string {
  const { GITHUB_WORKSPACE } = env;
  if (GITHUB_WORKSPACE && !relative(GITHUB_WORKSPACE, folder).startsWith("..")) return GITHUB_WORKSPACE;
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return at;
    if (dirname(at) === at) return folder;
  }
}

/** The file as seen from the root, with slashes; undefined for one that is not below it. */
export function pathFrom(root: string, file: string): string | undefined {
  if (file === STDIN) return "stdin";
  const path = relative(root, resolve(file));
  return path === "" || path === ".." || path.startsWith(`..${sep}`) ? undefined : path.split(sep).join("/");
}

/** The file as a URI, relative to the root where it is below it. */
export function uriFrom(root: string, file: string): { readonly uri: string; readonly isRelative: boolean } {
  const path = pathFrom(root, file);
  if (path === undefined) return { uri: pathToFileURL(resolve(file)).href, isRelative: false };
  return { uri: path.split("/").map(encodeURIComponent).join("/"), isRelative: true };
}
