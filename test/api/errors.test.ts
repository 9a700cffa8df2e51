import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import { KEY_ERRORS, LOG_EVENTS, type LogEventMeaning, REQUEST_ERRORS } from "../../src/api/errors.ts";
import type { ApiErrorCode } from "../../src/kube/apierror.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const WORDS = await wordsInSource();

describe("the tables of codes", () => {
  it.each([...Object.keys(KEY_ERRORS), ...Object.keys(LOG_EVENTS), ...Object.keys(REQUEST_ERRORS)])(
    "hold %s since the code uses it",
    (code) => {
      expect(WORDS).toContain(code);
    },
  );

  it("have every code of a failed request, and no other", () => {
    expectTypeOf<keyof typeof REQUEST_ERRORS>().toEqualTypeOf<ApiErrorCode>();
  });

  it("say what to do about every log event that is no history", () => {
    const silent = Object.entries<LogEventMeaning>(LOG_EVENTS).filter(
      ([, { level, whatToDo }]) => level !== "info" && whatToDo === "",
    );
    expect(silent).toEqual([]);
  });

  it("say it in sentences", () => {
    const rows = [KEY_ERRORS, LOG_EVENTS, REQUEST_ERRORS].flatMap((table) => Object.values(table));
    const texts = rows.flatMap(({ meaning, whatToDo }) => [meaning, whatToDo]).filter((text) => text !== "");
    expect(texts.filter((text) => !/\.$/.test(text))).toEqual([]);
  });
});

/** Every word in double quotes in src, but for the tables themselves. */
async function wordsInSource(): Promise<ReadonlySet<string>> {
  const words = new Set<string>();
  for await (const file of glob("src/**/*.ts", { cwd: ROOT, exclude: ["src/api/errors.ts"] })) {
    const source = readFileSync(join(ROOT, file), "utf8");
    for (const [, word = ""] of source.matchAll(/"(\w+)"/g)) words.add(word);
  }
  return words;
}
