import { podPath } from "../api/paths.ts";
import { ApiError } from "../kube/apierror.ts";
import { Backoff } from "../kube/backoff.ts";
import { LineSplitter } from "../kube/linesplitter.ts";
import { sleep } from "../kube/sleep.ts";
import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { Transport } from "../kube/transport.ts";
import { LONGEST_LINE } from "./filelines.ts";
import { type RuntimeLine, RuntimeLines } from "./runtimelines.ts";

export interface ContainerLogOptions {
  readonly transport: Pick<Transport, "read">;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** In bytes, of the namespace. */
  readonly budget: TokenBuckets;
  readonly onLine: (line: RuntimeLine) => void;
  /** Called when it cannot be read, the first time in a row, and with undefined when it can again. */
  readonly onProblem: (problem: string | undefined) => void;
}

/** How long one request lasts, in ms. */
const REQUEST_MS = 300_000;
/** One that lasted so long was no failure, in ms: the log of a container that has ended is over at once, again and again. */
const HEALTHY_MS = 10_000;
/**
 * Of one container, and of all of one namespace, so many bytes are read at once, and then so many a second: whoever owns them
 * writes what the node's disk takes, which all passes the API server, and 20 MB of the worst lines cost a second of CPU time.
 */
export const BYTES_OF_CONTAINER = { burst: 16 << 20, perSecond: 1 << 20 };
export const BYTES_OF_NAMESPACE = { burst: 64 << 20, perSecond: 4 << 20 };

export function bytesBudget({ burst, perSecond }: typeof BYTES_OF_CONTAINER): TokenBuckets {
  return new TokenBuckets({ burst, refillMs: 1000 / perSecond, now: () => performance.now() });
}

/** Reads the log of a container as it comes, from its beginning, until the signal aborts. Never rejects. */
export async function followContainerLog(o: ContainerLogOptions, signal: AbortSignal): Promise<void> {
  const { transport, namespace, pod, container, onLine, onProblem } = o;
  const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000 });
  const budgets = [bytesBudget(BYTES_OF_CONTAINER), o.budget];
  const lines = new RuntimeLines(Date.now);
  let hasFailed = false;
  while (!signal.aborted) {
    const splitter = new LineSplitter(LONGEST_LINE);
    const take = (text: string) => {
      const line = lines.read(text);
      if (line !== undefined) onLine(line);
    };
    const isReadable = () => {
      if (hasFailed) onProblem(undefined);
      hasFailed = false;
    };
    const since = lines.begin();
    const began = performance.now();
    try {
      await transport.read(
        {
          method: "GET",
          path: `${podPath(namespace, pod)}/log`,
          query: {
            container,
            follow: "true",
            timestamps: "true",
            ...(since === undefined ? {} : { sinceTime: since }),
          },
          accept: "*/*",
          deadlineMs: REQUEST_MS,
          signal,
        },
        {
          take: (chunk) => {
            isReadable();
            for (const line of splitter.push(chunk)) take(line);
            for (const budget of budgets) budget.spend("", chunk.length);
            const wait = Math.max(...budgets.map((budget) => budget.wait("", 1)));
            return wait > 0 ? sleep(wait, signal) : undefined;
          },
          end: () => {
            for (const line of splitter.end()) take(line);
          },
        },
      );
      isReadable();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // No line came for so long, which is no failure.
      if (error.code === "Timeout") isReadable();
      else if (!hasFailed && !signal.aborted) {
        hasFailed = true;
        onProblem(error.message);
      }
    }
    if (performance.now() - began > HEALTHY_MS) backoff.reset();
    await sleep(backoff.next(), signal);
  }
}
