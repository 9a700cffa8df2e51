import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader } from "../../../../src/plugin/check/bytereader.ts";

test("lines and counted bytes come whole, however the stream is cut", async () => {
  const record = fc.uint8Array({ maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.array(record), fc.integer({ min: 1, max: 9 }), async (records, size) => {
      const all = Buffer.concat(
        records.flatMap((bytes) => [Buffer.from(`${bytes.length}\n`), Buffer.from(bytes)]),
      );
      const parts = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
        all.subarray(i * size, (i + 1) * size),
      );
      const reader = new ByteReader(Readable.from(parts));
      const read: Uint8Array[] = [];
      for (const _ of records) read.push(new Uint8Array(await reader.bytes(Number(await reader.line()))));
      expect(read).toEqual(records.map((bytes) => new Uint8Array(bytes)));
      expect([await reader.line(), (await reader.bytes(3)).length]).toEqual(["", 0]);
    }),
  );
});
