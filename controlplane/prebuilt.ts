import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { Agent as HttpAgent, get as httpGet } from "node:http";
import { Agent as HttpsAgent, get as httpsGet } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { BuildError } from "./build.ts";
import { findGoTool } from "./gotool.ts";
import { withLock } from "./lock.ts";
import { runChild } from "./runchild.ts";
import { versionOf } from "./versionof.ts";

/** What an archive of the envtest index holds. */
export const PREBUILT = ["etcd", "kube-apiserver", "kubectl"] as const;

/** The index that setup-envtest uses unless told otherwise. It lists no release of Kubernetes on the day it comes out. */
const INDEX = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml";
const INDEX_MS = 5000;
/** About what a build takes. */
const FETCH_MS = 300_000;

export interface PrebuiltOptions {
  /** The pinned version of Kubernetes, with its leading v. */
  readonly version: string;
  /** Where the binaries go. Made if need be. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called with each line that tells a person how it goes. */
  readonly progress: (line: string) => void;
}

/**
 * Fetches etcd, kube-apiserver and kubectl of the pinned minor release into the folder, with setup-envtest, which
 * compares the archive with the checksum in the index; false where that cannot be. Whether the index has them is decided
 * within five seconds, before anything is built for it. Of the minor release the pinned patch is taken, or else the
 * newest that the index has; a binary that says to be of any other version is none.
 */
export async function fetchPrebuilt(o: PrebuiltOptions): Promise<boolean> {
  const { env, progress } = o;
  if (env.ENVTEST_INSTALLED_ONLY) return false;
  const index = env.ENVTEST_INDEX || INDEX;
  try {
    const version = newestOf(o.version, await read(index, env));
    if (version === undefined)
      throw new PrebuiltError(`${index} has no Kubernetes ${minorOf(o.version)} for ${platform()}`);
    const note = version === o.version ? "" : `, the newest of its minor release there; ${o.version} is not`;
    progress(`fetching Kubernetes ${version} from ${index}${note}`);
    const tool = await findGoTool("setup-envtest", { env, progress });
    mkdirSync(o.folder, { recursive: true });
    const waiting = () => progress(`waiting for another download into ${o.folder}`);
    await withLock(join(o.folder, ".lock"), waiting, () => fetchInto(o, { tool, index, version }));
    return true;
  } catch (error) {
    if (!(error instanceof PrebuiltError || error instanceof BuildError)) throw error;
    progress(`no prebuilt binaries: ${error.message}`);
    return false;
  }
}

/** Prebuilt binaries cannot be had; the message says why. */
class PrebuiltError extends Error {}

/** The text of the index, for which there are five seconds in all. */
async function read(index: string, env: NodeJS.ProcessEnv): Promise<string> {
  const isSecure = index.startsWith("https:");
  const agent = isSecure ? new HttpsAgent({ proxyEnv: env }) : new HttpAgent({ proxyEnv: env });
  const signal = AbortSignal.timeout(INDEX_MS);
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      const request = (isSecure ? httpsGet : httpGet)(index, { agent, signal }, (response) => {
        response.once("error", reject);
        if (response.statusCode === 200) text(response).then(resolve, reject);
        else reject(new Error(`HTTP status ${response.statusCode}`));
      });
      request.once("error", reject);
    });
    return answer;
  } catch (error) {
    const reason = signal.aborted ? "no answer within 5 s" : error instanceof Error ? error.message : error;
    throw new PrebuiltError(`${index} cannot be read (${reason})`);
  } finally {
    agent.destroy();
  }
}

/** The pinned version if the index has an archive of it for this machine, else the newest patch of its minor release. */
function newestOf(pinned: string, index: string): string | undefined {
  const minor = minorOf(pinned);
  const archive = /\benvtest-v(\d+\.\d+)\.(\d+)-(\w+-\w+)\.tar\.gz\b/g;
  const patches = [...index.matchAll(archive)]
    .filter(([, ofMinor, , ofPlatform]) => ofMinor === minor && ofPlatform === platform())
    .map(([, , patch]) => Number(patch));
  const versions = patches.sort((a, b) => b - a).map((patch) => `v${minor}.${patch}`);
  return versions.includes(pinned) ? pinned : versions[0];
}

function minorOf(version: string): string {
  return version.replace(/^v(\d+\.\d+)\..*$/, "$1");
}

/** As Go names it. */
function platform(): string {
  return `${process.platform}-${process.arch.replace("x64", "amd64")}`;
}

async function fetchInto(
  o: PrebuiltOptions,
  { tool, index, version }: { readonly tool: string; readonly index: string; readonly version: string },
): Promise<void> {
  if (PREBUILT.every((name) => existsSync(join(o.folder, name)))) return;
  const scratch = mkdtempSync(join(o.folder, ".fetching-"));
  const bare = version.slice(1);
  const unpacked = join(scratch, "k8s", `${bare}-${platform()}`);
  try {
    await runTool(o, tool, ["use", bare, "--index", index, "--bin-dir", scratch, "--print", "path"], scratch);
    for (const name of PREBUILT) await check(name, unpacked, version);
    // setup-envtest leaves a folder that nobody may change.
    chmodSync(unpacked, 0o755);
    for (const name of PREBUILT) renameSync(join(unpacked, name), join(o.folder, name));
  } finally {
    if (existsSync(unpacked)) chmodSync(unpacked, 0o755);
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runTool(o: PrebuiltOptions, tool: string, args: string[], scratch: string): Promise<void> {
  const { ENVTEST_USE_ENV: _, ...env } = o.env;
  const { code, signal, output, seconds } = await runChild({
    name: "setup-envtest",
    command: tool,
    args,
    env,
    logFile: join(scratch, "setup-envtest.log"),
    heartbeat: (seconds) => o.progress(`still fetching, ${seconds} s`),
    signal: AbortSignal.timeout(FETCH_MS),
  });
  if (code !== 0) {
    const said = output.split("\n").filter((line) => line.trim() !== "");
    throw new PrebuiltError(
      signal === null ? said.slice(-2).join(" ") : `not fetched within ${FETCH_MS / 60_000} min`,
    );
  }
  o.progress(`fetched in ${seconds} s`);
}

/** Only a binary that runs here and is of the version that was asked for is taken. */
async function check(name: (typeof PREBUILT)[number], folder: string, version: string): Promise<void> {
  const said = await versionOf(join(folder, name));
  // etcd has versions of its own.
  const isRight = name === "etcd" ? said !== undefined : said === version;
  if (!isRight)
    throw new PrebuiltError(
      `${name} of ${version} ${said === undefined ? "does not run here" : `says to be ${said}`}`,
    );
}
