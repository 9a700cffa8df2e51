import { join } from "node:path";
import { findGoTool } from "../controlplane/gotool.ts";
import { CommandError, type Run, runCommand } from "./command.ts";
import type { Engine } from "./engine.ts";

/** A cluster of one node by kind. */
export class Cluster {
  readonly name: string;
  readonly kubeconfig: string;
  readonly #kind: string;
  readonly #engine: Engine;
  readonly #base: Run;

  private constructor(kind: string, engine: Engine, folder: string, base: Run) {
    this.#kind = kind;
    this.#engine = engine;
    this.#base = base;
    this.name = `sshkey-operator-${process.pid}`;
    this.kubeconfig = join(folder, "kubeconfig");
  }

  /** Ready when it resolves. `folder` takes its kubeconfig. */
  static async create(engine: Engine, folder: string, base: Run): Promise<Cluster> {
    const kind = await findGoTool("kind", { progress: base.progress });
    const cluster = new Cluster(kind, engine, folder, base);
    const config = join(import.meta.dirname, "kind.yaml");
    const image = engine.nodeImage === undefined ? [] : ["--image", engine.nodeImage];
    const where = ["--kubeconfig", cluster.kubeconfig, "--config", config, ...image];
    try {
      await cluster.#run("creating the cluster", [
        "create",
        "cluster",
        ...where,
        "--wait",
        "180s",
        "--retain",
      ]);
    } catch (error) {
      await cluster.exportLogs(join(base.logs, "cluster")).catch(() => undefined);
      await cluster.#delete();
      throw error;
    }
    return cluster;
  }

  /** Afterwards pods can use the image that the archive has. */
  async load(archive: string): Promise<void> {
    await this.#run(`loading ${archive}`, ["load", "image-archive", archive]);
  }

  /** The command line that restarts the node, as a power cut would. */
  restartCommand(): string[] {
    return [this.#engine.provider, "restart", "-t", "0", this.#node];
  }

  /** What the node and its pods have logged. */
  async exportLogs(folder: string): Promise<void> {
    await this.#run(`writing logs to ${folder}`, ["export", "logs", folder], this.#uninterrupted);
  }

  async delete(): Promise<void> {
    // At once: nothing of it is needed any more, and to stop in good order takes ten seconds.
    const command = this.#engine.within([this.#engine.provider, "kill", this.#node]);
    try {
      await runCommand({
        ...this.#uninterrupted,
        title: "stopping the node",
        command,
        env: this.#engine.env,
      });
    } catch (error) {
      // It does not run any more.
      if (!(error instanceof CommandError)) throw error;
    }
    await this.#delete();
  }

  #delete(): Promise<void> {
    const args = ["delete", "cluster", "--kubeconfig", this.kubeconfig];
    return this.#run("deleting the cluster", args, this.#uninterrupted);
  }

  get #node(): string {
    return `${this.name}-control-plane`;
  }

  /** For what has to be done after an interrupt, too. */
  get #uninterrupted(): Run {
    const { signal: _, ...run } = this.#base;
    return run;
  }

  #run(title: string, args: readonly string[], run = this.#base): Promise<void> {
    const command = this.#engine.within([this.#kind, ...args, "--name", this.name]);
    return runCommand({ ...run, title, command, env: this.#engine.env });
  }
}
