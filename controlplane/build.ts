import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { withLock } from "./lock.ts";
import { lastLines, runChild } from "./runchild.ts";
import { timeLeft } from "./timeleft.ts";

export interface BuildOptions {
  /** The folder whose go.mod pins the sources. */
  readonly module: string;
  /** What is built, for a person: "Kubernetes v1.36.3". */
  readonly title: string;
  /** How long a build takes, and what to do where there is no Go: sentences for a person. */
  readonly duration: string;
  readonly withoutGo: string;
  /** Go packages by the name of the binary that each makes. */
  readonly packages: Readonly<Record<string, string>>;
  /** Of the linker, beside those that leave out symbols. */
  readonly linkerFlags?: string;
  /** Where the binaries go. Made if need be. */
  readonly folder: string;
  /** Names of the binaries to build. */
  readonly missing: () => readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Called with each line that tells a person how the build goes. */
  readonly progress: (line: string) => void;
}

/**
 * Builds what is missing in the folder from pinned Go modules. A binary appears under its name only when it is
 * whole. While another process builds into the same folder it waits and then builds only what is still missing.
 * Throws a BuildError.
 */
export async function buildBinaries(o: BuildOptions): Promise<void> {
  await checkGo(o);
  mkdirSync(o.folder, { recursive: true });
  const waiting = () => o.progress(`waiting for another build into ${o.folder}`);
  await withLock(join(o.folder, ".lock"), waiting, async () => {
    removeLeftovers(o.folder);
    const names = o.missing();
    if (names.length === 0) {
      return;
    }
    o.progress(`building ${o.title} into ${o.folder}`);
    o.progress(o.duration);
    const scratch = mkdtempSync(join(o.folder, SCRATCH));
    try {
      const packages = await countPackages(o, names, scratch);
      const started = Date.now();
      let compiled = 0;
      for (const [index, name] of names.entries()) {
        const left = (more: number) => timeLeft(Date.now() - started, compiled + more, packages);
        compiled += await build(o, {
          name,
          label: `${name} (${index + 1} of ${names.length})`,
          scratch,
          left,
        });
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
}

/** Where everything is kept that is built once on a machine. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache");
  return join(base, "sshkey-operator");
}

/** Go is missing or too old, or it could not build. */
export class BuildError extends Error {
  readonly code: "GO_MISSING" | "BUILD_FAILED";

  constructor(code: BuildError["code"], message: string) {
    super(message);
    this.name = "BuildError";
    this.code = code;
  }
}

const SCRATCH = ".building-";
const LEFTOVER_MS = 60 * 60 * 1000;

/** A build that was killed leaves its scratch folder; one younger than an hour may still be in use. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder).filter((name) => name.startsWith(SCRATCH))) {
    const path = join(folder, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > LEFTOVER_MS) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

/** How many packages make these binaries. Go downloads their modules for it. */
async function countPackages(o: BuildOptions, names: readonly string[], scratch: string): Promise<number> {
  const goPackages = names.map((name) => o.packages[name] ?? name);
  const label = `the Go modules of ${names.join(", ")}`;
  const { output } = await go(
    o,
    ["list", "-deps", ...goPackages],
    join(scratch, "list.log"),
    label,
    () => "",
  );
  return packagesIn(output);
}

/** The import paths, one a line, among what Go says of its downloads. */
function packagesIn(output: string): number {
  return output.match(/^[^\s:]+$/gm)?.length ?? 0;
}

interface Binary {
  readonly name: string;
  readonly label: string;
  readonly scratch: string;
  /** How long all of the build still takes when so many packages of this binary are compiled. */
  readonly left: (compiled: number) => string;
}

/** Gives back how many packages were compiled. */
async function build(o: BuildOptions, { name, label, scratch, left }: Binary): Promise<number> {
  const goPackage = o.packages[name] ?? name;
  o.progress(`${label}: building`);
  const { output, seconds } = await go(
    o,
    [
      "build",
      "-v",
      "-mod=readonly",
      "-buildvcs=false",
      "-trimpath",
      "-ldflags",
      `-s -w ${o.linkerFlags ?? ""}`.trimEnd(),
      "-o",
      join(scratch, name),
      goPackage,
    ],
    join(scratch, `${name}.log`),
    label,
    (said) => left(packagesIn(said)),
  );
  renameSync(join(scratch, name), join(o.folder, name));
  o.progress(`${label}: built in ${seconds} s`);
  return packagesIn(output);
}

/** Runs Go, and tells every 20 s that it still does, with what `note` makes of what it has said so far. */
async function go(
  o: BuildOptions,
  args: readonly string[],
  logFile: string,
  label: string,
  note: (output: string) => string,
): Promise<{ readonly output: string; readonly seconds: number }> {
  const name = `go ${args[0]} ${args.at(-1)}`;
  const { code, output, seconds } = await runChild({
    name,
    command: "go",
    args,
    cwd: o.module,
    env: goEnvironment(o.env),
    logFile,
    heartbeat(seconds, said) {
      const more = note(said);
      o.progress(`${label}: ${seconds} s so far${more === "" ? "" : `, ${more} in all`}`);
    },
  });
  if (code === 0) return { output, seconds };
  throw new BuildError(
    "BUILD_FAILED",
    `${name} failed after ${seconds} s; what Go said last tells what to mend:\n${lastLines(output, 15)}`,
  );
}

/** The user's environment without what would make another program of the same sources. */
function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GOOS: _os, GOARCH: _arch, ...kept } = env;
  // Of the default flags, those that only say how to work, not what to build. Never empty: an empty
  // GOFLAGS would let the one stored by `go env -w` through.
  const flags = (env.GOFLAGS ?? "").split(/\s+/).filter((flag) => /^--?(modcacherw|p=\d+)$/.test(flag));
  return {
    ...kept,
    HOME: env.HOME || homedir(),
    CGO_ENABLED: "0",
    GOWORK: "off",
    GOFLAGS: ["-mod=readonly", ...flags].join(" "),
  };
}

async function checkGo(o: BuildOptions): Promise<void> {
  const version = await goVersion(o);
  const minor = Number(/\bgo1\.(\d+)/.exec(version ?? "")?.[1] ?? 0);
  if (minor < 26) {
    throw new BuildError(
      "GO_MISSING",
      `Building ${o.title} needs Go 1.26 or newer, and ${version === undefined ? "no working go is on the PATH" : `this is ${version}`}: install Go from https://go.dev/dl${o.withoutGo}.`,
    );
  }
}

/** What `go version` says, or undefined when there is no go that runs. */
async function goVersion({ module, env }: BuildOptions): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("go", ["version"], {
      cwd: module,
      env: goEnvironment(env),
    });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
