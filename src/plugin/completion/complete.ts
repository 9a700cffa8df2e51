import { spawn } from "node:child_process";
import type { Command } from "commander";
import { deadlineOf } from "../cluster/clusterflags.ts";
import { EXIT, type ExitCode, type Session } from "../session/session.ts";
import { type Candidate, pointOf } from "./point.ts";

/** What a shell, kubectl or a script calls with the words of a command line: cobra's word for it. */
export const COMPLETE = "__complete";

/** What `complete` calls: as COMPLETE, without an end of its own and without a directive. */
export const FIND = "__find";

/** Says how long the cluster may take, as `--request-timeout` would; counted from the start of the process. */
const TIMEOUT_VARIABLE = "KUBECTL_SSHKEY_COMPLETION_TIMEOUT";

/** With the start of kubectl and the plugin this stays below the second that people wait for a TAB. */
const DEFAULT_MS = 750;

/** ShellCompDirective of cobra: what the shell may put beside the candidates. */
const DIRECTIVE = { files: 0, nothingElse: 4 } as const;

/**
 * Prints what the last of the words can be, one a line with a TAB before its meaning, and then the directive: cobra's
 * protocol. Says nothing and fails never, whatever the cluster does: a person is in the middle of a line.
 */
export async function complete(session: Session, root: Command, words: readonly string[]): Promise<ExitCode> {
  const { wanted } = pointOf(root, words);
  const lines =
    wanted === "files"
      ? []
      : typeof wanted === "string"
        ? await found(session, words)
        : wanted.map(candidateLine);
  const directive = wanted === "files" ? DIRECTIVE.files : DIRECTIVE.nothingElse;
  await session.print([...lines, `:${directive}`].join("\n"));
  return EXIT.ok;
}

export function candidateLine({ value, meaning = "" }: Candidate): string {
  return meaning === "" ? value : `${value}\t${meaning.replaceAll(/\s+/g, " ")}`;
}

/**
 * What FIND prints in a process of its own, which can be ended whatever it waits for: a name server, a file, a sign-in helper.
 * In a session of its own neither it nor the helper has a terminal: nothing is asked, and nothing said.
 */
async function found(session: Session, words: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, [...process.execArgv, __filename, FIND, ...words], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    windowsHide: true,
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const giveUp = () => resolve(false);
  child.on("error", giveUp);
  child.on("close", (code) => resolve(code === EXIT.ok));
  const timer = setTimeout(giveUp, completionTimeout(session) - performance.now());
  session.signal.addEventListener("abort", giveUp);
  const isWhole = await promise;
  clearTimeout(timer);
  if (isWhole) return Buffer.concat(chunks).toString("utf8").split("\n").filter(Boolean);
  end(child.pid);
  child.stdout.destroy();
  child.unref();
  return [];
}

/** How long it may take since the process has started, in ms. */
export function completionTimeout({ env }: Pick<Session, "env">): number {
  const { [TIMEOUT_VARIABLE]: requestTimeout = "" } = env;
  try {
    return requestTimeout === "" ? DEFAULT_MS : deadlineOf({ requestTimeout });
  } catch {
    return DEFAULT_MS;
  }
}

/** Ends it with everything that it has started. */
function end(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
