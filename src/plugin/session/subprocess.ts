import { spawn } from "node:child_process";
import { PluginError, type Session } from "./session.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Empty where the person has seen it. */
  readonly stderr: string;
}

export interface ProgramOptions {
  /** What it reads on stdin. */
  readonly input?: string;
  /** Does the person see at once what it says on stderr? */
  readonly tells?: boolean;
  /** What it has of the environment, in place of all. */
  readonly env?: NodeJS.ProcessEnv;
  /** What to do where it is not installed. */
  readonly missing: string;
}

/**
 * Runs a program to its end. What it asks it asks on the terminal itself. Rejects with a PluginError where it is not
 * installed.
 */
export async function runProgram(
  session: Session,
  program: string,
  args: readonly string[],
  { input = "", tells = false, env = session.env, missing }: ProgramOptions,
): Promise<Ended> {
  const child = spawn(program, args, {
    env,
    stdio: ["pipe", "pipe", tells ? "inherit" : "pipe"],
    signal: session.signal,
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  // One that reads nothing closes it early.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  try {
    const code = await promise;
    return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing) throw new PluginError(`${program} is not installed: ${missing}`);
    throw error;
  }
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8");
}

/** What to do where a program of OpenSSH is missing. */
export const INSTALL_OPENSSH = "install OpenSSH's client";
