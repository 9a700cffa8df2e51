import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshProvableKey, proofFor } from "../claims/keypairs.ts";
import { freshKey, freshRSAKey } from "../operator/publickeys.ts";
import { OpenSSH } from "./openssh.ts";
import { Playground, type Team } from "./playground.ts";
import { RunningPlugin } from "./runningplugin.ts";
import { Terminal } from "./terminal.ts";

let playground: Playground;
let team: Team;
let openssh: OpenSSH;

beforeAll(async () => {
  openssh = await OpenSSH.open();
  playground = await Playground.open();
  team = await playground.team();
});

afterAll(async () => {
  await playground?.close();
  await openssh?.close();
});

/** An SSHKey of this name, and user, whose key is in its Secret. */
async function given(name: string, spec: object = {}): Promise<void> {
  await team.create(name, { user: name, key: freshKey(), ...spec });
  await team.until(name, "Projected");
}

async function rotate(name: string, key: string, ...flags: readonly string[]) {
  return await team.as("editor", ["rotate", name, "--key", "-", ...flags], { input: key });
}

/** All SSHKeys of the user. */
async function keysOf(user: string) {
  return (await team.list()).filter(({ spec }) => spec.user === user);
}

async function namesOf(user: string): Promise<readonly string[]> {
  return (await keysOf(user)).map(({ metadata }) => metadata.name);
}

describe("a key that is rotated", () => {
  test("is replaced by the new one, which is in the Secret by then", async () => {
    await given("ada");
    const key = freshKey();
    const { code, stdout } = await rotate("ada", key);
    const [name = "", ...others] = await namesOf("ada");
    expect([code, others]).toEqual([0, []]);
    expect(stdout).toBe(
      `sshkey.sshkey-operator.dev/${name} created\nsshkey.sshkey-operator.dev/ada deleted\n`,
    );
    await team.untilFile("sshkeys-ada", [team.line(name, key)]);
  });

  test("keeps title, options and expiry, but for those that are given", async () => {
    const kept = { title: "Laptop", options: ["restrict", "pty"], expiresAt: "2099-01-01T00:00:00Z" };
    await given("ben", kept);
    const key = freshKey();
    await rotate("ben", key, "--title", "Laptop 2");
    expect((await keysOf("ben")).map(({ spec }) => spec)).toEqual([
      { user: "ben", key, ...kept, title: "Laptop 2" },
    ]);
  });

  test("has the proof of the new key and not that of the old one", async () => {
    const [old, key] = [freshProvableKey(), freshProvableKey()];
    await given("cid", { key: old, proof: proofFor("cid", old) });
    const file = join(openssh.folder, "cid");
    await writeFile(file, proofFor("cid", key));
    const { code } = await rotate("cid", key, "--proof", file);
    expect([code, (await keysOf("cid")).map(({ spec }) => spec.proof)]).toEqual([0, [proofFor("cid", key)]]);
  });

  test("may be one that is refused itself", async () => {
    await team.create("weak", { user: "weak", key: freshRSAKey(1024) });
    await team.until("weak", "Weak");
    expect((await rotate("weak", freshKey())).code).toBe(0);
  });
});

test("a rotation that was killed half-way left both, and says so when it is run again", async () => {
  await given("kit");
  const [key, file] = [freshKey(), join(openssh.folder, "kit.pub")];
  await writeFile(file, key);
  await playground.stage.rest();
  const args = ["rotate", "kit", "--key", file, "-n", team.namespace];
  const killed = new RunningPlugin(args, playground.stage.cluster.controlPlane.kubeconfig);
  try {
    await killed.lines(1);
  } finally {
    killed.kill();
    await playground.stage.run();
  }
  const [fresh = ""] = (await namesOf("kit")).filter((name) => name !== "kit");
  expect((await keysOf("kit")).map(({ metadata }) => metadata.name).sort()).toEqual(["kit", fresh].sort());
  const { code, stderr } = await rotate("kit", key);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`is there as SSHKey ${fresh} already`)]);
  expect(stderr).toContain("delete the old one with `kubectl sshkey delete kit ");
  await team.until(fresh, "Projected");
  expect((await team.as("editor", ["delete", "kit", "--yes"])).code).toBe(0);
  expect(await namesOf("kit")).toEqual([fresh]);
});

describe("the new one is taken back and the old one stays", () => {
  test("when the new one is refused: exit code 1 and the reason", async () => {
    await given("dan");
    const { code, stderr } = await rotate("dan", freshRSAKey(1024));
    expect([code, await namesOf("dan")]).toEqual([1, ["dan"]]);
    expect(stderr).toMatch(/ is Weak: .*\ndan-\S+ was taken back: dan stays as it was\n$/);
  });

  test("when the operator says nothing of it in time", async () => {
    const quiet = await playground.team();
    await quiet.create("eve", { user: "eve", key: freshKey() });
    await quiet.until("eve", "Projected");
    await playground.stage.rest();
    try {
      const args = ["rotate", "eve", "--key", "-", "--timeout", "300ms"];
      const { code, stderr } = await quiet.as("editor", args, { input: freshKey() });
      expect([code, stderr]).toEqual([2, expect.stringMatching(/was taken back: eve stays as it was\n$/)]);
      expect((await quiet.list()).map(({ metadata }) => metadata.name)).toEqual(["eve"]);
    } finally {
      await playground.stage.run();
    }
  });

  test("on Ctrl-C, within a second", async () => {
    await given("flo");
    const file = join(openssh.folder, "flo.pub");
    await writeFile(file, freshKey());
    await playground.stage.rest();
    try {
      const { kubeconfig } = playground.stage.cluster.controlPlane;
      const args = ["rotate", "flo", "--key", file, "-n", team.namespace];
      const terminal = new Terminal(args, { KUBECONFIG: kubeconfig });
      await terminal.untilItShows(" created");
      const { code, ms } = await terminal.interrupt();
      expect(ms).toBeLessThan(1000);
      expect([code, await namesOf("flo")]).toEqual([130, ["flo"]]);
      expect(terminal.shown).toContain("was taken back: flo stays as it was");
    } finally {
      await playground.stage.run();
    }
  });

  test("and is not made at all where it has a place already", async () => {
    await given("gus");
    const key = freshKey();
    await given("gus-2", { user: "gus", key });
    const { code, stderr } = await rotate("gus", key);
    expect([code, stderr]).toEqual([2, expect.stringContaining("is there as SSHKey gus-2 already")]);
  });

  test("nor of what Argo CD keeps", async () => {
    await given("hal");
    await team.label("hal", { "argocd.argoproj.io/instance": "people" });
    const { code, stderr } = await rotate("hal", freshKey());
    expect([code, await namesOf("hal")]).toEqual([2, ["hal"]]);
    expect(stderr).toMatch(/^error: hal is kept by Argo CD \(Application people\)/);
  });

  test("nor with a dry run", async () => {
    await given("ira");
    for (const how of ["client", "server"]) await rotate("ira", freshKey(), `--dry-run=${how}`);
    expect(await namesOf("ira")).toEqual(["ira"]);
  });
});
