import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** CPU time in ms that all living threads of a process have used, to the nanosecond where /proc/PID/stat has 10 ms. */
export function processCPU(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const task of readdirSync(tasks)) {
    nanoseconds += Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e6;
}
