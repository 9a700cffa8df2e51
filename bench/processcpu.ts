import { readdirSync, readFileSync } from "node:fs";

/** CPU time in ms that all living threads of a process have used, to the nanosecond where /proc/PID/stat has 10 ms. */
export function processCPU(pid: number): number {
  let ms = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      ms += threadCPU(pid, task);
    } catch (error) {
      // It ended meanwhile.
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "ENOENT" && code !== "ESRCH") throw error;
    }
  }
  return ms;
}

/** The same of one thread; the main one, which runs the event loop, by default. */
export function threadCPU(pid: number, task: string | number = pid): number {
  return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}
