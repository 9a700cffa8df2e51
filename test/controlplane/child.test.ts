import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";
import { runs } from "./processes.ts";

const MODULE = join(import.meta.dirname, "..", "..", "controlplane", "child.ts");

let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "child-"));
});

afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

let count = 0;

function shell(script: string): Child {
  count += 1;
  return spawnChild({
    name: "script",
    command: "sh",
    args: ["-c", script],
    logFile: join(dir, `${count}.log`),
  });
}

/** A Node process that starts a shell script as its child; resolves with the process ids that it prints. */
async function parent(script: string, then: string): Promise<{ parent: ChildProcess; pids: number[] }> {
  count += 1;
  const logFile = join(dir, `${count}.log`);
  const program = `
    import { spawnChild } from ${JSON.stringify(MODULE)};
    const child = spawnChild(${JSON.stringify({ name: "script", command: "sh", args: ["-c", script], logFile })});
    ${then}`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" });
  const pids = await eventually("the grandchild tells its process ids", () => {
    const found = /^(\d+) (\d+)\n/.exec(readFileSync(logFile, { encoding: "utf8", flag: "a+" }));
    return found?.slice(1).map(Number);
  });
  return { parent, pids };
}

const TWO_PROCESSES = 'sleep 300 & echo $$ $!; trap "" TERM; wait; sleep 300';

test("a child and its descendants die when their parent is killed by SIGKILL", async () => {
  const { parent: killed, pids } = await parent(TWO_PROCESSES, "");
  killed.kill("SIGKILL");
  await eventually("both processes are gone", () => !pids.some(runs));
});

test("a child dies when its parent exits without stopping it", async () => {
  const { parent: exits, pids } = await parent(
    TWO_PROCESSES,
    `const { readFileSync } = await import("node:fs");
     setInterval(() => { if (child.output() !== "") setTimeout(() => process.exit(0), 200) }, 20)`,
  );
  await eventually("the parent is gone", () => exits.exitCode !== null);
  await eventually("both processes are gone", () => !pids.some(runs));
});

test("a signal to the parent's process group does not reach the child", async () => {
  const child = shell("echo started; sleep 300");
  await eventually("the child runs", () => child.output() !== "");
  const group = readFileSync(`/proc/${child.pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")[2];
  expect(Number(group)).toBe(child.pid);
  child.kill("SIGKILL");
  await child.exited;
});

test("the child's process id is the command's own", async () => {
  const child = shell("echo $$");
  await child.exited;
  expect(child.output()).toBe(`${child.pid}\n`);
});

test("exited gives the command's exit code", async () => {
  expect(await shell("exit 7").exited).toEqual({ code: 7, signal: null });
});

test("exited gives the signal that ended the command", async () => {
  const child = shell("sleep 300");
  child.kill("SIGKILL");
  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("a command that does not exist ends with code 127 and is named in the output", async () => {
  const child = spawnChild({
    name: "absent",
    command: "no-such-command",
    args: [],
    logFile: join(dir, "absent.log"),
  });
  expect(await child.exited).toEqual({ code: 127, signal: null });
  expect(child.output()).toContain("no-such-command");
});

test("a working folder that does not exist is refused with its path", () => {
  const start = () =>
    spawnChild({ name: "lost", command: "true", args: [], cwd: "/no/such", logFile: join(dir, "lost.log") });
  expect(start).toThrow(/lost could not be started.*\/no\/such/);
});

test("stop lets a child end by itself on SIGTERM", async () => {
  const child = shell("trap 'echo bye; exit 3' TERM; echo started; while :; do sleep 0.05; done");
  await eventually("the child runs", () => child.output() !== "");
  await child.stop();
  expect(await child.exited).toEqual({ code: 3, signal: null });
});

test("stop kills a child that ignores SIGTERM once the grace is over", async () => {
  const child = shell('trap "" TERM; echo started; while :; do sleep 0.05; done');
  await eventually("the child runs", () => child.output() !== "");
  await child.stop(100);
  expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("stop and kill do nothing to a child that has already ended", async () => {
  const child = shell("exit 0");
  await child.exited;
  child.kill("SIGKILL");
  await child.stop();
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test("an ended child leaves no watcher behind", async () => {
  const child = shell("exit 0");
  await child.exited;
  await eventually("the process group is empty", () => !groupExists(child.pid));
});

function groupExists(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
