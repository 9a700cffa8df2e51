import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { freshKey } from "../operator/publickeys.ts";
import { BUNDLE, plugin } from "./plugin.ts";

let folder: string;
let pipe: string;
let key: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "pipes-"));
  [pipe, key] = [join(folder, "pipe"), join(folder, "key.pub")];
  await run("mkfifo", [pipe]);
  writeFileSync(key, `${freshKey()}\n`);
});

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Has the process opened it? One that waits in open() for somebody who writes has not. */
function holdsPipe(pid: number | undefined): boolean {
  const files = `/proc/${pid}/fd`;
  return readdirSync(files).some((each) => {
    try {
      return readlinkSync(join(files, each)) === pipe;
    } catch {
      return false;
    }
  });
}

test.each([
  ["add", "PIPE", "--user", "alice", "--dry-run", "client"],
  ["add", "KEY", "--user", "alice", "--proof", "PIPE", "--dry-run", "client"],
  ["rotate", "alice-laptop", "--key", "PIPE"],
  ["import", "authorized_keys", "PIPE", "--user", "alice"],
  ["check", "PIPE"],
  ["check", "--config", "PIPE", "KEY"],
  ["check", "--revoked-keys", "PIPE", "KEY"],
  ["list", "--kubeconfig", "PIPE"],
])("%s %s %s %s %s %s %s is stopped by Ctrl-C while nobody writes to the pipe", async (...words) => {
  const args = words.map((word) => ({ PIPE: pipe, KEY: key })[word] ?? word);
  const env = { ...process.env, KUBECONFIG: "/nowhere", HOME: folder };
  child = spawn(process.execPath, [BUNDLE, ...args], { env, stdio: ["ignore", "ignore", "inherit"] });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  await eventually("it waits for the pipe", () => holdsPipe(child?.pid));
  const started = performance.now();
  child.kill("SIGINT");
  expect(await promise).toBe(130);
  expect(performance.now() - started).toBeLessThan(1000);
});

describe("what comes through a pipe", () => {
  async function piped(text: string, ...words: readonly string[]) {
    const writer = run("sh", ["-c", 'printf %s "$1" > "$2"', "sh", text, pipe]);
    const finished = await plugin(words);
    await writer;
    return finished;
  }

  test("is a kubeconfig as a file would be", async () => {
    const { code, stderr } = await piped("contexts: []\n", "list", "--kubeconfig", pipe, "--context", "mine");
    expect([code, stderr]).toEqual([2, expect.stringContaining("mine")]);
  });

  test("is the operator's configuration", async () => {
    const config = "policy:\n  allowedTypes: [ssh-rsa]\n";
    const { code, stdout } = await piped(config, "check", "--config", pipe, key);
    expect([code, stdout]).toEqual([1, expect.stringContaining("TypeNotAllowed")]);
  });
});

test("a pipe among the .pub files of ~/.ssh holds up no proof", async () => {
  const home = join(folder, "home");
  mkdirSync(join(home, ".ssh"), { recursive: true });
  await run("mkfifo", [join(home, ".ssh", "a.pub")]);
  const args = ["add", key, "--user", "alice", "--prove", "--dry-run", "client"];
  const { code, stderr } = await plugin(args, { env: { HOME: home, SSH_AUTH_SOCK: "" } });
  expect([code, stderr]).toEqual([2, expect.stringContaining("neither ~/.ssh nor ssh-agent")]);
});
