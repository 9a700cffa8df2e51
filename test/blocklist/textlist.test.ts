import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { REASONS, reasonsFor } from "../../src/blocklist/blocklist.ts";
import { ListError } from "../../src/blocklist/listerror.ts";
import { readList } from "../../src/blocklist/readlist.ts";
import { decodeText } from "../../src/blocklist/textlist.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { Random } from "../ssh/random.ts";
import { accepted } from "../ssh/refusals.ts";
import { ecdsaSample, lineOf, rsaSample, type Sample } from "../ssh/samples.ts";
import { countsOf, problemOf } from "./samplelists.ts";

const random = new Random(11);
const LINES = [
  { type: "ssh-ed25519", strings: [random.bytes(32)] } satisfies Sample,
  ecdsaSample(random, "nistp384"),
  rsaSample(random, 2048),
].map((sample) => lineOf(sample));
const FINGERPRINTS = LINES.map((line) => keygen(line).split(" ")[1] ?? "");
const [FIRST = ""] = FINGERPRINTS;
const NOT_ON_IT = lineOf({ type: "ssh-ed25519", strings: [random.bytes(32)] });

describe("a text of fingerprints", () => {
  test.each([
    ["alone", FINGERPRINTS],
    ["as ssh-keygen -l prints them", LINES.map(keygen)],
    ["between comments and blank lines", ["# list", "", ...FINGERPRINTS, "  \t", "#end"]],
    ["with words behind them", FINGERPRINTS.map((each) => `${each} found by somebody`)],
    ["with comments behind them", FINGERPRINTS.map((each) => `${each}# found # by somebody`)],
    ["with spaces around them", FINGERPRINTS.map((each) => `  ${each}\t`)],
    ["with line ends of Windows", FINGERPRINTS.map((each) => `${each}\r`)],
    ["behind a byte order mark", FINGERPRINTS.map((each, i) => (i === 0 ? `\u{feff}${each}` : each))],
  ])("has them %s", async (_how, lines) => {
    const list = await read(lines.join("\n"));
    expect([countsOf(list), list.strayLines]).toEqual([["BlockedKey fingerprint 3"], []]);
    expect(LINES.map((line) => reasons(line, list))).toEqual(LINES.map(() => ["BlockedKey"]));
    expect(reasons(NOT_ON_IT, list)).toEqual([]);
  });
});

describe("a text of public keys", () => {
  test.each([
    ["as .pub files have them", LINES],
    [
      "with options, as authorized_keys has them",
      LINES.map((line) => `from="10.0.0.0/8",command="echo # a" ${line}`),
    ],
    ["with a fingerprint for a comment", LINES.map((line) => `${line} ${FINGERPRINTS[0]}`)],
    ["with comments in UTF-8", LINES.map((line) => `${line} Zoë`)],
  ])("has them %s", async (_how, lines) => {
    const list = await read(lines.join("\n"));
    expect([countsOf(list), list.strayLines]).toEqual([["BlockedKey number 3"], []]);
    expect(LINES.map((line) => reasons(line, list))).toEqual(LINES.map(() => ["BlockedKey"]));
  });

  test("may have fingerprints as well", async () => {
    const [line = ""] = LINES;
    expect(countsOf(await read(`${line}\n${FINGERPRINTS[1]}\n`))).toEqual([
      "BlockedKey number 1",
      "BlockedKey fingerprint 1",
    ]);
  });
});

describe("the reason", () => {
  test.each(REASONS)("%s is what a comment says, for the keys after it", async (reason) => {
    const [a, b] = FINGERPRINTS;
    const list = await read(`${a}\n# reason: ${reason}\n${b}\n`);
    expect([...new Set(["BlockedKey", reason])].sort()).toEqual(
      list.sections.map((each) => each.reason).sort(),
    );
  });

  test("that is none makes the file unusable, rather than its keys something else", async () => {
    expect(await problemOf("list.txt", Buffer.from(`# reason: Publishedkey\n${FIRST}\n`))).toBe(
      `"Publishedkey" is no reason: give one of ${REASONS.join(", ")}`,
    );
  });
});

describe("lines that say nothing", () => {
  test.each([
    ["a word", "hello"],
    ["a fingerprint that is too short", FIRST.slice(0, -1)],
    ["a fingerprint that is too long", `${FIRST}A`],
    ["a fingerprint in the middle", `alice ${FIRST}`],
    ["an MD5 fingerprint", "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48"],
    ["half a key", LINES[0]?.slice(0, 40) ?? ""],
    ["a line that is longer than any key", `${LINES[0]} ${"x".repeat(40_000)}`],
  ])("%s is told by its number", async (_what, line) => {
    const list = await read(`# a list\n${FIRST}\n${line}\n`);
    expect([countsOf(list), list.strayLines, list.strayCount]).toEqual([
      ["BlockedKey fingerprint 1"],
      [3],
      1,
    ]);
  });

  test("are counted, and the first hundred are told", async () => {
    const list = await read(`${FIRST}\n${"x\n".repeat(1000)}`);
    expect([list.strayLines.length, list.strayCount]).toEqual([100, 1000]);
  });

  test("make the file unusable where it has nothing else", async () => {
    expect(await problemOf("notes.txt", Buffer.from("# notes\nremember the milk\n"))).toContain(
      "no line of it is a fingerprint as ssh-keygen -l prints it, SHA256: and 43 characters, or a public key",
    );
  });
});

test("a text of comments alone is a list of nothing", async () => {
  expect(countsOf(await read("# nobody yet\n"))).toEqual([]);
});

test("whatever a text has, it is a list or a ListError", async () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(...FINGERPRINTS, ...LINES, "# reason: BlockedKey", "# reason:", '"'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
      const result = await decodeText(Buffer.from(lines.join("\n")), "BlockedKey").catch(
        (error: unknown) => error,
      );
      expect(result instanceof ListError || Array.isArray((result as { sections: unknown }).sections)).toBe(
        true,
      );
    }),
  );
});

async function read(text: string) {
  return await readList("list.txt", Buffer.from(text));
}

function reasons(line: string, { sections }: Awaited<ReturnType<typeof readList>>): readonly string[] {
  return reasonsFor(accepted(parsePublicKey(line)), sections);
}

function keygen(line: string): string {
  return execFileSync("ssh-keygen", ["-l", "-f", "-"], { input: line, encoding: "utf8" }).trim();
}
