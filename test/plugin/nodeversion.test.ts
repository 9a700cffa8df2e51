import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "acorn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BUNDLE, plugin } from "./plugin.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sshkey-plugin-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("on an older Node it says which one it needs, and nothing else", async () => {
  const older = join(folder, "older.cjs");
  writeFileSync(
    older,
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } });',
  );
  expect(await plugin(["list"], { env: { NODE_OPTIONS: `--require ${older}` } })).toEqual({
    code: 2,
    stdout: "",
    stderr:
      "error: kubectl sshkey needs Node 24 or newer, and this is Node 20.1.0: install a newer one, or put it first on the PATH\n",
  });
});

test("that is so in a syntax that older ones read", () => {
  const text = readFileSync(BUNDLE, "utf8");
  expect(() => parse(text, { ecmaVersion: 2018, allowHashBang: true })).not.toThrow();
});
