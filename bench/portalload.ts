import { setTimeout as delay } from "node:timers/promises";
import { type Dispatcher, Pool } from "undici";
import { quantile } from "./bench.ts";
import { dispatch, unexpected } from "./send.ts";

/** What a process of its own sends to the portal. */
export interface Load {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What every answer must have in it. */
  readonly expected: string;
  readonly seconds: number;
  readonly connections: number;
  /** Requests a second, sent when they are due whatever became of those before; undefined: one after the other. */
  readonly rate?: number;
}

/** How the answers came; times in ms, with `rate` from when a request was due. */
export interface LoadResult {
  /** All that were answered, also before it was measured. */
  readonly count: number;
  readonly perSecond: number;
  readonly median: number;
  readonly p99: number;
}

async function send(load: Load): Promise<LoadResult> {
  const pool = new Pool(load.origin, { connections: load.connections, pipelining: 1 });
  const request = { method: "GET", path: load.path, headers: load.headers } as const;
  const took: number[] = [];
  try {
    // The first answers are compiled, connections are made.
    const warming: number[] = [];
    await closed(pool, request, load, 2000, warming);
    const started = performance.now();
    if (load.rate === undefined) await closed(pool, request, load, load.seconds * 1000, took);
    else await open(pool, request, load, took);
    const seconds = (performance.now() - started) / 1000;
    return {
      count: warming.length + took.length,
      perSecond: took.length / seconds,
      median: quantile(took, 0.5),
      p99: quantile(took, 0.99),
    };
  } finally {
    await pool.destroy();
  }
}

/** Each connection sends the next request when it has the answer to the last. */
async function closed(
  pool: Pool,
  request: Dispatcher.DispatchOptions,
  { connections, expected }: Load,
  forMs: number,
  took: number[],
): Promise<void> {
  const end = performance.now() + forMs;
  const worker = async () => {
    for (let sent = performance.now(); sent < end; sent = performance.now()) {
      await answered(pool, request, expected);
      took.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
}

async function open(
  pool: Pool,
  request: Dispatcher.DispatchOptions,
  { rate = 1, seconds, expected }: Load,
  took: number[],
): Promise<void> {
  const started = performance.now();
  const all: Promise<void>[] = [];
  for (let n = 0; n < rate * seconds; n += 1) {
    const due = started + (n * 1000) / rate;
    const early = due - performance.now();
    if (early > 0.5) await delay(early);
    all.push(
      answered(pool, request, expected).then(() => {
        took.push(performance.now() - due);
      }),
    );
  }
  await Promise.all(all);
}

/** Rejects when it is refused, or is not what was asked for. */
async function answered(pool: Pool, request: Dispatcher.DispatchOptions, expected: string): Promise<void> {
  const answer = await dispatch(pool, request, () => true);
  if (answer.status !== 200 || !answer.body.includes(expected)) throw unexpected(request, answer);
}

if (import.meta.main) console.log(JSON.stringify(await send(JSON.parse(process.argv[2] ?? ""))));
