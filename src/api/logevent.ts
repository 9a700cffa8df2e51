import type { Logger } from "pino";
import { LOG_EVENTS, type LogEvent } from "./errors.ts";

/** Where the lines go. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;

/** Writes the line of an event: its level and, unless there is a text that says more, what its row in LOG_EVENTS says. */
export function logEvent(
  log: Log,
  event: LogEvent,
  fields: Readonly<Record<string, unknown>> = {},
  text?: string,
): void {
  const { level, meaning, whatToDo } = LOG_EVENTS[event];
  log[level]({ event, ...fields }, text ?? [meaning, whatToDo].join(" ").trim());
}
