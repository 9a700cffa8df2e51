import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** The folder of kind's sources, at the version that is pinned: they come with the files that its nodes have. */
export function kindModule(): string {
  const cwd = join(import.meta.dirname, "..", "controlplane", "gotools", "kind");
  const args = ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind"];
  return execFileSync("go", args, { cwd, encoding: "utf8", env: { ...process.env, GOWORK: "off" } }).trim();
}
