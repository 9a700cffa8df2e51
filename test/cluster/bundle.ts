import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Builds the bundle once before the tests that run it. */
export default function setup(): void {
  const root = join(import.meta.dirname, "..", "..");
  execFileSync(process.execPath, [join(root, "tools", "build.ts")], { cwd: root, stdio: "inherit" });
}
