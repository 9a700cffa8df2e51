import { spawn } from "node:child_process";
import { PluginError, type Session } from "./session.ts";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Empty where the person has seen it. */
  readonly stderr: string;
}

/**
 * Runs a program of OpenSSH to its end, with `input` on its stdin. What it asks it asks on the terminal itself. `tells`:
 * what it says on stderr the person sees at once. Rejects with a PluginError where it is not installed.
 */
export async function runProgram(
  session: Session,
  program: string,
  args: readonly string[],
  { input = "", tells = false }: { readonly input?: string; readonly tells?: boolean } = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    env: session.env,
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
    if (isMissing) throw new PluginError(`${program} is not installed: install OpenSSH's client`);
    throw error;
  }
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8");
}
