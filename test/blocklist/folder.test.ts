import { hash } from "node:crypto";
import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BlocklistFolder } from "../../src/blocklist/folder.ts";
import { encodeList } from "../../src/blocklist/listfile.ts";
import { until } from "../operator/unit/fakes.ts";
import { badkeysFile, numberHashes, sectionOf } from "./samplelists.ts";

const LIST = encodeList([sectionOf("PublishedKey", numberHashes(1, 20))]);
const HALF = LIST.subarray(0, LIST.length / 2);
const MINUTE = 60_000;

let path: string;
let stop: AbortController;
/** Names of lists in force, and whether one could not be read; the latest last. */
let told: { lists: string[]; hasUnread: boolean }[];
let problems: (string | undefined)[];
let onProblem: () => void;
let folder: BlocklistFolder;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "folder-"));
  stop = new AbortController();
  [told, problems, onProblem] = [[], [], () => {}];
  folder = new BlocklistFolder({
    folder: path,
    onChange: (lists, hasUnread) => void told.push({ lists: lists.map(({ name }) => name), hasUnread }),
    onRead: () => {},
    onFound: () => {},
    onGone: () => {},
    onProblem: (name) => {
      problems.push(name);
      onProblem();
    },
  });
});

afterEach(async () => {
  stop.abort();
  await rm(path, { recursive: true });
});

/** As if it had been there for a minute; a negative age is of a clock that is ahead. */
async function put(name: string, content: Buffer, ageMs = MINUTE): Promise<void> {
  const file = join(path, name);
  await writeFile(`${path}/.${name}`, content);
  const time = new Date(Date.now() - ageMs);
  await utimes(`${path}/.${name}`, time, time);
  await rename(`${path}/.${name}`, file);
}

describe("at the start", () => {
  test("a list is in force", async () => {
    await put("a.blocklist", LIST);
    await folder.load(stop.signal);
    expect(told).toEqual([{ lists: ["a.blocklist"], hasUnread: false }]);
  });

  test.each([
    ["just now", 0],
    ["in the future, by another clock", -60 * MINUTE],
  ])("a list that was written %s is waited for", async (_what, age) => {
    await put("a.blocklist", LIST, age);
    await folder.load(stop.signal);
    expect(told.at(-1)).toEqual({ lists: ["a.blocklist"], hasUnread: false });
  });

  test("a list that is half there is waited for", async () => {
    await put("a.blocklist", HALF);
    onProblem = () => void put("a.blocklist", LIST);
    await folder.load(stop.signal);
    expect([problems, told.at(-1)]).toEqual([["a.blocklist"], { lists: ["a.blocklist"], hasUnread: false }]);
  });

  test("a list that stays broken stops nobody: the others are in force, and it is told that one is missing", async () => {
    await put("a.blocklist", HALF);
    await put("b.blocklist", LIST);
    await folder.load(stop.signal);
    expect([problems, told.at(-1)]).toEqual([["a.blocklist"], { lists: ["b.blocklist"], hasUnread: true }]);
  });

  test("waiting ends when the operator is stopped", async () => {
    await put("a.blocklist", HALF);
    onProblem = () => stop.abort();
    await folder.load(stop.signal);
    expect(told.at(-1)).toEqual({ lists: [], hasUnread: true });
  });

  test("a folder that is not there is told with what to do", async () => {
    const missing = new BlocklistFolder({
      folder: join(path, "missing"),
      onChange: () => {},
      onRead: () => {},
      onFound: () => {},
      onGone: () => {},
      onProblem: () => {},
    });
    await expect(missing.load(stop.signal)).rejects.toThrow(
      /missing cannot be read \(ENOENT\); check blocklists$/,
    );
  });
});

describe("badkeys' list", () => {
  const list = badkeysFile(numberHashes(1, 20).map((hash) => [hash, 1]));
  const data = (of: Buffer) =>
    Buffer.from(JSON.stringify({ bkformat: 0, blocklist_sha256: hash("sha256", of) }));

  test.each([
    ["is that", data(list), []],
    ["is another", data(list.subarray(16)), ["blocklist.dat"]],
    ["is missing", Buffer.from("{}"), ["blocklist.dat"]],
    ["was cut off", data(list).subarray(0, -10), ["blocklist.dat"]],
  ])(
    "is read where its SHA-256 in badkeysdata.json beside it is right: it %s",
    async (_what, beside, broken) => {
      await put("blocklist.dat", list);
      await put("badkeysdata.json", beside);
      onProblem = () => stop.abort();
      await folder.load(stop.signal);
      expect([problems, told.at(-1)?.lists]).toEqual([broken, broken.length > 0 ? [] : ["blocklist.dat"]]);
    },
  );

  test("is read once the file beside it is the right one", async () => {
    await put("blocklist.dat", list);
    await put("badkeysdata.json", data(LIST));
    onProblem = () => void put("badkeysdata.json", data(list));
    await folder.load(stop.signal);
    expect(told.at(-1)).toEqual({ lists: ["blocklist.dat"], hasUnread: false });
  });
});

describe("later", () => {
  const last = () => told.at(-1);

  test("a broken file keeps its list in force, and none is missing", async () => {
    await put("a.blocklist", LIST);
    await folder.load(stop.signal);
    void folder.run(stop.signal);
    await put("a.blocklist", HALF);
    await until("it is told", () => problems.length > 0);
    expect(told).toEqual([{ lists: ["a.blocklist"], hasUnread: false }]);
  });

  test("a file that was broken from the start is no longer missing when it is whole, or gone", async () => {
    await put("a.blocklist", HALF);
    await put("b.blocklist", HALF);
    const isTold = new AbortController();
    onProblem = () => isTold.abort();
    await folder.load(isTold.signal);
    void folder.run(stop.signal);
    await put("a.blocklist", LIST);
    await rm(join(path, "b.blocklist"));
    await until("none is missing", () => last()?.hasUnread === false);
    expect(last()).toEqual({ lists: ["a.blocklist"], hasUnread: false });
  });

  test("a file that is taken away and written anew keeps its list in force meanwhile", async () => {
    await put("a.blocklist", LIST);
    // Each time it is looked at once.
    await folder.load(stop.signal);
    await rm(join(path, "a.blocklist"));
    await folder.load(stop.signal);
    await put("a.blocklist", LIST);
    await folder.load(stop.signal);
    expect(told.map(({ lists }) => lists)).toEqual([["a.blocklist"], ["a.blocklist"]]);
  });

  test("a list is no longer in force once its file stays away", async () => {
    await put("a.blocklist", LIST);
    await folder.load(stop.signal);
    await rm(join(path, "a.blocklist"));
    await folder.load(stop.signal);
    await folder.load(stop.signal);
    expect(last()).toEqual({ lists: [], hasUnread: false });
  });

  test("a new file that is broken is missing", async () => {
    await folder.load(stop.signal);
    void folder.run(stop.signal);
    await put("a.blocklist", HALF);
    await until("it is told", () => last()?.hasUnread === true);
    expect(problems).toEqual(["a.blocklist"]);
  });
});
