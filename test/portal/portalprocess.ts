import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "main.cjs");

/** The built portal, running as its own process. */
export interface PortalProcess {
  /** Where it listens, ending in `/`. */
  readonly url: string;
  /** Where its metrics are. */
  readonly metricsURL: string;
  readonly child: Child;
  /** All that it has written. */
  log(): Promise<string>;
  /** Sends SIGTERM and gives the exit code. */
  stop(): Promise<number | null>;
}

export interface PortalProcessOptions {
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Content of the configuration file. */
  readonly config?: string;
  readonly args?: readonly string[];
}

/** Starts the portal and waits until it is ready. */
export async function startPortal(o: PortalProcessOptions): Promise<PortalProcess> {
  const folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  const logFile = join(folder, "portal.log");
  const given = ["--kubeconfig", o.kubeconfig, "--namespace", o.namespace, "--listen", "127.0.0.1:0"];
  given.push("--metrics-bind-address", "127.0.0.1:0");
  const args = [BUNDLE, "portal", ...given, "--log-level", "debug", ...(o.args ?? [])];
  if (o.config !== undefined) {
    await writeFile(join(folder, "config.yaml"), o.config);
    args.push("--config", join(folder, "config.yaml"));
  }
  const child = spawnChild({ name: "portal", command: process.execPath, args, logFile });
  const log = () => readFile(logFile, "utf8");
  let hasEnded = false;
  void child.exited.then(() => {
    hasEnded = true;
  });
  const address = await eventually("the portal listens, or has ended", async () => {
    const text = await log();
    if (hasEnded) return text;
    return /"event":"PortalStarted".*"address":"([^"]+)"/.exec(text)?.[1];
  });
  const scrape = /"metrics":"([^"]+)"/.exec(await log())?.[1];
  const url = `http://${address}/`;
  await eventually("the portal is ready", async () => (await fetch(`${url}readyz`)).ok);
  return {
    url,
    metricsURL: `http://${scrape}/metrics`,
    child,
    log,
    async stop() {
      child.kill("SIGTERM");
      const { code } = await child.exited;
      await rm(folder, { recursive: true });
      return code;
    },
  };
}
