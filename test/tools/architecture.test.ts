import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");

describe("the picture in docs/architecture.md", () => {
  it("has an arrow for each import between folders of src, and no other", () => {
    expect([...drawn()].sort()).toEqual([...imported()].sort());
  });
});

/** `A --> B & C` as "A B" and "A C". */
function drawn(): ReadonlySet<string> {
  const page = readFileSync(join(ROOT, "docs", "architecture.md"), "utf8");
  const [, picture = ""] = /```mermaid\n([\s\S]*?)```/.exec(page) ?? [];
  const arrows = new Set<string>();
  for (const [, from = "", to = ""] of picture.matchAll(/^ *(\w+)(?:\[.*?\])? --> (.*)$/gm))
    for (const each of to.split("&")) arrows.add(`${from} ${each.trim()}`);
  return arrows;
}

function imported(): ReadonlySet<string> {
  const arrows = new Set<string>();
  for (const file of globSync("src/**/*.ts", { cwd: ROOT })) {
    const source = readFileSync(join(ROOT, file), "utf8");
    for (const [, target = ""] of source.matchAll(/ from "(\.{1,2}\/[^"]+\.ts)"/g)) {
      const [from, to] = [partOf(file), partOf(posix.join(dirname(file), target))];
      if (from !== to) arrows.add(`${from} ${to}`);
    }
  }
  return arrows;
}

/** The folder right below src, or the file without its extension. */
function partOf(file: string): string {
  return file.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}
