import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BinariesError, findBinaries } from "../controlplane/binaries.ts";
import { BuildError } from "../controlplane/build.ts";
import { findGoTool } from "../controlplane/gotool.ts";
import { Cluster } from "./cluster.ts";
import { CommandError } from "./command.ts";
import { type Engine, EngineError, type ImageSource } from "./engine.ts";
import { withLocalImages } from "./local.ts";
import { publishedImages } from "./published.ts";

// The end-to-end tests: makes a cluster of one node, loads the images, runs test/e2e/ against it, and removes it.
// With E2E_EXISTING=true it uses the cluster of KUBECONFIG, whose nodes must be able to pull E2E_OPERATOR_IMAGE,
// E2E_SSHD_IMAGE and E2E_ACCOUNTS_IMAGE. Exit code 0 when all tests passed.
const REPOSITORY = resolve(import.meta.dirname, "..");
const OPERATOR_IMAGE = "docker.io/library/sshkey-operator:e2e";
/** As the examples name it. */
const SSHD_IMAGE = "registry.example.com/bastion:1";
const ACCOUNTS_IMAGE = "registry.example.com/bastion-accounts:1";

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
  const isExpected = [EngineError, CommandError, BuildError, BinariesError].some(
    (known) => error instanceof known,
  );
  if (!interrupt.signal.aborted && !isExpected) throw error;
  if (!interrupt.signal.aborted) say((error as Error).message);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
} finally {
  for (const name of readdirSync(scratch).filter((each) => each !== "logs"))
    rmSync(join(scratch, name), { recursive: true });
  // Logs stay for whoever looks for the cause.
  if (process.exitCode === 0 || !existsSync(run.logs)) rmSync(scratch, { recursive: true });
}

async function onExistingCluster(): Promise<number> {
  const { KUBECONFIG = join(homedir(), ".kube", "config") } = process.env;
  const { E2E_OPERATOR_IMAGE, E2E_SSHD_IMAGE, E2E_ACCOUNTS_IMAGE } = process.env;
  if (!E2E_OPERATOR_IMAGE || !E2E_SSHD_IMAGE || !E2E_ACCOUNTS_IMAGE) {
    throw new EngineError(
      "E2E_EXISTING is true: set E2E_OPERATOR_IMAGE, E2E_SSHD_IMAGE and E2E_ACCOUNTS_IMAGE to what the nodes of the cluster of KUBECONFIG can pull (Dockerfile, examples/bastion-image, examples/bastion/image)",
    );
  }
  return suite(await findKubectl(), [process.execPath], { ...process.env, KUBECONFIG });
}

async function onNewCluster(): Promise<number> {
  const published = await publishedImages(run);
  return published === undefined ? withLocalImages(run, REPOSITORY, onCluster) : onCluster(published);
}

async function onCluster(engine: Engine): Promise<number> {
  const kubectl = await findKubectl();
  // Side by side: the images are compiled and compressed while the cluster waits for itself.
  const creating = Cluster.create(engine, scratch, run);
  const [loaded, created] = await Promise.allSettled([loadImages(engine, creating), creating]);
  if (created.status === "rejected") throw created.reason;
  const cluster = created.value;
  try {
    if (loaded.status === "rejected") throw loaded.reason;
    const code = await suite(kubectl, engine.within([process.execPath]), {
      ...engine.env,
      KUBECONFIG: cluster.kubeconfig,
      E2E_OPERATOR_IMAGE: OPERATOR_IMAGE,
      E2E_SSHD_IMAGE: SSHD_IMAGE,
      E2E_ACCOUNTS_IMAGE: ACCOUNTS_IMAGE,
      E2E_RESTART_NODE: JSON.stringify(cluster.restartCommand()),
    });
    if (code !== 0 && !interrupt.signal.aborted) await cluster.exportLogs(join(run.logs, "cluster"));
    return code;
  } finally {
    await cluster.delete();
  }
}

/** The path of kubectl. Helm, the other program that the tests run, is found or built too. */
async function findKubectl(): Promise<string> {
  await findGoTool("helm", { progress: say });
  return join(await findBinaries({ names: ["kubectl"], mayBePrebuilt: true, progress: say }), "kubectl");
}

/** Makes the images; each is loaded while the next one is made. */
async function loadImages(engine: Engine, cluster: Promise<Cluster>): Promise<void> {
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
    {
      name: ACCOUNTS_IMAGE,
      dockerfile: join(REPOSITORY, "examples", "bastion", "image", "Dockerfile"),
      context: join(REPOSITORY, "examples", "bastion", "image"),
      archive: join(scratch, "accounts.tar"),
    },
  ];
  let loading: Promise<void> = Promise.resolve();
  for (const image of images) {
    await engine.buildImage(image);
    loading = load(image, loading);
    // It is looked at when the next one is loaded, or at the end.
    loading.catch(() => undefined);
  }
  await loading;

  async function load({ archive }: ImageSource, before: Promise<void>): Promise<void> {
    await before;
    await (await cluster).load(archive);
    rmSync(archive);
  }
}

/** Runs the tests by the Node whose command line is given; their exit code. */
async function suite(kubectl: string, node: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  interrupt.signal.throwIfAborted();
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
    env: { ...env, KUBECTL: kubectl },
  });
  interrupt.signal.addEventListener("abort", () => child.kill());
  const [code] = await once(child, "exit");
  return code ?? 1;
}
