import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseDocument } from "yaml";

const ROOT = join(import.meta.dirname, "..", "..");
const CONFIG = join(ROOT, "deploy", "base", "config.yaml");

/** The shipped configuration file, with refresh.pods on. */
export async function refreshingConfig(): Promise<string> {
  const config = parseDocument(await readFile(CONFIG, "utf8"));
  config.setIn(["refresh", "pods"], true);
  return String(config);
}

/** Calls `use` with a kustomization of `folder` with deploy/refresh and the setting that needs it; `more` is put into it. */
export async function withRefresh<T>(
  folder: string,
  use: (folder: string) => Promise<T>,
  more: object = {},
): Promise<T> {
  const overlay = await mkdtemp(join(tmpdir(), "sshkey-operator-refresh-"));
  const from = (path: string) => relative(overlay, resolve(ROOT, path));
  const config = { namespace: "sshkey-operator", behavior: "merge", files: ["config.yaml"] };
  const kustomization = {
    resources: [from(folder)],
    components: [from("deploy/refresh")],
    configMapGenerator: [
      { name: "sshkey-operator-config", ...config },
      { name: "sshkey-operator-policy", ...config, options: { disableNameSuffixHash: true } },
    ],
    ...more,
  };
  try {
    await writeFile(join(overlay, "config.yaml"), await refreshingConfig());
    await writeFile(join(overlay, "kustomization.yaml"), JSON.stringify(kustomization));
    return await use(overlay);
  } finally {
    await rm(overlay, { recursive: true });
  }
}
