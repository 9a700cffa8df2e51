import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addPortalOptions } from "../../src/cli/portal.ts";
import { parseConfig } from "../../src/config/configfile.ts";
import { DEFAULT_PORTAL_SETTINGS } from "../../src/config/portalsettings.ts";
import { settingsUnder } from "../deploy/settings.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PAGE = readFileSync(join(ROOT, "docs", "portal.md"), "utf8");
const SECTIONS = ["oidc", "tokens", "proxy", "session", "foreman"];

describe("docs/portal.md", () => {
  it("has the defaults of the settings", () => {
    const [, yaml] = /```yaml\n(portal:\n {2}# publicURL[\s\S]*?)```/.exec(PAGE) ?? [];
    expect(parseConfig(yaml ?? "missing: 1", "portal.md").portal).toEqual(DEFAULT_PORTAL_SETTINGS);
  });

  it("has a row for every setting, and no other", () => {
    const known = settingsUnder("portal").flatMap((name) =>
      SECTIONS.includes(name) ? settingsUnder(`portal.${name}`).map((within) => `${name}.${within}`) : [name],
    );
    expect(rowsOf("setting").sort()).toEqual(known.sort());
  });

  it("has a row for every flag, and no other", () => {
    const flags = addPortalOptions(new Command()).options.map(({ long }) => long ?? "");
    expect(rowsOf("flag of `portal`").sort()).toEqual(flags.sort());
  });

  it("explains sentences that people see, word by word", () => {
    const source = sourceOf(join(ROOT, "src", "portal"));
    const [, rows = ""] = /\n\| what they see [^\n]*\n\| ---[^\n]*\n((?:\|[^\n]*\n)*)/.exec(PAGE) ?? [];
    const sentences = [...rows.matchAll(/^\| ([^*|][^|]*) \|/gm)].map(([, sentence = ""]) => sentence);
    const isSaid = (sentence: string) => sentence.split("…").every((part) => source.includes(part.trim()));
    expect(sentences.length).toBeGreaterThan(12);
    expect(sentences.filter((sentence) => !isSaid(sentence))).toEqual([]);
  });

  const examples = [...PAGE.matchAll(/```yaml\n(portal:\n {2}publicURL[\s\S]*?)```/g)].map(
    ([, yaml = ""]) => ({ yaml, issuer: /issuer: (.*)/.exec(yaml)?.[1] }),
  );

  it("has an example for each of four issuers", () => {
    expect(examples.length).toBe(4);
  });

  it.each(examples)("shows a configuration that is taken, for $issuer", ({ yaml }) => {
    expect(parseConfig(yaml, "portal.md").portal.oidc?.clientID).toBeDefined();
  });
});

/** What stands in the first column of the table with this head. */
function rowsOf(head: string): string[] {
  const [, table = ""] = PAGE.split(`\n| ${head} |`);
  const [rows = ""] = table.split("\n\n");
  return [...rows.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name);
}

function sourceOf(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}
