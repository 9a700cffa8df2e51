import type { RefusalCode, Result } from "../../src/ssh/refusal.ts";

/** The code of a refusal; undefined for an accepted value. */
export function codeOf(result: Result<unknown>): RefusalCode | undefined {
  return result.ok ? undefined : result.refusal.code;
}

/** The message of a refusal; empty for an accepted value. */
export function messageOf(result: Result<unknown>): string {
  return result.ok ? "" : result.refusal.message;
}

/** The value, or a failure that names the refusal. */
export function accepted<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused: ${result.refusal.code}: ${result.refusal.message}`);
  return result.value;
}
