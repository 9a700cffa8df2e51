import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Run, runCommand } from "./command.ts";
import type { Engine, ImageSource } from "./engine.ts";

const PROVIDERS = ["docker", "podman"] as const;
/** Asked without credentials it says 401, which is an answer. */
const REGISTRY = "https://registry-1.docker.io/v2/";
const DEADLINE_MS = 5000;

/** The machine's own Docker or podman, if one works and can pull images; decided within 10 s. */
export async function publishedImages(base: Run): Promise<Engine | undefined> {
  const provider = await workingProvider();
  if (provider === undefined || !(await isRegistryReachable())) return undefined;
  const run = (title: string, ...command: string[]) => runCommand({ ...base, title, command });
  return {
    provider,
    env: { ...process.env, KIND_EXPERIMENTAL_PROVIDER: provider },
    within: (command) => [...command],
    async buildImage({ name, dockerfile, context, archive }: ImageSource) {
      await run(`building ${name}`, provider, "build", "--tag", name, "--file", dockerfile, context);
      await run(`saving ${name}`, provider, "save", "--output", archive, name);
    },
  };
}

/** The client alone, without a daemon that runs, is not enough. */
async function workingProvider(): Promise<Engine["provider"] | undefined> {
  for (const provider of PROVIDERS) {
    try {
      // podman may be installed under docker's name, which kind tells apart by this, too.
      const { stdout } = await promisify(execFile)(provider, ["--version"], { timeout: DEADLINE_MS });
      if (!stdout.toLowerCase().startsWith(`${provider} version`)) continue;
      await promisify(execFile)(provider, ["info"], { timeout: DEADLINE_MS });
      return provider;
    } catch {
      // Not installed, or it does not run: the next one.
    }
  }
  return undefined;
}

async function isRegistryReachable(): Promise<boolean> {
  try {
    await fetch(REGISTRY, { signal: AbortSignal.timeout(DEADLINE_MS) });
    return true;
  } catch {
    return false;
  }
}
