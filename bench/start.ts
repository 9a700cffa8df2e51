import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { eventually } from "../test/cluster/eventually.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { withOperator } from "./operator.ts";
import { onFreshSite } from "./site.ts";

const FIRST_LIST: Figure = {
  name: "process start → first list request received",
  unit: "ms",
  target: { most: 250 },
};
const NODE: Figure = {
  name: "the same ÷ start of a Node process that does nothing",
  unit: "×",
  guard: { most: 20 },
};

/** The API server's audit log says when a request came. */
export const start: Bench = {
  name: "start",
  fixedKeys: 0,
  async run(round: Round): Promise<readonly Sample[]> {
    return await onFreshSite(
      [],
      async (site) => {
        const { auditLog = "" } = site.controlPlane;
        const node = bareNode();
        const ms = await withOperator(site, round, async (operator) => {
          const at = await eventually("the first list is in the audit log", () => firstList(auditLog));
          return at - operator.startedAt;
        });
        return [
          { figure: FIRST_LIST, value: ms },
          { figure: NODE, value: ms / node },
        ];
      },
      { audit: true },
    );
  },
};

/** When the operator's first list was received, in ms since the epoch. */
function firstList(auditLog: string): number | undefined {
  for (const line of readFileSync(auditLog, "utf8").split("\n")) {
    if (!line.includes('"userAgent":"sshkey-operator/')) continue;
    const { verb, requestReceivedTimestamp } = JSON.parse(line);
    if (verb === "list") return Date.parse(requestReceivedTimestamp);
  }
  return undefined;
}

/** ms that Node itself takes from its start to its end. */
function bareNode(): number {
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    spawnSync(process.execPath, ["--eval", ""]);
    return performance.now() - started;
  });
  return quantile(times, 0.5);
}
