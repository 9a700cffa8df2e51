import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError, buildBinaries, cacheFolder } from "./build.ts";
import { isExecutable } from "./executable.ts";

/** Programs of others that tests and releases run, by their Go package. Each is pinned in `gotools/NAME/go.mod`. */
const TOOLS = {
  helm: "helm.sh/helm/v4/cmd/helm",
  kind: "sigs.k8s.io/kind",
  krew: "sigs.k8s.io/krew/cmd/krew",
  "setup-envtest": "sigs.k8s.io/controller-runtime/tools/setup-envtest",
};

export interface GoToolOptions {
  /** Called with each line that tells a person how a build goes. */
  readonly progress?: (line: string) => void;
  /** In place of the process' own environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The path of the pinned version of a tool: in the cache folder, built first if need be. One on the PATH is not
 * looked at, since its version decides what it does. Throws a BuildError.
 */
export async function findGoTool(name: keyof typeof TOOLS, o: GoToolOptions = {}): Promise<string> {
  const { env = process.env } = o;
  const module = join(import.meta.dirname, "gotools", name);
  const version = requiredVersion(join(module, "go.mod"), TOOLS[name]);
  const folder = join(cacheFolder(env), "gotools", `${name}-${version}`);
  const path = join(folder, name);
  if (!isExecutable(path)) {
    await buildBinaries({
      module,
      title: `${name} ${version}`,
      duration: "with an empty Go build cache this takes up to two minutes on two cores; it is done once",
      withoutGo: "",
      packages: TOOLS,
      folder,
      missing: () => (isExecutable(path) ? [] : [name]),
      env,
      progress: o.progress ?? (() => undefined),
    });
  }
  return path;
}

/** The version that a go.mod requires of the module that has the package, with its leading v. */
function requiredVersion(file: string, goPackage: string): string {
  const required = [...readFileSync(file, "utf8").matchAll(/^(?:require )?\s*(\S+) (v\S+)/gm)];
  const version = required.find(([, module = "-"]) => `${goPackage}/`.startsWith(`${module}/`))?.[2];
  if (version === undefined) {
    throw new Error(`${file} requires no module of ${goPackage}: restore it from version control`);
  }
  return version;
}

/** `node controlplane/gotool.ts NAME` finds or builds a tool: its path is on stdout, all else on stderr. */
async function main(name: string): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  try {
    if (isTool(name)) process.stdout.write(`${await findGoTool(name, { progress: say })}\n`);
    else throw new BuildError("BUILD_FAILED", `no tool ${name}; there are ${Object.keys(TOOLS).join(", ")}`);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

function isTool(name: string): name is keyof typeof TOOLS {
  return Object.hasOwn(TOOLS, name);
}

if (import.meta.main) await main(process.argv[2] ?? "");
