import { type ChildOptions, type Exit, spawnChild } from "./child.ts";

const HEARTBEAT_MS = 20_000;

export interface RunChildOptions extends ChildOptions {
  /** Called every 20 s while it runs, with the seconds so far and what it has written. */
  readonly heartbeat: (seconds: number, output: string) => void;
  /** Kills it, which is then what its exit says. */
  readonly signal?: AbortSignal;
}

export interface ChildResult extends Exit {
  readonly output: string;
  /** Whole ones. */
  readonly seconds: number;
}

/** Runs a command to its end; a code other than 0 is a result, not an error. */
export async function runChild({ heartbeat, signal, ...o }: RunChildOptions): Promise<ChildResult> {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const child = spawnChild(o);
  const beat = setInterval(() => heartbeat(seconds(), child.output()), HEARTBEAT_MS);
  const kill = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", kill);
  const exit = await child.exited;
  signal?.removeEventListener("abort", kill);
  clearInterval(beat);
  return { ...exit, output: child.output(), seconds: seconds() };
}

/** What a person needs to see of a failure. */
export function lastLines(output: string, count: number): string {
  return output.trimEnd().split("\n").slice(-count).join("\n");
}
