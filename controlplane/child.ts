import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Duplex } from "node:stream";

/** A process that lives no longer than the one that started it. */
export interface Child {
  readonly pid: number;
  readonly name: string;
  /** Path of the file that takes its stdout and stderr. */
  readonly log: string;
  /** Resolves once, when the process is gone; never rejects. */
  readonly exited: Promise<Exit>;
  /**
   * Sends a signal (SIGTERM when none is named); does nothing once it has exited. SIGKILL reaches its
   * descendants too, since it has no time to end them.
   */
  kill(signal?: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL after `graceMs` (5000). Resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
  /** All that it has written so far. */
  output(): string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Emptied when the child starts. */
  readonly logFile: string;
}

// A watcher in the child's process group blocks on fd 3, a pipe whose other end only the parent holds. Its
// end of file means that the parent is gone, however it went, and the watcher kills the whole group. A line
// means that the child has ended and there is nothing left to watch. The group keeps the process id taken
// until the watcher has left too, so nobody else's process can be hit.
const WATCHED =
  '(trap "" HUP INT TERM; read _ <&3 || kill -KILL -$$) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-';

// On an orderly exit the children go first: what one still writes must not undo what is cleaned away after.
const living = new Set<Child>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/**
 * Starts a command in a process group of its own, so that Ctrl-C in a terminal reaches only the parent,
 * which then stops its children in the order it wants. A command that does not exist ends with code 127.
 */
export function spawnChild(o: ChildOptions): Child {
  const log = openSync(o.logFile, "w", 0o600);
  let started: ChildProcess;
  try {
    started = spawn("/bin/sh", ["-c", WATCHED, "sh", o.command, ...o.args], {
      stdio: ["ignore", log, log, "pipe"],
      detached: true,
      ...(o.env === undefined ? {} : { env: o.env }),
      ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
    });
  } finally {
    closeSync(log);
  }
  return new WatchedChild(o, started);
}

class WatchedChild implements Child {
  readonly pid: number;
  readonly name: string;
  readonly log: string;
  readonly exited: Promise<Exit>;
  #ended = false;

  constructor(o: ChildOptions, started: ChildProcess) {
    this.name = o.name;
    this.log = o.logFile;
    // Tells of a failed start only, which the missing process id tells too.
    started.on("error", () => undefined);
    if (started.pid === undefined) {
      throw new ChildError(o.name, o.cwd);
    }
    this.pid = started.pid;
    const lifeline = started.stdio[3] as Duplex;
    unref(lifeline);
    living.add(this);
    this.exited = new Promise((resolve) => {
      started.once("exit", (code, signal) => {
        this.#ended = true;
        living.delete(this);
        // Written to nobody when the watcher was killed along with the group.
        lifeline.on("error", () => lifeline.destroy());
        lifeline.end("\n");
        resolve({ code, signal });
      });
    });
  }

  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    if (!this.#ended) {
      send(signal === "SIGKILL" ? -this.pid : this.pid, signal);
    }
  }

  async stop(graceMs = 5000): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  output(): string {
    return readFileSync(this.log, "utf8");
  }
}

/** The shell itself could not be started: a missing `/bin/sh` or working folder. */
class ChildError extends Error {
  readonly code = "CHILD_NOT_STARTED";

  constructor(name: string, cwd: string | undefined) {
    super(`${name} could not be started: check that /bin/sh and the folder ${cwd ?? process.cwd()} exist`);
    this.name = "ChildError";
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // ESRCH: it ended between the check and the signal, which is what the signal was for or made needless.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) {
      throw error;
    }
  }
}

/** Keeps the pipe from holding the event loop open; the child itself still does. */
function unref(stream: Duplex): void {
  if ("unref" in stream && typeof stream.unref === "function") {
    stream.unref();
  }
}
