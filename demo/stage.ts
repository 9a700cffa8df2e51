import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { type Child, spawnChild } from "../controlplane/child.ts";
import { type ControlPlane, startControlPlane } from "../controlplane/controlplane.ts";
import { onPath } from "../controlplane/executable.ts";
import { ready } from "../controlplane/ready.ts";
import { BASTION, clear, NAMESPACE, requireVacancy } from "./guest.ts";
import { Shell, unlessInterrupted } from "./shell.ts";

const ROOT = join(import.meta.dirname, "..");
const BUNDLE = join("dist", "main.cjs");
/** No other operator to elect a leader with, no ports that somebody may have taken. */
const ALONE = ["--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0"];
const READY_MS = 180_000;
const LOG_LINES = 10;

/** A Kubernetes API with kubectl at hand, and an operator once it is started. */
export interface Stage {
  readonly kubeconfig: string;
  /** Folder of the kubectl that is used, where it is another than a shell would find. */
  readonly binaries: string | undefined;
  /** Folder for files of the demo; removed by `tearDown`. */
  readonly dir: string;
  /** Runs command lines in the root of the repository. */
  readonly shell: Shell;
  /** How the operator is started, as it would be typed. */
  readonly operatorCommand: string;
  /** Starts the operator and resolves when its caches are complete. Throws Interrupted or a StartError. */
  startOperator(): Promise<Child>;
  /** Starts the portal over the SSHKeys of the demo's namespace; gives its address when it is ready. Throws as `startOperator`. */
  startPortal(args: readonly string[]): Promise<PortalAddress>;
  /** The last lines that the operator has logged. */
  operatorLog(): readonly string[];
  /** Ends every process and removes everything that the demo has made. */
  tearDown(): Promise<void>;
}

/** A portal that is ready. */
export interface PortalAddress {
  /** Where it listens, ending in `/`. */
  readonly url: string;
  /** Path of its log. */
  readonly log: string;
}

/**
 * Starts the control plane. Throws Interrupted, a BundleMissing, an Occupied, or what `startControlPlane`
 * throws. An interrupted start leaves processes that end when this one exits.
 */
export async function openStage(signal: AbortSignal): Promise<Stage> {
  if (!existsSync(join(ROOT, BUNDLE))) {
    throw new BundleMissing();
  }
  const controlPlane = await unlessInterrupted(startControlPlane({ ownKubectl: true }), signal);
  try {
    const stage = assemble(controlPlane, signal);
    if (controlPlane.existing) await requireVacancy(stage.shell, signal);
    return stage;
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}

/** The operator has not been built. */
class BundleMissing extends Error {
  override readonly name = "BundleMissing";
  readonly code = "BUNDLE_MISSING";

  constructor() {
    super(`${BUNDLE} is missing: run \`make build\``);
  }
}

/** How the portal is started, as it would be typed after `node`. */
export function portalArguments(given: readonly string[]): readonly string[] {
  return [BUNDLE, "portal", "--namespace", NAMESPACE, "--metrics-bind-address=0", ...given];
}

function assemble(controlPlane: ControlPlane, signal: AbortSignal): Stage {
  const { dir, kubeconfig, existing } = controlPlane;
  const isOnPath = onPath("kubectl", process.env) === controlPlane.kubectl;
  const binaries = isOnPath ? undefined : dirname(controlPlane.kubectl);
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    ...(binaries === undefined ? {} : { PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}` }),
    // Neither read a person's preferences nor leave a cache in the home folder.
    KUBERC: "off",
    KUBECACHEDIR: join(dir, "kubectl"),
  };
  const shell = new Shell({ cwd: ROOT, env, dir });
  // In somebody's cluster the operator is to see nothing but what the demo has made.
  const args = [
    BUNDLE,
    "run",
    ...ALONE,
    ...(existing ? ["--namespace", NAMESPACE, "--namespace", BASTION] : []),
  ];
  let operator: Child | undefined;
  let portal: Child | undefined;
  const start = (name: string, given: readonly string[]) =>
    spawnChild({
      name,
      command: process.execPath,
      args: given,
      env,
      cwd: ROOT,
      logFile: join(dir, `${name}.log`),
    });
  return {
    kubeconfig,
    binaries,
    dir,
    shell,
    operatorCommand: ["node", ...args].join(" "),
    async startOperator() {
      const started = start("operator", args);
      operator = started;
      const isSynced = async () => (started.output().includes('"event":"Synced"') ? true : undefined);
      await unlessInterrupted(ready(started, isSynced, READY_MS), signal);
      return started;
    },
    async startPortal(given) {
      const started = start("portal", portalArguments(given));
      portal = started;
      const address = async () => {
        const bound = /"event":"PortalStarted".*?"address":"([^"]+)"/.exec(started.output())?.[1];
        if (bound === undefined) return undefined;
        const { ok } = await fetch(`http://${bound}/readyz`);
        return ok ? `http://${bound}/` : undefined;
      };
      const url = await unlessInterrupted(ready(started, address, READY_MS), signal);
      return { url, log: started.log };
    },
    operatorLog: () => operator?.output().trimEnd().split("\n").slice(-LOG_LINES) ?? [],
    async tearDown() {
      await portal?.stop();
      await operator?.stop();
      if (existing) await clear(shell);
      await controlPlane.stop();
    },
  };
}
