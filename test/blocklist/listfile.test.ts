import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PARTS, REASONS, type Section } from "../../src/blocklist/blocklist.ts";
import { HashList } from "../../src/blocklist/hashlist.ts";
import { ListError } from "../../src/blocklist/listerror.ts";
import { decodeList, encodeList, MAGIC } from "../../src/blocklist/listfile.ts";
import { numberHashes, problemOf, sectionOf } from "./samplelists.ts";

const anySection = fc.record({
  reason: fc.constantFrom(...REASONS),
  of: fc.constantFrom(...PARTS),
  source: fc.string({ unit: "binary", maxLength: 40 }),
  hashes: fc
    .array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 20 })
    .map((hashes) => HashList.of(hashes)),
});
const anyFile = fc.array(anySection, { maxLength: 5 }).map(encodeList);
const FILE = encodeList([
  sectionOf("PublishedKey", numberHashes(1, 20)),
  sectionOf("DebianWeakKey", numberHashes(21, 50)),
]);

test("what was written is read", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anySection, { maxLength: 5 }), async (sections) => {
      expect(plain((await decodeList(encodeList(sections))).sections)).toEqual(plain(sections));
    }),
  );
});

test("its first two lines are text that says what is in it", () => {
  const [first, second = ""] = FILE.toString("latin1").split("\n");
  expect(first).toBe("sshkey-operator blocklist 1");
  expect(JSON.parse(second)).toEqual({
    sections: [
      { reason: "PublishedKey", of: "number", source: "test", count: 20 },
      { reason: "DebianWeakKey", of: "number", source: "test", count: 30 },
    ],
  });
});

test("it takes eight bytes a key", () => {
  const more = encodeList([
    sectionOf("PublishedKey", numberHashes(1, 20)),
    sectionOf("DebianWeakKey", numberHashes(21, 60)),
  ]);
  expect(more.length - FILE.length).toBe(80);
});

describe("a damaged file is refused", () => {
  test("wherever a bit of it is another", async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, fc.nat(), fc.nat(7), async (file, where, bit) => {
        const at = MAGIC.length + (where % (file.length - MAGIC.length));
        const damaged = Buffer.from(file);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        await expect(decodeList(damaged)).rejects.toBeInstanceOf(ListError);
      }),
    );
  });

  test("wherever it is cut off", async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, fc.nat(), async (file, where) => {
        const cut = file.subarray(0, MAGIC.length + (where % (file.length - MAGIC.length)));
        await expect(decodeList(cut)).rejects.toBeInstanceOf(ListError);
      }),
    );
  });

  test("whatever follows it", async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, fc.uint8Array({ minLength: 1 }), async (file, more) => {
        await expect(decodeList(Buffer.concat([file, more]))).rejects.toBeInstanceOf(ListError);
      }),
    );
  });

  test.each([
    [
      "within its header",
      FILE.subarray(0, 60),
      "its header, the second line, does not end: it was damaged; make or copy it again",
    ],
    ["within a section", FILE.subarray(0, FILE.length - 100), "it ends within its section DebianWeakKey"],
    ["within its checksum", FILE.subarray(0, FILE.length - 10), "it ends within its checksum"],
    ["with more behind it", Buffer.concat([FILE, FILE]), "something follows its checksum"],
    ["with another byte", changed(FILE, FILE.length - 50), "its checksum does not fit: it was damaged"],
  ])("%s, and is told so", async (_how, bytes, message) => {
    expect(await problemOf("a.blocklist", bytes)).toContain(message);
  });
});

describe("a file that lies", () => {
  const section = { reason: "PublishedKey", of: "number", source: "", count: 1 };

  test.each([
    ["is no JSON", "{", "its header, the second line, is no JSON"],
    ["is a number", "1", "its header has no list `sections`"],
    ["is null", "null", "its header has no list `sections`"],
    ["has sections that are no list", `{"sections":{"length":1}}`, "its header has no list `sections`"],
    ["has a section that is null", `{"sections":[null]}`, "its section 1 is for a reason that is none"],
    [
      "has an unknown reason",
      header({ ...section, reason: "No" }),
      "its section 1 is for a reason that is none",
    ],
    [
      "takes an inherited name for a reason",
      header({ ...section, reason: "constructor" }),
      "a reason that is none",
    ],
    ["has an unknown part", header({ ...section, of: "x" }), "says of section 1 what cannot be read"],
    [
      "has a source that is no text",
      header({ ...section, source: 1 }),
      "says of section 1 what cannot be read",
    ],
    ["counts below zero", header({ ...section, count: -1 }), "says of section 1 what cannot be read"],
    ["counts half a key", header({ ...section, count: 0.5 }), "says of section 1 what cannot be read"],
    ["counts in words", header({ ...section, count: "1" }), "says of section 1 what cannot be read"],
    [
      "counts more than there can be",
      header({ ...section, count: 2 ** 60 }),
      "says of section 1 what cannot be read",
    ],
    [
      "counts more than there are",
      header({ ...section, count: 2 ** 47 }),
      "it ends within its section PublishedKey",
    ],
    ["counts fewer than there are", header({ ...section, count: 0 }), "something follows its checksum"],
    [
      "has thousands of sections",
      header(...Array(1000).fill({ ...section, source: undefined })),
      "its header has 1000 sections, and 256",
    ],
    [
      "is longer than 64 KB",
      header({ ...section, source: "x".repeat(66_000) }),
      "its header, the second line, does not end",
    ],
  ])("because its header %s is refused", async (_what, text, message) => {
    expect(await problemOf("a.blocklist", signed(`${text}\n`, numberHashes(1, 1)))).toContain(message);
  });

  test("about being sorted is refused", async () => {
    const [a = Buffer.alloc(0), b = Buffer.alloc(0)] = numberHashes(1, 2).sort(Buffer.compare);
    const bytes = signed(`${header({ ...section, count: 2 })}\n`, [b, a]);
    expect(await problemOf("a.blocklist", bytes)).toContain("its section PublishedKey is not sorted");
  });
});

describe("what does not fit into a file is not written", () => {
  test("since each section is looked through", () => {
    const sections = Array.from({ length: 257 }, (_, i) => sectionOf("PublishedKey", [], `${i}`));
    expect(() => encodeList(sections)).toThrow(ListError);
  });

  test("since the header would be too long to be read", () => {
    expect(() => encodeList([sectionOf("PublishedKey", [], "x".repeat(66_000))])).toThrow(ListError);
  });
});

function plain(sections: readonly Section[]): unknown {
  return sections.map(({ reason, of, source, hashes }) => [reason, of, source, hashes.bytes.toString("hex")]);
}

function changed(file: Buffer, at: number): Buffer {
  const bytes = Buffer.from(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

function header(...sections: readonly unknown[]): string {
  return JSON.stringify({ sections });
}

/** A file with a checksum that fits. */
function signed(text: string, hashes: readonly Buffer[]): Buffer {
  const content = Buffer.concat([Buffer.from(MAGIC + text), ...hashes.map((hash) => hash.subarray(0, 8))]);
  return Buffer.concat([content, createHash("sha256").update(content).digest()]);
}
