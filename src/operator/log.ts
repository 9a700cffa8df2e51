import type { Logger } from "pino";

/** What the loop says goes through here; each line carries a stable `event`. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;
