import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, spawnChild } from "../controlplane/child.ts";
import { eventually } from "../test/cluster/eventually.ts";
import { processCPU } from "./processcpu.ts";
import type { Site } from "./site.ts";

/** Two looks of the operator at itself, two seconds apart, and a collection. */
const COLLECTED_AFTER_MS = 5000;
const GC_ON_SIGNAL = join(import.meta.dirname, "gconsignal.cjs");
/** Among the nodeArgs of an operator that is asked for it. */
export const LONGEST_TURN = join(import.meta.dirname, "longestturn.cjs");

export interface OperatorOptions {
  /** The built bundle. */
  readonly bundle: string;
  /** Options of `run`, behind those that every bench has. */
  readonly args?: readonly string[];
  /** Options of Node. */
  readonly nodeArgs?: readonly string[];
}

export interface MemoryUsage {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

let started = 0;

/** The built bundle as its own process, seen from outside: by its log, its metrics and what the kernel says of it. */
export class OperatorProcess {
  readonly child: Child;
  /** Wall clock, ms since the epoch. */
  readonly startedAt: number;
  readonly #memoryFile: string;
  readonly #turnFile: string;
  #read = 0;
  #rest = "";
  readonly #lines: LogLine[] = [];

  constructor({ controlPlane }: Site, o: OperatorOptions) {
    started += 1;
    const { dir, kubeconfig } = controlPlane;
    this.#memoryFile = join(dir, `memory-${started}.json`);
    this.#turnFile = join(dir, `turn-${started}.json`);
    const options = [
      "--leader-elect=false",
      "--metrics-bind-address=127.0.0.1:0",
      "--health-probe-bind-address=127.0.0.1:0",
    ];
    const node = ["--expose-gc", "--require", GC_ON_SIGNAL, ...(o.nodeArgs ?? [])];
    this.startedAt = Date.now();
    this.child = spawnChild({
      name: "operator",
      command: process.execPath,
      args: [...node, o.bundle, "run", "--kubeconfig", kubeconfig, ...options, ...(o.args ?? [])],
      env: { ...process.env, BENCH_MEMORY_FILE: this.#memoryFile, BENCH_TURN_FILE: this.#turnFile },
      cwd: dir,
      logFile: join(dir, `operator-${started}.log`),
    });
  }

  /** What was logged of this event so far; `at` is in ms since the epoch. */
  logged(event: string): LogLine[] {
    this.#readLog();
    return this.#lines.filter((line) => line.event === event);
  }

  async untilLogged(event: string, count = 1, deadlineMs = 120_000): Promise<LogLine> {
    return await eventually(
      `the operator logs ${event} ${count} times`,
      () => this.logged(event)[count - 1] ?? this.#failIfGone(),
      deadlineMs,
    );
  }

  /** Waits until this many states were written, and gives the ms from the start of the process to the last one. */
  async untilStates(count: number, deadlineMs: number): Promise<number> {
    const last = await this.untilLogged("StateChanged", count, deadlineMs);
    return last.at - this.startedAt;
  }

  /**
   * Waits until it is ready and has used no CPU worth the name for half a second, and gives the ms from the start of
   * the process until then. Who has work in the queue or under way is not idle, however little CPU it gets.
   */
  async untilIdle(deadlineMs = 300_000): Promise<number> {
    const end = Date.now() + deadlineMs;
    let busyAt = Date.now();
    let cpu = this.cpuMs();
    for (; Date.now() < end; await delay(10)) {
      const now = this.cpuMs();
      if (now - cpu > 1) busyAt = Date.now();
      cpu = now;
      if (Date.now() - busyAt < 500 || this.logged("StartedLeading").length === 0) continue;
      const work = ["workqueue_depth", "controller_runtime_active_workers"].map((name) => this.metric(name));
      if ((await Promise.all(work)).every((count) => count === 0)) return busyAt - this.startedAt;
      busyAt = Date.now();
    }
    throw new Error(`the operator is not idle after ${deadlineMs} ms`);
  }

  /** Waits until it is idle and has given back what only its work needed (`src/cli/collectatrest.ts`). */
  async untilAtRest(): Promise<void> {
    await this.untilIdle();
    await delay(COLLECTED_AFTER_MS);
  }

  /** CPU time of all its threads so far. */
  cpuMs(): number {
    return processCPU(this.child.pid);
  }

  /** Resident set in bytes, as it is. */
  rss(): number {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"));
    return Number(line?.[1]) * 1024;
  }

  /** Memory after a garbage collection. */
  async memory(): Promise<MemoryUsage> {
    return (await this.#asked("SIGUSR2", this.#memoryFile)) as MemoryUsage;
  }

  /**
   * For how many ms of CPU time of the main thread one turn of the event loop has lasted at most since this was last asked,
   * to 2 ms. Wants LONGEST_TURN among the nodeArgs.
   */
  async longestTurn(): Promise<number> {
    return (await this.#asked("SIGWINCH", this.#turnFile)) as number;
  }

  /** What it writes to the file when it gets the signal. */
  async #asked(signal: NodeJS.Signals, file: string): Promise<unknown> {
    rmSync(file, { force: true });
    this.child.kill(signal);
    const read = () => existsSync(file) && readFileSync(file, "utf8");
    return JSON.parse(await eventually(`the operator writes ${file}`, read, 60_000));
  }

  /** Sum over all labels of one of its own metrics; `labels` narrows it to series that hold this text. */
  async metric(name: string, labels = ""): Promise<number> {
    const { addresses } = (await this.untilLogged("Started")) as unknown as { addresses: string[] };
    const text = await (await fetch(`http://${addresses.at(-1)}/metrics`)).text();
    let sum = 0;
    for (const [, found = "", value] of text.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, "gm"))) {
      if (found.includes(labels)) sum += Number(value);
    }
    return sum;
  }

  async stop(): Promise<void> {
    await this.child.stop(10_000);
  }

  #failIfGone(): false {
    if (!existsSync(`/proc/${this.child.pid}/stat`)) {
      throw new Error(`the operator ended by itself: ${this.child.output().slice(-500)}`);
    }
    return false;
  }

  #readLog(): void {
    const file = openSync(this.child.log, "r");
    const buffer = Buffer.alloc(1 << 20);
    for (;;) {
      const length = readSync(file, buffer, 0, buffer.length, this.#read);
      if (length === 0) break;
      this.#read += length;
      const lines = (this.#rest + buffer.toString("utf8", 0, length)).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) {
        if (!line.startsWith("{")) continue;
        const parsed = JSON.parse(line);
        this.#lines.push({ ...parsed, at: Date.parse(parsed.time) });
      }
    }
    closeSync(file);
  }
}

export interface LogLine {
  readonly event: string;
  readonly at: number;
}

/** Runs `work` with an operator on the site and stops it. */
export async function withOperator<T>(
  site: Site,
  options: OperatorOptions,
  work: (operator: OperatorProcess) => Promise<T>,
): Promise<T> {
  const operator = new OperatorProcess(site, options);
  try {
    return await work(operator);
  } finally {
    await operator.stop();
  }
}
