import { readdir, readFile, readlink } from "node:fs/promises";
import type { OperatorProcess } from "../cluster/operatorprocess.ts";

/** What a process must not have ever more of. */
export interface Vitals {
  readonly rssMiB: number;
  readonly sockets: number;
  readonly timers: number;
}

/** Reads /proc and the operator's own metrics. */
export async function readVitals(operator: OperatorProcess): Promise<Vitals> {
  const { pid } = operator.child;
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  const files = await Promise.all(
    (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "closed")),
  );
  const { addresses } = (await operator.logged("Started")) as { addresses?: readonly string[] };
  const metrics = await (await fetch(`http://${addresses?.at(-1)}/metrics`)).text();
  const timers = /^nodejs_active_resources\{type="Timeout"\} (\d+)$/m.exec(metrics)?.[1];
  return {
    rssMiB: Math.round(Number(rss) / 1024),
    sockets: files.filter((file) => file.startsWith("socket:")).length,
    timers: Number(timers ?? 0),
  };
}

/** How the last third of the samples exceeds the second one; the first is warming up. */
export function growth(samples: readonly Vitals[]): readonly string[] {
  const third = Math.floor(samples.length / 3);
  const grown = (name: keyof Vitals, factor: number, slack: number) => {
    const middle = median(samples.slice(third, 2 * third).map((each) => each[name]));
    const end = median(samples.slice(2 * third).map((each) => each[name]));
    return end > middle * factor + slack ? [`${name} grew from ${middle} to ${end}`] : [];
  };
  return [...grown("rssMiB", 1.15, 15), ...grown("sockets", 1.5, 10), ...grown("timers", 1.5, 10)];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
