import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attempts } from "../../src/projection/delivery.ts";
import { fileOf, lineIdentity, linesOf } from "../../src/projection/file.ts";
import { areEmpty, dataOf, digestOf, type Files, haveSameLines } from "../../src/projection/files.ts";
import { line, liveSecret } from "./secrets.ts";

/** Several files of a Secret; a line may stand in some of them. */
const files: fc.Arbitrary<Files> = fc
  .dictionary(
    fc.constantFrom("alice", "bob", "carol"),
    fc.uniqueArray(
      fc.record({
        name: fc.constantFrom("a", "b", "c"),
        key: fc.integer({ min: 1, max: 2 }),
        options: fc.constantFrom("", "no-pty "),
      }),
      { selector: ({ name }) => name, maxLength: 3 },
    ),
  )
  .map(
    (all) =>
      new Map(
        Object.entries(all).map(([dataKey, lines]) => [
          dataKey,
          lines.map(({ name, key, options }) => line(name, key, options)).join(""),
        ]),
      ),
  );

function identities(all: Files): readonly string[] {
  return [...all].flatMap(([dataKey, file]) =>
    linesOf(file).map((each) => `${dataKey} ${lineIdentity(each)}`),
  );
}

function texts(all: Files): readonly string[] {
  return [...all].flatMap(([dataKey, file]) => linesOf(file).map(({ text }) => `${dataKey} ${text}`));
}

/** A Secret with these files. */
function secretWith(held: Files) {
  const read = new Map([...held].filter(([, file]) => file !== ""));
  return liveSecret("", { files: read, digest: digestOf(dataOf(held)) });
}

function tried(live: Files, want: Files): readonly Files[] {
  return [...attempts(want, secretWith(live))];
}

describe("of a Secret with many files, what is tried", () => {
  it("begins with all that is wanted, and has every file that is wanted", () => {
    fc.assert(
      fc.property(files, files, (live, want) => {
        const all = tried(live, want);
        expect(all[0]).toBe(want);
        for (const each of all) expect([...each.keys()]).toEqual([...want.keys()]);
      }),
    );
  });

  it("never gives a key to a file that is not to have it", () => {
    fc.assert(
      fc.property(files, files, (live, want) => {
        for (const each of tried(live, want))
          expect(identities(want)).toEqual(expect.arrayContaining([...identities(each)]));
      }),
    );
  });

  it("adds no key to any file after the first", () => {
    fc.assert(
      fc.property(files, files, (live, want) => {
        for (const each of tried(live, want).slice(1))
          expect(identities(live)).toEqual(expect.arrayContaining([...identities(each)]));
      }),
    );
  });

  it("ends with what only takes lines out, if any is to go", () => {
    fc.assert(
      fc.property(files, files, (live, want) => {
        const staying = new Set(identities(want));
        fc.pre(identities(live).some((each) => !staying.has(each)));
        expect(texts(live)).toEqual(expect.arrayContaining([...texts(tried(live, want).at(-1) ?? live)]));
      }),
    );
  });
});

describe("two sets of files", () => {
  it("have the same lines when they differ in empty files alone", () => {
    const one = new Map([["alice", line("a")]]);
    expect(haveSameLines(one, new Map([...one, ["bob", ""]]))).toBe(true);
  });

  it("have not when a file is another one's", () => {
    expect(haveSameLines(new Map([["alice", line("a")]]), new Map([["bob", line("a")]]))).toBe(false);
  });

  it("have the same digest whatever the order of their data keys, and another one with one more", () => {
    const [alice, bob] = [["alice", line("a")] as const, ["bob", ""] as const];
    const digests = [[alice, bob], [bob, alice], [alice]].map((each) => digestOf(dataOf(new Map(each))));
    expect([digests[0] === digests[1], digests[0] === digests[2]]).toEqual([true, false]);
  });
});

it("files are empty when none has a line", () => {
  expect([areEmpty(new Map([["alice", ""]])), areEmpty(new Map([["alice", line("a")]]))]).toEqual([
    true,
    false,
  ]);
});

it("the lines of a file make that file again", () => {
  const file = line("a") + line("b", 2, 'command="x y" ');
  expect(fileOf(linesOf(file).map(({ text }) => text))).toBe(file);
});
