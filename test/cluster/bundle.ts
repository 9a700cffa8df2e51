import { execFileSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** Builds dist/main.cjs, unless whoever started this process has just done so and says it with BUNDLE=built. */
export function buildBundle(): void {
  if (process.env.BUNDLE === "built") return;
  execFileSync(process.execPath, [join(ROOT, "tools", "build.ts")], { cwd: ROOT, stdio: "inherit" });
}
