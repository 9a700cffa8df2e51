import { BinariesError, findBinaries, locate } from "./binaries.ts";
import { BuildError } from "./build.ts";

// Finds or builds the control plane's binaries. Its last line on stdout is their folder; all else goes to
// stderr. Exit code 1 when they are neither there nor can be built.
const say = (line: string) => {
  process.stderr.write(`${line}\n`);
};

const SOURCES = {
  "existing cluster":
    "USE_EXISTING_CLUSTER is true: the cluster of KUBECONFIG is used, nothing is built; kubectl is in",
  KUBEBUILDER_ASSETS: "the folder that KUBEBUILDER_ASSETS names:",
  cache: "the cache folder:",
};

try {
  const folder = await findBinaries({ progress: say });
  say(SOURCES[locate(process.env).source]);
  process.stdout.write(`${folder}\n`);
} catch (error) {
  if (!(error instanceof BinariesError || error instanceof BuildError)) {
    throw error;
  }
  say(error.message);
  process.exitCode = 1;
}
