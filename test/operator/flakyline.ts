import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import type { ControlPlane } from "../../controlplane/controlplane.ts";

/**
 * How the line behaves. `whole`: as a line should. `answerless`: requests get through and answers are lost.
 * `silent`: connections are taken and nothing gets through. `down`: connections are refused by a reset.
 */
export type Condition = "whole" | "answerless" | "silent" | "down";

/** A line to the API server that can be cut, and that can lose answers. TLS goes through it untouched. */
export interface FlakyLine {
  /** Path of the admin's kubeconfig, by way of this line. */
  readonly kubeconfig: string;
  /** Breaks every connection; new ones behave as the condition says. */
  cut(condition: Condition): void;
  /** From now on every connection, open ones too, behaves as the condition says. */
  turn(condition: Condition): void;
  stop(): void;
}

export async function startFlakyLine(controlPlane: ControlPlane): Promise<FlakyLine> {
  const target = new URL(controlPlane.server);
  const sockets = new Set<Socket>();
  let condition: Condition = "whole";
  const server = createServer((client) => {
    if (condition === "down") {
      client.resetAndDestroy();
      return;
    }
    const upstream = dial(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("data", (chunk) => {
        const gets = condition === "whole" || (condition === "answerless" && from === client);
        if (gets) to.write(chunk);
      });
      // The other end's error tells nothing more: the connection is over.
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as AddressInfo).port;
  const kubeconfig = join(controlPlane.dir, `flaky-${port}.kubeconfig`);
  const admin = await readFile(controlPlane.kubeconfig, "utf8");
  await writeFile(kubeconfig, admin.replaceAll(controlPlane.server, `https://127.0.0.1:${port}`), {
    mode: 0o600,
  });
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    kubeconfig,
    cut(next) {
      condition = next;
      breakAll();
    },
    turn(next) {
      condition = next;
    },
    stop() {
      breakAll();
      server.close();
    },
  };
}
