import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../test/cluster/eventually.ts";
import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { withOperator } from "./operator.ts";
import { onFreshSite } from "./site.ts";

const FIRST_LIST: Figure = {
  name: "process start → first list request received",
  unit: "ms",
  target: { most: 250 },
};
const NODE: Figure = {
  name: "the same without TLS ÷ start of a Node process that does nothing, the best of each by turns",
  unit: "×",
  guard: { most: 12 },
};

/** How often the operator and a bare Node are started, one after the other. */
const TURNS = 8;

export const start: Bench = {
  name: "start",
  fixedKeys: 0,
  async run(round: Round): Promise<readonly Sample[]> {
    const ratio = { figure: NODE, value: await timesBareNode(round.bundle) };
    return round.quick ? [ratio] : [{ figure: FIRST_LIST, value: await untilFirstList(round) }, ratio];
  },
};

/** By the API server's audit log, in ms. */
async function untilFirstList(round: Round): Promise<number> {
  return await onFreshSite(
    [],
    async (site) => {
      const { auditLog = "" } = site.controlPlane;
      return await withOperator(site, round, async (operator) => {
        const at = await eventually("the first list is in the audit log", () => firstList(auditLog));
        return at - operator.startedAt;
      });
    },
    { audit: true },
  );
}

/** When the operator's first list was received, in ms since the epoch. */
function firstList(auditLog: string): number | undefined {
  for (const line of readFileSync(auditLog, "utf8").split("\n")) {
    if (!line.includes('"userAgent":"sshkey-operator/')) continue;
    const { verb, requestReceivedTimestamp } = JSON.parse(line);
    if (verb === "list") return Date.parse(requestReceivedTimestamp);
  }
  return undefined;
}

/** How many times as long the operator takes to its first request as Node from its start to its end. */
async function timesBareNode(bundle: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-bench-"));
  const server = createServer().listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, kubeconfigOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
    const ports = ["--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0"];
    const run = [bundle, "run", "--kubeconfig", kubeconfig, "--leader-elect=false", ...ports];
    let [operator, node] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let turn = 0; turn < TURNS; turn += 1) {
      operator = Math.min(operator, await msOf(run, () => once(server, "request")));
      node = Math.min(node, await msOf(["--eval", ""], (child) => once(child, "exit")));
    }
    return operator / node;
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

/** ms from the start of Node with these arguments until it has done it; then it is ended. */
async function msOf(
  args: readonly string[],
  done: (child: ReturnType<typeof spawn>) => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const exited = once(child, "exit");
  await Promise.race([done(child), exited]);
  const ms = performance.now() - started;
  if (child.exitCode) throw new Error(`node ${args.join(" ")} ended with ${child.exitCode}`);
  child.kill("SIGKILL");
  await exited;
  return ms;
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "bench",
    clusters: [{ name: "bench", cluster: { server } }],
    contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
    users: [{ name: "bench", user: {} }],
  });
}
