import { join } from "node:path";
import { spawnChild } from "../controlplane/child.ts";

/** What a command that has ended leaves. */
export interface Ran {
  /** null when it was killed. */
  readonly code: number | null;
  /** stdout and stderr in the order in which a terminal would show them. */
  readonly output: string;
}

export interface ShellOptions {
  /** The working folder of every command. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Folder for the file that takes the output. */
  readonly dir: string;
}

const DEADLINE_MS = 300_000;

/** Runs command lines one after another, each as it would be typed. None outlives this process. */
export class Shell {
  readonly #o: ShellOptions;

  constructor(options: ShellOptions) {
    this.#o = options;
  }

  /** Runs the line to its end; it is killed after five minutes. Throws Interrupted when the signal aborts. */
  async run(line: string, signal?: AbortSignal): Promise<Ran> {
    if (signal?.aborted) throw new Interrupted();
    const { cwd, env, dir } = this.#o;
    const logFile = join(dir, "command.log");
    const child = spawnChild({ name: line, command: "/bin/sh", args: ["-c", line], cwd, env, logFile });
    const kill = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", kill, { once: true });
    const timer = setTimeout(kill, DEADLINE_MS);
    const { code } = await child.exited;
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    if (signal?.aborted) throw new Interrupted();
    return { code, output: child.output() };
  }
}

/** A path as a shell reads it, in quotes only if it needs them. */
export function quoted(path: string): string {
  return /^[\w./:-][\w./:=-]*$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** A person or the system asked for the end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly code = "INTERRUPTED";

  constructor() {
    super("The demo was interrupted.");
  }
}

/** What the promise gives, or Interrupted as soon as the signal aborts. */
export async function unlessInterrupted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  const reject = () => interrupted.reject(new Interrupted());
  if (signal.aborted) reject();
  signal.addEventListener("abort", reject, { once: true });
  try {
    return await Promise.race([promise, interrupted.promise]);
  } finally {
    signal.removeEventListener("abort", reject);
  }
}
