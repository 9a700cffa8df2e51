import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { personWith } from "./person.ts";
import { plugin } from "./plugin.ts";
import { RunningPlugin } from "./runningplugin.ts";

const KEYS = { alice: freshKey(), bob: freshKey() };
const NOBODYS = freshKey();

let cluster: Cluster;
let people: Tenant;
let viewer: string;
let editor: string;
let folder: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  people = new Tenant(cluster, await cluster.namespace());
  viewer = await personWith("view", people);
  editor = await personWith("edit", people);
  folder = await mkdtemp(join(tmpdir(), "who-"));
  const laptop = { user: "alice", key: `${KEYS.alice} a@b`, title: "Alice's \u{1f4bb}" };
  await people.create("alice-laptop", laptop);
  await people.create("bob-desktop", { user: "bob", key: KEYS.bob });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await cluster?.stop();
});

function sha256(key: string): string {
  return fingerprintSHA256(Buffer.from(key.split(" ")[1] ?? "", "base64"));
}

function loginLine(user: string, key: string): string {
  return `Accepted publickey for ${user} from 192.0.2.7 port 51880 ssh2: ED25519 ${sha256(key)}`;
}

async function who(args: readonly string[], input = "") {
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["who", "-n", people.namespace, "--as", editor, ...args], { kubeconfig, input });
}

describe("of a log", () => {
  test("each line with a key is answered, and no other", async () => {
    const input = [
      "Server listening on 0.0.0.0 port 22.",
      `Jul 24 13:07:14 b1 sshd[2964]: ${loginLine("root", KEYS.alice)}`,
      "{broken",
      `{"MESSAGE":null}`,
      `{"MESSAGE":null}`,
      `[pod/b-0/sshd] Failed publickey for invalid user x\\033[2J from UNKNOWN port 1 ssh2: RSA ${sha256(NOBODYS)}\r`,
    ].join("\n");
    const { code, stdout, stderr } = await who(["--log", "-"], input);
    expect([code, stdout.split("\n")]).toEqual([
      0,
      [
        `Jul 24 13:07:14 accepted root from 192.0.2.7 port 51880 ${sha256(KEYS.alice)} alice: SSHKey ${people.namespace}/alice-laptop "Alice's \u{1f4bb}", Unknown`,
        `failed x\\033[2J from UNKNOWN port 1 ${sha256(NOBODYS)} nobody's`,
        "",
      ],
    ]);
    expect(stderr.match(/journalctl has left out .*/g)).toEqual([
      "journalctl has left out long messages, which could be logins: run it with --all.",
    ]);
  });

  test("a program gets one object a line", async () => {
    const log = join(folder, "sshd.log");
    await writeFile(log, `2026-08-01T10:00:00.1Z stderr F ${loginLine("alice", KEYS.alice)}\n`);
    const { stdout } = await who(["--log", log, "-o", "json"]);
    expect(JSON.parse(stdout)).toEqual({
      fingerprint: sha256(KEYS.alice),
      outcome: "accepted",
      user: "alice",
      address: "192.0.2.7",
      port: 51880,
      time: "2026-08-01T10:00:00.1Z",
      owners: [
        {
          user: "alice",
          namespace: people.namespace,
          name: "alice-laptop",
          title: "Alice's \u{1f4bb}",
          state: "Unknown",
        },
      ],
    });
  });

  test("only the lines of a key, if one is given", async () => {
    const input = `${loginLine("bob", KEYS.bob)}\n${loginLine("alice", KEYS.alice)}\n`;
    const { stdout } = await who([KEYS.alice, "--log", "-"], input);
    expect(stdout.split("\n")).toEqual([expect.stringContaining("alice-laptop"), ""]);
  });

  test("in which nobody is known, the exit code is 1", async () => {
    const { code } = await who(["--log", "-"], loginLine("x", NOBODYS));
    expect(code).toBe(1);
  });
});

describe("while a log goes on", () => {
  function follow(...args: readonly string[]): RunningPlugin {
    const { kubeconfig } = cluster.controlPlane;
    return new RunningPlugin(["who", "-n", people.namespace, "--as", viewer, ...args], kubeconfig);
  }

  test("each line is answered at once, and keys that are new are found", async () => {
    const running = follow("--log", "-");
    try {
      running.write(`${loginLine("alice", KEYS.alice)}\n`);
      expect(await running.lines(1)).toEqual([expect.stringContaining("alice-laptop")]);
      const key = freshKey();
      await people.create("frank", { user: "frank", key });
      let asked = 0;
      for (let found = false; !found; found = running.stdout.includes("/frank")) {
        asked += 1;
        running.write(`${loginLine("frank", key)}\n`);
        await running.lines(1 + asked);
      }
      expect(await running.finish()).toBe(0);
    } finally {
      running.kill();
    }
  });

  test("Ctrl-C ends it within a second", async () => {
    const running = follow("--log", "-");
    try {
      running.write(`${loginLine("alice", KEYS.alice)}\n`);
      await running.lines(1);
      const started = performance.now();
      expect(await running.interrupt()).toBe(130);
      expect(performance.now() - started).toBeLessThan(1000);
    } finally {
      running.kill();
    }
  });

  test("and also while it waits for somebody to write to a named pipe", async () => {
    const pipe = join(folder, "pipe");
    await run("mkfifo", [pipe]);
    const running = follow("--log", pipe);
    try {
      await running.says("You may not list Secrets");
      expect(await running.interrupt()).toBe(130);
    } finally {
      running.kill();
    }
  });

  test("a named pipe is read to its end", async () => {
    const pipe = join(folder, "another");
    await run("mkfifo", [pipe]);
    const running = follow("--log", pipe);
    try {
      await writeFile(pipe, `${loginLine("alice", KEYS.alice)}\n`);
      await running.lines(1);
      expect(await running.finish()).toBe(0);
    } finally {
      running.kill();
    }
  });
});
