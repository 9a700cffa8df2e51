import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";
import { BASTION_EXAMPLES } from "./example.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";

/** The loop of the image. What only root may do, giving a home away, is done for it by a program that writes it down. */
const LOOP = join(BASTION_EXAMPLES, "image", "accounts");

let folder: string;
let keys: SecretVolume;
let running: Child | undefined;

beforeEach(async () => {
  folder = await openFolder();
  keys = await secretVolume(join(folder, "keys"));
  await Promise.all(["homes", "data", "bin"].map((name) => mkdir(join(folder, name))));
  const chown = join(folder, "bin", "chown");
  await writeFile(chown, `#!/bin/sh\necho "$@" >>${join(folder, "given")}\n`);
  await chmod(chown, 0o755);
});

afterEach(async () => {
  await running?.stop();
  await rm(folder, { recursive: true });
});

test("each file becomes an account, and what kubelet has beside the files does not", async () => {
  await keys.update({ alice: "", "b.c-d_e": "" });
  start();
  expect(await accounts(2)).toEqual({ alice: 10_001, "b.c-d_e": 10_002 });
});

test("an account of the image stays what it is", async () => {
  await keys.update({ alice: "", root: "", nobody: "" });
  start();
  await accounts(1);
  await keys.update({ alice: "", bob: "", root: "", nobody: "" });
  expect(await accounts(2)).toEqual({ alice: 10_001, bob: 10_002 });
});

test("a UID stays its account's, after the file is gone and after a restart", async () => {
  await keys.update({ alice: "", bob: "" });
  start();
  await accounts(2);
  await keys.update({ carol: "" });
  await accounts(3);
  await running?.stop();
  await keys.update({ alice: "", dora: "" });
  start();
  expect(await accounts(4)).toEqual({ alice: 10_001, bob: 10_002, carol: 10_003, dora: 10_004 });
});

test("a volume without files is no account", async () => {
  await keys.update({});
  start();
  await keys.update({ alice: "" });
  expect(await accounts(1)).toEqual({ alice: 10_001 });
});

test("a home is its account's alone", async () => {
  await keys.update({ alice: "" });
  start();
  await accounts(1);
  const home = join(folder, "homes", "alice");
  expect((await stat(home)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(folder, "given"), "utf8")).toBe(`10001:10000 ${home}\n`);
});

test("for a chroot the home is a folder in one that stays root's", async () => {
  await keys.update({ acme: "" });
  start("files");
  await accounts(1);
  const home = join(folder, "homes", "acme", "files");
  expect((await stat(join(home, ".."))).mode & 0o777).toBe(0o755);
  expect(await readFile(join(folder, "given"), "utf8")).toBe(`10001:10000 ${home}\n`);
});

function start(...below: readonly string[]): void {
  running = spawnChild({
    name: "accounts",
    command: "sh",
    args: [LOOP, keys.path, join(folder, "homes"), ...below],
    env: { PATH: `${join(folder, "bin")}:${process.env.PATH}`, EXTRAUSERS: join(folder, "data") },
    logFile: join(folder, "log"),
  });
}

/** The UIDs by name, when there are that many. */
async function accounts(count: number): Promise<Readonly<Record<string, number>>> {
  return await eventually(`there are ${count} accounts`, async () => {
    const text = await readFile(join(folder, "data", "passwd"), "utf8");
    const entries = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(":"));
    if (entries.length !== count) throw new Error(`${text}${running?.output()}`);
    return Object.fromEntries(entries.map(([name, , uid]) => [name, Number(uid)]));
  });
}
