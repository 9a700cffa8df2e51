import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addUsageOptions } from "../../src/cli/usage.ts";
import { MOST_STREAMS } from "../../src/usage/podlogs.ts";

const PAGE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "usage.md"), "utf8");

describe("docs/usage.md", () => {
  it("has a row for every flag, and no other", () => {
    const flags = addUsageOptions(new Command()).options.map(({ long }) => long ?? "");
    const [, rows = ""] = /\n\| flag of `usage` [^\n]*\n\| ---[^\n]*\n((?:\|[^\n]*\n)*)/.exec(PAGE) ?? [];
    const named = [...rows.matchAll(/^\| ([^|]*) \|/gm)].flatMap(
      ([, cell = ""]) => cell.match(/--[a-z-]+/g) ?? [],
    );
    expect(named.sort()).toEqual(flags.sort());
  });

  it("says how many pods are read", () => {
    expect(PAGE).toContain(`at most ${MOST_STREAMS} containers a namespace`);
  });
});
