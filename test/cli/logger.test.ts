import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import type { LogFormat } from "../../src/cli/logger.ts";

const logger = join(import.meta.dirname, "../../src/cli/logger.ts");

/** What a process prints that logs `fields`, a JavaScript expression, and ends. */
const printed = (format: LogFormat, fields: string) =>
  execFileSync(process.execPath, ["--input-type=module"], {
    encoding: "utf8",
    input: `
      import { createLogger } from ${JSON.stringify(logger)};
      class WriteError extends TypeError { secret = "hush"; }
      const defect = new WriteError("cannot write", { cause: new Error("disk full") });
      const log = await createLogger("info", ${JSON.stringify(format)});
      log.error({ event: "Failed", ${fields} }, "Unexpected.");
      log.flush();
    `,
  });

test.each(["err", "error"])("an Error under %s is one line of JSON with type, message and stack", (key) => {
  const { [key]: logged, ...line } = JSON.parse(printed("json", `${key}: defect`));
  expect(line).toMatchObject({ level: "error", event: "Failed", msg: "Unexpected." });
  expect(logged).toEqual({
    type: "WriteError",
    message: "cannot write: disk full",
    stack: expect.stringMatching(/cannot write\n {4}at .*disk full/s),
  });
});

test("an Error is readable in the format for people too, and its other fields are left out", () => {
  const text = printed("pretty", "err: defect");
  for (const part of ["WriteError", "cannot write", "disk full", " at "]) expect(text).toContain(part);
  expect(text).not.toContain("hush");
});

test("a message in the place of an Error stays what it is", () => {
  expect(JSON.parse(printed("json", 'error: "GET /api: 503"'))).toMatchObject({ error: "GET /api: 503" });
});

test("a line that comes while earlier ones are still being written is written after them", async () => {
  const child = spawn(process.execPath, ["--input-type=module"], { stdio: ["pipe", "pipe", "pipe"] });
  const timeout = setTimeout(() => child.kill("SIGKILL"), 20_000);
  // More than a pipe holds: that is being written until this process reads it.
  child.stdin.end(`
    import { createLogger } from ${JSON.stringify(logger)};
    const log = await createLogger("info", "json");
    log.info("x".repeat(1_000_000));
    setTimeout(() => {
      log.info("last");
      setTimeout(() => process.stderr.write("due"), 200);
    }, 100);
    setInterval(() => {}, 1000);
  `);
  await once(child.stderr, "data");
  const messages: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg } = JSON.parse(line);
    messages.push(msg.slice(0, 4));
    if (msg === "last") child.kill("SIGKILL");
  }
  clearTimeout(timeout);
  expect(messages).toEqual(["xxxx", "last"]);
});

test("while nobody reads them, lines take 16 MiB at most, and how many are missing is told once somebody reads again", async () => {
  const child = spawn(process.execPath, ["--input-type=module"], { stdio: ["pipe", "pipe", "pipe"] });
  const timeout = setTimeout(() => child.kill("SIGKILL"), 20_000);
  child.stdin.end(`
    import { createLogger } from ${JSON.stringify(logger)};
    const log = await createLogger("info", "json");
    for (let i = 0; i < 40; i += 1) log.info(String(i).padEnd(1_000_000));
    setTimeout(() => process.stderr.write("written"), 100);
    setInterval(() => {}, 1000);
  `);
  await once(child.stderr, "data");
  const lines: { readonly event?: string; readonly count?: number }[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(JSON.parse(line));
    if (lines.at(-1)?.event === "LogLinesDropped") child.kill("SIGKILL");
  }
  clearTimeout(timeout);
  const kept = lines.length - 1;
  expect([kept, lines.at(-1)?.count]).toEqual([16, 24]);
});
