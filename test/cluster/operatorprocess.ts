import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { type Scrape, scrape } from "../availability/exposition.ts";
import { eventually } from "./eventually.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "main.cjs");

/** One instance that waits for no lease, on ports of the system's choice; a test may say otherwise behind it. */
const ALONE = [
  "--leader-elect=false",
  "--metrics-bind-address=127.0.0.1:0",
  "--health-probe-bind-address=127.0.0.1:0",
];

/** Of a log in which something is missing, to see why. */
const LINES_TOLD = 20;

/** The built bundle, running as its own process. */
export interface OperatorProcess {
  readonly child: Child;
  /** Every line written so far; one that was logged just now may come a moment later. */
  log(): Promise<LogLine[]>;
  /** The first line of this event, when there is one. */
  logged(event: string, matches?: (line: LogLine) => boolean): Promise<LogLine>;
  /** When it logged the event for the nth time, ms since the epoch; waits for it, `deadlineMs` at most (180 s). */
  timeOf(event: string, nth: number, deadlineMs?: number): Promise<number>;
  /** What its metrics are now. */
  scrape(): Promise<Scrape>;
  /** Sends SIGTERM and gives the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: what is under way stays as it is. */
  kill(): Promise<void>;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface OperatorProcessOptions {
  readonly kubeconfig: string;
  /** Content of the configuration file. */
  readonly config?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `run` and waits until it writes. */
export async function startOperator(o: OperatorProcessOptions): Promise<OperatorProcess> {
  const operator = await spawnOperator(o);
  try {
    await operator.logged("StartedLeading");
    return operator;
  } catch (error) {
    await operator.kill();
    throw error;
  }
}

/** Starts `run` and waits for nothing. */
export async function spawnOperator(o: OperatorProcessOptions): Promise<OperatorProcess> {
  const folder = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
  const args = [
    BUNDLE,
    "run",
    "--kubeconfig",
    o.kubeconfig,
    "--log-level",
    "debug",
    ...ALONE,
    ...(o.args ?? []),
  ];
  if (o.config !== undefined) {
    await writeFile(join(folder, "config.yaml"), o.config);
    args.push("--config", join(folder, "config.yaml"));
  }
  const logFile = join(folder, "operator.log");
  const env = { ...process.env, ...o.env };
  const child = spawnChild({ name: "operator", command: process.execPath, args, env, logFile });
  const log = async () => parseLog(await readFile(logFile, "utf8"));
  const logged: OperatorProcess["logged"] = async (event, matches = () => true) => {
    try {
      return await eventually(`the operator logs ${event}`, async () =>
        (await log()).find((line) => line.event === event && matches(line)),
      );
    } catch (error) {
      const lines = child.output().split("\n").slice(-LINES_TOLD);
      throw new Error(`${(error as Error).message}; its last lines:\n${lines.join("\n")}`, { cause: error });
    }
  };
  return {
    child,
    log,
    logged,
    async scrape() {
      const { addresses } = await logged("Started");
      const [, metrics = ""] = addresses as readonly string[];
      return await scrape(metrics);
    },
    async timeOf(event, nth, deadlineMs) {
      const nthLine = async () => (await log()).filter((line) => line.event === event)[nth - 1];
      const line = await eventually(`the operator logs ${event} ${nth} times`, nthLine, deadlineMs);
      return Date.parse(String(line.time));
    },
    async stop() {
      child.kill("SIGTERM");
      const { code } = await child.exited;
      await rm(folder, { recursive: true });
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
      await rm(folder, { recursive: true });
    },
  };
}

/** Lines that are no JSON (a stack trace) come as `{ text }`; a last line without its end is left out. */
function parseLog(text: string): LogLine[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      try {
        return JSON.parse(line) as LogLine;
      } catch {
        return { text: line };
      }
    });
}
