import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { HashCollector, HashList, isSorted } from "../../src/blocklist/hashlist.ts";

/** Few different bytes, so that hashes are equal, or differ in one place alone. */
const someHash = fc
  .array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { minLength: 8, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes));

test("has exactly what was added, whatever the order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someHash), fc.array(someHash), async (added, asked) => {
      const collector = new HashCollector();
      for (const hash of added) collector.add(hash);
      const list = await collector.list();
      const known = new Set(added.map(start));
      expect([...added, ...asked].map((hash) => list.has(hash))).toEqual(
        [...added, ...asked].map((hash) => known.has(start(hash))),
      );
    }),
  );
});

test("is sorted, and has each once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someHash), async (added) => {
      const collector = new HashCollector();
      for (const hash of added) collector.add(hash);
      const { bytes } = await collector.list();
      expect(bytes.equals(HashList.of(added).bytes)).toBe(true);
      expect(startsOf(bytes)).toEqual([...new Set(added.map(start))].sort());
    }),
  );
});

test("a union has what is in either, each once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someHash), fc.array(someHash), async (a, b) => {
      const { bytes } = await HashList.union(HashList.of(a), HashList.of(b));
      expect(bytes.equals(HashList.of([...a, ...b]).bytes)).toBe(true);
    }),
  );
});

test("more than are sorted at once are merged", async () => {
  const collector = new HashCollector();
  const random = randomBytes(8 * 100_000);
  for (let at = 0; at < random.length; at += 8) collector.add(random.subarray(at, at + 8));
  for (let at = 0; at < random.length; at += 8) collector.add(random.subarray(at, at + 8));
  const list = await collector.list();
  expect([list.size, await isSorted(list.bytes, 8)]).toEqual([100_000, true]);
});

test("records that are out of order are told by any byte of the first eight", async () => {
  for (let byte = 0; byte < 8; byte += 1) {
    const records = Buffer.alloc(32);
    records[byte] = 1;
    expect(await isSorted(records, 16)).toBe(false);
  }
});

function start(hash: Buffer): string {
  return hash.toString("hex", 0, 8);
}

function startsOf(bytes: Buffer): string[] {
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.toString("hex", i * 8, i * 8 + 8));
}
