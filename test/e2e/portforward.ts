import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";

/** A port of a pod on loopback of this side, by kubectl port-forward. */
export class PortForward {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(port: number, child: Child, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** `target`: as deployment/NAME or pod/NAME, which must be ready. `port`: its name or number there. */
  static async start(namespace: string, target: string, port: string): Promise<PortForward> {
    const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
    const child = spawnChild({
      name: "kubectl port-forward",
      command: process.env.KUBECTL ?? "kubectl",
      args: ["port-forward", "--namespace", namespace, target, `:${port}`],
      logFile: join(folder, "port-forward.log"),
    });
    const said = eventually("kubectl says its port", () =>
      /^Forwarding from 127\.0\.0\.1:(\d+)/m.exec(child.output())?.at(1),
    );
    const ended = child.exited.then(() => undefined);
    const own = await Promise.race([said, ended]);
    if (own === undefined) throw new Error(`kubectl port-forward ended: ${child.output()}`);
    return new PortForward(Number(own), child, folder);
  }

  async stop(): Promise<void> {
    await this.#child.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
