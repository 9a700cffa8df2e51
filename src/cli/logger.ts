import { type DestinationStream, type Logger, pino } from "pino";
import { logEvent } from "../api/logevent.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["json", "pretty"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** How long a line may wait for others, in ms: a write for each line took an eighth of the time of a busy start. */
const BATCH_MS = 50;
const BATCH_BYTES = 4096;

/** What waits while nobody reads, in bytes: others decide how much there is to say, and a container runtime may be away for long. */
const MOST_WAITING_BYTES = 16 << 20;

/**
 * One JSON line on stdout for each thing that matters, or coloured text for people. An Error is logged as `err`, with
 * its type, message and stack, causes included, and without its other fields: those may hold what it was about.
 */
export async function createLogger(level: LogLevel, format: LogFormat): Promise<Logger> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // Without a serializer an Error under another key than `err` is `{}`.
    serializers: { err: serializeError, error: serializeError },
  };
  if (format === "json") {
    const log: Logger = pino(
      options,
      batched((count) => logEvent(log, "LogLinesDropped", { count })),
    );
    return log;
  }
  // Loaded only for people: a cluster has no use for it.
  const { default: pretty } = await import("pino-pretty");
  return pino(
    options,
    pretty({ destination: 1, sync: true, singleLine: true, translateTime: "SYS:HH:MM:ss.l" }),
  );
}

function serializeError(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { type, message, stack } = pino.stdSerializers.err(value);
  return { type, message, stack };
}

/**
 * Writes the lines of a moment at a time. What waits is written when the process exits, unless it is killed. What comes while
 * too much waits is dropped, and `onDropped` told how much that was when half of it is written.
 */
function batched(
  onDropped: (count: number) => void,
): DestinationStream & { flush(done?: (error?: Error) => void): void } {
  const stdout = pino.destination({
    dest: 1,
    sync: false,
    minLength: BATCH_BYTES,
    maxLength: MOST_WAITING_BYTES,
  });
  let isDue = false;
  let unwrittenBytes = 0;
  let dropped = 0;
  stdout.on("drop", (line) => {
    unwrittenBytes -= Buffer.byteLength(line);
    dropped += 1;
  });
  stdout.on("write", (bytes) => {
    unwrittenBytes -= bytes;
    if (dropped === 0 || unwrittenBytes > MOST_WAITING_BYTES / 2) return;
    const count = dropped;
    dropped = 0;
    onDropped(count);
  });
  // Nothing is flushed while something is being written: what came meanwhile, and is due, would wait for the next line.
  stdout.on("drain", () => {
    if (!isDue && unwrittenBytes > 0) stdout.flush();
  });
  return {
    write(line) {
      unwrittenBytes += Buffer.byteLength(line);
      stdout.write(line);
      if (isDue) return;
      isDue = true;
      setTimeout(() => {
        isDue = false;
        stdout.flush();
      }, BATCH_MS);
    },
    flush: (done) => stdout.flush(done),
  };
}
