import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findBinaries } from "../controlplane/binaries.ts";
import { BuildError } from "../controlplane/build.ts";
import { findGoTool } from "../controlplane/gotool.ts";
import { Cluster } from "./cluster.ts";
import { CommandError } from "./command.ts";
import { type Engine, EngineError, type ImageSource } from "./engine.ts";
import { withLocalImages } from "./local.ts";
import { publishedImages } from "./published.ts";

// The end-to-end tests: makes a cluster of one node, loads the images, runs test/e2e/ against it, and removes it.
// With E2E_EXISTING=true it uses the cluster of KUBECONFIG, whose nodes must be able to pull E2E_OPERATOR_IMAGE and
// E2E_SSHD_IMAGE. Exit code 0 when all tests passed.
const REPOSITORY = resolve(import.meta.dirname, "..");
const OPERATOR_IMAGE = "docker.io/library/sshkey-operator:e2e";
/** As the examples name it. */
const SSHD_IMAGE = "registry.example.com/bastion:1";

const say = (line: string) => {
  process.stderr.write(`${line}\n`);
};
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // The second one does not wait until the cluster is deleted.
  process.on(signal, () => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort()));
}

const scratch = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
const run = { logs: join(scratch, "logs"), progress: say, signal: interrupt.signal };
try {
  process.exitCode = process.env.E2E_EXISTING === "true" ? await onExistingCluster() : await onNewCluster();
} catch (error) {
  if (interrupt.signal.aborted) process.exit(130);
  if (![EngineError, CommandError, BuildError].some((known) => error instanceof known)) throw error;
  say((error as Error).message);
  process.exitCode = 1;
} finally {
  // Logs stay for whoever looks for the cause.
  if (process.exitCode === 0 || !existsSync(run.logs)) rmSync(scratch, { recursive: true });
}

async function onExistingCluster(): Promise<number> {
  const { KUBECONFIG = join(homedir(), ".kube", "config"), E2E_OPERATOR_IMAGE, E2E_SSHD_IMAGE } = process.env;
  if (!E2E_OPERATOR_IMAGE || !E2E_SSHD_IMAGE) {
    throw new EngineError(
      "E2E_EXISTING is true: set E2E_OPERATOR_IMAGE and E2E_SSHD_IMAGE to what the nodes of the cluster of KUBECONFIG can pull (Dockerfile, examples/bastion-image)",
    );
  }
  return suite([process.execPath], { ...process.env, KUBECONFIG });
}

async function onNewCluster(): Promise<number> {
  const published = await publishedImages(run);
  return published === undefined ? withLocalImages(run, REPOSITORY, onCluster) : onCluster(published);
}

async function onCluster(engine: Engine): Promise<number> {
  // Side by side: the images are compiled and compressed while the cluster waits for itself.
  const [built, created] = await Promise.allSettled([
    buildImages(engine),
    Cluster.create(engine, scratch, run),
  ]);
  if (created.status === "rejected") throw created.reason;
  const cluster = created.value;
  try {
    if (built.status === "rejected") throw built.reason;
    for (const { archive } of built.value) {
      await cluster.load(archive);
      rmSync(archive);
    }
    const code = await suite(engine.within([process.execPath]), {
      ...engine.env,
      KUBECONFIG: cluster.kubeconfig,
      E2E_OPERATOR_IMAGE: OPERATOR_IMAGE,
      E2E_SSHD_IMAGE: SSHD_IMAGE,
      E2E_RESTART_NODE: JSON.stringify(cluster.restartCommand()),
    });
    if (code !== 0) await cluster.exportLogs(join(run.logs, "cluster"));
    return code;
  } finally {
    await cluster.delete();
  }
}

async function buildImages(engine: Engine): Promise<readonly ImageSource[]> {
  const images = [
    {
      name: OPERATOR_IMAGE,
      dockerfile: join(REPOSITORY, "Dockerfile"),
      context: REPOSITORY,
      archive: join(scratch, "sshkey-operator.tar"),
    },
    {
      name: SSHD_IMAGE,
      dockerfile: join(REPOSITORY, "examples", "bastion-image", "Dockerfile"),
      context: join(REPOSITORY, "examples", "bastion-image"),
      archive: join(scratch, "sshd.tar"),
    },
  ];
  for (const image of images) await engine.buildImage(image);
  return images;
}

/** Runs the tests by the Node whose command line is given; their exit code. */
async function suite(node: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const binaries = await findBinaries({ names: ["kubectl"], progress: say });
  await findGoTool("helm", { progress: say });
  const vitest = join(REPOSITORY, "node_modules", "vitest", "vitest.mjs");
  const config = join(REPOSITORY, "test", "e2e", "vitest.config.ts");
  const left = env.E2E_RESTART_NODE === undefined ? ["--exclude", "test/e2e/noderestart.test.ts"] : [];
  if (left.length > 0)
    say("left out, because this cluster's node cannot be restarted from here: noderestart.test.ts");
  const [command = "", ...args] = [
    ...node,
    vitest,
    "run",
    "--config",
    config,
    ...left,
    ...process.argv.slice(2),
  ];
  const child = spawn(command, args, {
    stdio: "inherit",
    env: { ...env, KUBECTL: join(binaries, "kubectl") },
  });
  interrupt.signal.addEventListener("abort", () => child.kill());
  const [code] = await once(child, "exit");
  return code ?? 1;
}
