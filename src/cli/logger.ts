import { type Logger, pino } from "pino";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export const LOG_FORMATS = ["json", "pretty"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** One JSON line on stdout for each thing that matters, or coloured text for people. */
export async function createLogger(level: LogLevel, format: LogFormat): Promise<Logger> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (format === "json") return pino(options, pino.destination({ dest: 1, sync: false, minLength: 0 }));
  // Loaded only for people: a cluster has no use for it.
  const { default: pretty } = await import("pino-pretty");
  return pino(
    options,
    pretty({ destination: 1, sync: true, singleLine: true, translateTime: "SYS:HH:MM:ss.l" }),
  );
}
