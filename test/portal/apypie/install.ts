import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../../controlplane/build.ts";
import { run } from "../../cluster/run.ts";

/** The folder of packages with apypie in it: made once, with what requirements.txt pins by digest. Throws an Error that says what is missing. */
export async function apypiePackages(): Promise<string> {
  const requirements = join(import.meta.dirname, "requirements.txt");
  const digest = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  const folder = join(cacheFolder(process.env), `apypie-${digest.slice(0, 16)}`);
  const packages = join(folder, "packages");
  if (!existsSync(folder)) {
    const made = `${folder}.${process.pid}`;
    await mkdir(made, { recursive: true });
    const options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"];
    const to = ["--target", join(made, "packages"), "--requirement", requirements];
    await python(["-m", "pip", "install", ...options, ...to]);
    // Another process may have been faster.
    await rename(made, folder).catch(() => rm(made, { recursive: true }));
  }
  return packages;
}

/** Runs python3 to its end and gives what it printed. */
export async function python(args: readonly string[], path = ""): Promise<string> {
  const env = { ...process.env, PYTHONPATH: path };
  const { code, stdout, stderr } = await run("python3", args, { env }).catch((cause: unknown) => {
    throw new Error("python3 cannot be started: install Python 3.10 or newer, with pip", { cause });
  });
  if (code !== 0) throw new Error(`python3 ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
