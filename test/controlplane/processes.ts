import { readdirSync, readFileSync } from "node:fs";

/** True while the process runs; one that has ended but was not yet reaped counts as gone. */
export function runs(pid: number): boolean {
  const state = read(`/proc/${pid}/stat`).replace(/^.*\) /s, "")[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Process ids of all processes that have the text among their arguments, watchers of children included. */
export function withArgument(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => runs(pid) && read(`/proc/${pid}/cmdline`).includes(text));
}

/** Empty when the process has gone in the meantime. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
