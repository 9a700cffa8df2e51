import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { onPath } from "../../../controlplane/executable.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** How long apt-get waits for another one to end, in s. */
const LOCK_S = 600;

/**
 * The path of a Chromium: where `CHROMIUM` points, else on the PATH. On a Debian-like system root gets the distribution's,
 * which is installed first. Throws an Error that says what to install.
 */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string {
  const found = () => env.CHROMIUM || NAMES.map((name) => onPath(name, env)).find(Boolean);
  const path = found() ?? (install(env) ? found() : undefined);
  if (path === undefined)
    throw new Error(
      "there is no browser to test with: install chromium (Debian: apt-get install chromium), or set CHROMIUM to the path of one",
    );
  return path;
}

function install(env: NodeJS.ProcessEnv): boolean {
  if (process.getuid?.() !== 0 || onPath("apt-get", env) === undefined) return false;
  process.stderr.write("installing chromium for the tests in a real browser\n");
  const apt = (...args: readonly string[]) =>
    spawnSync("apt-get", ["--quiet=2", "--option", `DPkg::Lock::Timeout=${LOCK_S}`, ...args], {
      env: { ...env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"],
    }).status === 0;
  // Lists that cannot be fetched anew may be good enough.
  apt("update");
  return apt("install", "--yes", "--no-install-recommends", "chromium");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    process.stdout.write(`${findChromium()}\n`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
