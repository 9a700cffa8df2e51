import { randomFillSync } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { reasonsFor } from "../../src/blocklist/blocklist.ts";
import { HashCollector, type HashList } from "../../src/blocklist/hashlist.ts";
import { encodeList } from "../../src/blocklist/listfile.ts";
import { readList } from "../../src/blocklist/readlist.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { Turns } from "../../src/turns.ts";
import { Random } from "../ssh/random.ts";
import { accepted } from "../ssh/refusals.ts";
import { lineOf } from "../ssh/samples.ts";

/** As many as badkeys had in 2026. */
const COUNT = 3_750_000;
/** For how long loading may keep everything else waiting. */
const LONGEST_MS = 20;

let list: HashList;
let file: Buffer;

beforeAll(async () => {
  const hashes = randomFillSync(Buffer.alloc(COUNT * 8));
  const collector = new HashCollector();
  const turns = new Turns();
  for (let at = 0; at < hashes.length; at += 8) {
    if (turns.areOver) await turns.next();
    collector.add(hashes.subarray(at, at + 8));
  }
  list = await collector.list();
  file = encodeList([{ reason: "PublishedKey", of: "number", source: "test", hashes: list }]);
});

describe("millions of keys are loaded while other work goes on:", () => {
  test("as a blocklist of the product", async () => {
    const longest = await longestPiece(async () => {
      expect((await readList("list.blocklist", file)).sections[0]?.hashes.size).toBe(list.size);
    });
    expect(longest).toBeLessThan(LONGEST_MS);
  });

  test("as badkeys' blocklist.dat", async () => {
    const records = Buffer.alloc(list.size * 16);
    for (let i = 0; i < list.size; i += 1) {
      list.bytes.copy(records, i * 16, i * 8, i * 8 + 8);
      records[i * 16 + 15] = 1 + (i % 16);
    }
    const longest = await longestPiece(async () => {
      expect((await readList("blocklist.dat", records)).sections).toHaveLength(3);
    });
    expect(longest).toBeLessThan(LONGEST_MS);
  });

  test("as a text of 60 MB", async () => {
    const lines = Buffer.alloc(51 * 1_200_000, `SHA256:${"A".repeat(43)}\n`);
    for (let i = 0, at = 7; at < lines.length; i += 1, at += 51)
      lines.write(list.bytes.toString("base64", i * 8, i * 8 + 8).slice(0, 11), at, "latin1");
    const longest = await longestPiece(async () => {
      expect((await readList("list.txt", lines)).sections[0]?.hashes.size).toBeGreaterThan(1_199_990);
    });
    expect(longest).toBeLessThan(LONGEST_MS);
  });

  test("as a KRL of half a million fingerprints", async () => {
    const items = Buffer.alloc(36 * 500_000);
    for (let i = 0; i < 500_000; i += 1) {
      items.writeUInt32BE(32, i * 36);
      list.bytes.copy(items, i * 36 + 4, i * 8, i * 8 + 8);
    }
    const head = Buffer.concat([
      Buffer.from("SSHKRL\n\0"),
      Buffer.of(0, 0, 0, 1),
      Buffer.alloc(3 * 8 + 2 * 4),
    ]);
    const krl = Buffer.concat([head, Buffer.of(5), encodeStrings([items])]);
    const longest = await longestPiece(async () => {
      expect((await readList("list.krl", krl)).sections[0]?.hashes.size).toBe(500_000);
    });
    expect(longest).toBeLessThan(LONGEST_MS);
  });
});

describe("a file of 60 MB that is no list is refused while other work goes on:", () => {
  test.each([
    ["one line", Buffer.alloc(60 * 2 ** 20, "x")],
    ["lines of one letter", Buffer.alloc(10 * 2 ** 20, "x\n")],
    ["lines as long as any key", Buffer.alloc(60 * 2 ** 20, `${"ssh-rsa AAAA ".repeat(2000)}\n`)],
    ["quotes", Buffer.alloc(60 * 2 ** 20, `${'"\\" '.repeat(8000)}\n`)],
  ])("%s", async (_what, bytes) => {
    const longest = await longestPiece(async () => {
      await expect(readList("list.txt", bytes)).rejects.toThrow("no line of it is a fingerprint");
    });
    expect(longest).toBeLessThan(LONGEST_MS);
  });
});

test("a key is looked up among millions in some microseconds", () => {
  const key = accepted(parsePublicKey(lineOf({ type: "ssh-ed25519", strings: [new Random(1).bytes(32)] })));
  const sections = [{ reason: "PublishedKey", of: "number", source: "test", hashes: list } as const];
  const started = process.threadCpuUsage();
  for (let i = 0; i < 10_000; i += 1) reasonsFor(key, sections);
  const { user, system } = process.threadCpuUsage(started);
  expect((user + system) / 10_000).toBeLessThan(20);
});

/**
 * The longest time but one between two turns of the event loop, in ms of this thread's own processor time: what else runs on
 * the machine does not count, nor does one collection of this program's garbage.
 */
async function longestPiece(work: () => Promise<void>): Promise<number> {
  let isWorking = true;
  const pieces: number[] = [];
  const watch = async () => {
    let before = process.threadCpuUsage();
    while (isWorking) {
      await turn();
      const { user, system } = process.threadCpuUsage(before);
      pieces.push((user + system) / 1000);
      before = process.threadCpuUsage();
    }
  };
  const watching = watch();
  try {
    await work();
  } finally {
    isWorking = false;
    await watching;
  }
  return pieces.sort((a, b) => b - a)[1] ?? 0;
}
