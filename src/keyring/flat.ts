/**
 * A copy of its own. V8 keeps the whole longer string alive for one that was cut from it, and both parts of one that
 * was put together.
 */
export function flat(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
