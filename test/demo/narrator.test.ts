import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exactly, lineWith, nowhere, StepFailed } from "../../demo/expectation.ts";
import { Narrator } from "../../demo/narrator.ts";
import { Screen } from "../../demo/screen.ts";
import { Interrupted, quoted, Shell } from "../../demo/shell.ts";

let dir: string;
let printed: string;
let interrupt: AbortController;
let narrator: Narrator;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "narrator-"));
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

beforeEach(() => {
  printed = "";
  interrupt = new AbortController();
  const write = (text: string) => {
    printed += text;
  };
  const screen = new Screen({ write, columns: () => undefined, colours: false });
  narrator = new Narrator(screen, new Shell({ cwd: dir, env: process.env, dir }), interrupt.signal);
});

describe("a step fails, and says what was expected and what was seen,", () => {
  test("when the output lacks what it should show", async () => {
    const failed = narrator.act("echo a lamb", lineWith("a", "wolf"));
    await expect(failed).rejects.toThrow("$ echo a lamb\nexpected a line with a and wolf\nseen:\na lamb");
  });

  test("when the output is another", async () => {
    await expect(narrator.act("echo one; echo two", exactly("one\n"))).rejects.toThrow(StepFailed);
  });

  test("when a command fails", async () => {
    await expect(narrator.act("echo no >&2; exit 3")).rejects.toThrow(
      "expected exit code 0 and not 3\nseen:\nno",
    );
  });

  test("when a command that should be refused is not", async () => {
    await expect(narrator.refused("true")).rejects.toThrow(
      "expected exit code 1 and not 0\nseen:\n(nothing)",
    );
  });

  test("and does not tell what must not be told", async () => {
    const failed: unknown = await narrator.act("true", nowhere("the key", "")).catch((error) => error);
    expect(String(failed)).toContain("expected the key nowhere");
  });
});

test("a look waits for what it should show, and prints that alone", async () => {
  await narrator.look("echo x >> looks; wc -l < looks", [lineWith("3")]);
  expect(printed).toBe("  $ echo x >> looks; wc -l < looks\n  3\n\n");
});

test("a command ends when the demo is interrupted", async () => {
  const running = narrator.act("sleep 600");
  interrupt.abort();
  await expect(running).rejects.toThrow(Interrupted);
});

test("a path of any characters is one word of the shell", async () => {
  const path = "/tmp/it's a $(folder)";
  await narrator.act(`printf %s ${quoted(path)}`, exactly(path));
});
