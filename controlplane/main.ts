import { BINARIES, BinariesError, findBinaries, locate } from "./binaries.ts";
import { BuildError } from "./build.ts";
import { findTools } from "./tools.ts";

// Finds or builds the control plane's binaries: exactly the pinned version or, with --prebuilt, prebuilt ones where they
// can be had; with --demo only what the demo takes. Its last line on stdout is their folder; all else goes to stderr.
// Exit code 1 when they are neither there nor can be built.
const isDemo = process.argv.includes("--demo");
const mayBePrebuilt = isDemo || process.argv.includes("--prebuilt");
const say = (line: string) => {
  process.stderr.write(`${line}\n`);
};

const SOURCES = {
  "existing cluster":
    "USE_EXISTING_CLUSTER is true: the cluster of KUBECONFIG is used, nothing is built; kubectl is in",
  KUBEBUILDER_ASSETS: "the folder that KUBEBUILDER_ASSETS names:",
  cache: "the cache folder:",
  prebuilt: "the cache folder of prebuilt binaries:",
};

try {
  const { folder, names } = isDemo
    ? await findTools({ ownKubectl: true }, say)
    : { folder: await findBinaries({ mayBePrebuilt, progress: say }), names: BINARIES };
  say(SOURCES[locate(process.env, names, mayBePrebuilt).source]);
  process.stdout.write(`${folder}\n`);
} catch (error) {
  if (!(error instanceof BinariesError || error instanceof BuildError)) {
    throw error;
  }
  say(error.message);
  process.exitCode = 1;
}
