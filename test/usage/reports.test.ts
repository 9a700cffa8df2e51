import { appendFile, rename, truncate, utimes, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeyStatusPath } from "../../src/api/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { acceptedLine, Bastion, logFile, type ReportedKey, send, storedKey, today } from "./bastion.ts";

let cluster: Cluster;
let bastion: Bastion;

beforeAll(async () => {
  cluster = await sharedCluster();
  bastion = await Bastion.open(cluster);
});

afterAll(async () => {
  await cluster.stop();
});

const newKey = (name: string, o = {}) => storedKey(cluster, bastion.namespace, name, o);
const NOWHERE = `SHA256:${"x".repeat(43)}`;

describe("a log on standard input", () => {
  test("says which key was used, on which day, and by which log", async () => {
    const key = await newKey("used");
    const { code } = await bastion.usage([key.line()], ["--source", "node-1"]);
    expect([code, await key.lastUsed()]).toEqual([
      0,
      { time: today(), source: "node-1", fingerprint: key.fingerprint },
    ]);
  });

  test("counts by the day of its lines", async () => {
    const key = await newKey("by-day");
    await bastion.usage([key.line("2026-01-05T07:00:00Z"), key.line("2026-01-03T07:00:00Z")]);
    expect((await key.lastUsed())?.time).toBe("2026-01-05T00:00:00Z");
  });

  test("says nothing of a day that has not come yet", async () => {
    const key = await newKey("future");
    await bastion.usage([key.line("2999-01-01T00:00:00Z")]);
    expect((await key.lastUsed())?.time).toBe(today());
  });

  test("is believed where it says that somebody logged in, and nowhere else", async () => {
    const key = await newKey("not-used");
    const accepted = key.line();
    await bastion.usage([
      accepted.replace("Accepted", "Failed"),
      accepted.replace("Accepted", "Partial"),
      accepted.replace("Accepted", "Postponed"),
      `${new Date().toISOString()} bastion sshd[7]: Invalid user ${key.fingerprint} from 192.0.2.7 port 1`,
    ]);
    expect(await key.lastUsed()).toBeUndefined();
  });

  test("may name the key by MD5", async () => {
    const key = await newKey("by-md5");
    const { fingerprintMD5 = "" } = (await key.read()).status ?? {};
    await bastion.usage([acceptedLine(`MD5:${fingerprintMD5}`)]);
    expect((await key.lastUsed())?.fingerprint).toBe(key.fingerprint);
  });

  test("changes nothing but that field", async () => {
    const key = await newKey("rest");
    const before = await key.read();
    await bastion.usage([key.line()]);
    const { status } = await key.read();
    expect(status).toEqual({ ...before.status, lastUsed: await key.lastUsed() });
  });

  test("says nothing of a duplicate, by which nobody logs in", async () => {
    const holder = await newKey("holder");
    const { spec } = await holder.read();
    const duplicateOf = { namespace: bastion.namespace, name: "holder" };
    const duplicate = await newKey("duplicate", { key: spec.key, status: { duplicateOf } });
    await bastion.usage([holder.line()]);
    expect([(await holder.lastUsed())?.time, await duplicate.lastUsed()]).toEqual([today(), undefined]);
  });
});

describe("a key is written once a day", () => {
  test("however often it logs in", async () => {
    const key = await newKey("often");
    await bastion.usage([key.line(), key.line(), key.line()]);
    const before = (await key.read()).metadata;
    await bastion.usage([key.line(), key.line()], ["--source", "another"]);
    expect((await key.read()).metadata).toEqual(before);
  });

  test("and an old log takes no later day back", async () => {
    const key = await newKey("old-log");
    await bastion.usage([key.line()]);
    await bastion.usage([key.line("2026-01-05T07:00:00Z")]);
    expect((await key.lastUsed())?.time).toBe(today());
  });

  test("also where somebody has written a day that never comes", async () => {
    const key = await newKey("forged");
    await report(key, { time: "2999-01-01T00:00:00Z" });
    await bastion.usage([key.line()]);
    expect((await key.lastUsed())?.time).toBe(today());
  });

  test("again when it is another key", async () => {
    const key = await newKey("rotated");
    await report(key, { time: today(), fingerprint: NOWHERE });
    await bastion.usage([key.line()]);
    expect((await key.lastUsed())?.fingerprint).toBe(key.fingerprint);
  });
});

test("at its end it says what it has read and reported, so that one sees what it did not find", async () => {
  const key = await newKey("counted");
  const { stdout } = await bastion.usage([key.line(), acceptedLine(NOWHERE), "something else"]);
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(last).toMatchObject({
    event: "UsageStopped",
    lines: 3,
    logins: { known: 1, unknown: 1 },
    reports: { written: 1, foreign: 0, refused: 0 },
  });
});

describe("a file", () => {
  test("without times is as old as its last change", async () => {
    const key = await newKey("undated");
    const file = await logFile([key.line("").trim().slice("bastion ".length)]);
    const at = new Date("2026-02-03T10:00:00Z");
    await utimes(file, at, at);
    await bastion.usage([], [file]);
    expect((await key.lastUsed())?.time).toBe("2026-02-03T00:00:00Z");
  });

  test("that is not there ends the command with what to do", async () => {
    const { code, stderr } = await bastion.usage([], ["/nowhere/auth.log"]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("give another file")]);
  });
});

describe("a followed file", () => {
  test("is read from its beginning, as it grows, when it is renamed and when it is cut short", async () => {
    const names = ["first", "grown", "late", "renamed", "shortened"];
    const [first, grown, late, renamed, shortened] = (await Promise.all(
      names.map((name) => newKey(`follow-${name}`)),
    )) as [ReportedKey, ReportedKey, ReportedKey, ReportedKey, ReportedKey];
    const file = await logFile([first.line()]);
    const usage = await bastion.start(["--follow", file]);
    const isReported = (key: ReportedKey) =>
      eventually(`${key.name} is reported`, async () => (await key.lastUsed()) !== undefined);
    await isReported(first);
    await appendFile(file, `${grown.line()}\n`);
    await isReported(grown);
    await rename(file, `${file}.1`);
    await appendFile(`${file}.1`, `${late.line()}\n`);
    await writeFile(file, `bastion sshd[7]: Server listening on 0.0.0.0 port 22.\n${renamed.line()}\n`);
    await isReported(late);
    await isReported(renamed);
    await truncate(file, 0);
    await appendFile(file, `${shortened.line().slice(0, -1)}`);
    await appendFile(file, `${shortened.line().slice(-1)}\n`);
    await isReported(shortened);
    expect(await usage.stop()).toBe(0);
  });

  test("that comes later is waited for", async () => {
    const key = await newKey("later");
    const file = await logFile([]);
    await rename(file, `${file}.away`);
    const usage = await bastion.start(["--follow", file]);
    await writeFile(file, `${key.line()}\n`);
    await eventually("it is reported", async () => (await key.lastUsed()) !== undefined);
    expect(await usage.stop()).toBe(0);
  });
});

describe("the command line", () => {
  test.each([
    [["--pods", "auth.log"], "--pods reads pods alone"],
    [["--selector", "app=a", "auth.log"], "give --pods, too"],
    [["--follow"], "--follow is for files"],
    [["--namespace", "another", "auth.log"], "give --namespace once"],
    [["--from", "No Name"], "Give the name of a namespace"],
  ])("%s is told what to do instead", async (args, says) => {
    const { code, stderr } = await bastion.usage([], args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  });
});

async function report(key: ReportedKey, lastUsed: object): Promise<void> {
  const { namespace, name, fingerprint } = key;
  await send(cluster, "PATCH", sshKeyStatusPath(namespace, name), {
    status: { lastUsed: { source: "by hand", fingerprint, ...lastUsed } },
  });
}
