import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { KEY_ERRORS, LOG_EVENTS, REQUEST_ERRORS } from "../../src/api/errors.ts";
import { AUTHORIZED_KEYS_STATES, OMISSIONS } from "../../src/api/omissions.ts";
import { CONDITION_TYPES, STATES } from "../../src/api/states.ts";
import { addRunOptions } from "../../src/cli/runoptions.ts";
import { exposedMetrics, exposedPortalMetrics, exposedUsageMetrics } from "./exposedmetrics.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");

/** The names in the first column of the page's tables. */
const rows = new Set(
  page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => /^\| `([^`]+)`/.exec(line)?.[1] ?? ""),
);

describe("docs/operations.md", () => {
  test("explains every metric of the operator, the portal and the reader of logs, and no other", () => {
    const metrics = [...rows].filter((name) => /^[a-z]+(_[a-z]+)+$/.test(name));
    const exposed = new Set([...exposedMetrics(), ...exposedPortalMetrics(), ...exposedUsageMetrics()]);
    const own = [...exposed].filter((name) => !/^(process|nodejs)_/.test(name));
    expect(metrics.sort()).toEqual(own.sort());
  });

  test.each(Object.keys(STATES))("explains the STATE %s", (state) => {
    expect(rows).toContain(state);
  });

  test("puts no CapitalizedWord between backticks but log events, STATEs, what is wrong with a key, request errors, conditions and their reasons", () => {
    const reasons = ["SharedKey", "NotInForce", "NotChecked", "NotSelected"];
    const words = [LOG_EVENTS, STATES, AUTHORIZED_KEYS_STATES, OMISSIONS, KEY_ERRORS, REQUEST_ERRORS]
      .flatMap((each) => Object.keys(each))
      .concat(reasons);
    const named = page.match(/(?<=`)[A-Z][a-z]+(?:[A-Z][A-Za-z]*)+(?=`)/g) ?? [];
    const known = new Set([...words, ...CONDITION_TYPES]);
    expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
  });

  test("has every flag of run with its default", () => {
    const flags = addRunOptions(new Command()).options.map(
      ({ long, defaultValue, defaultValueDescription }) => {
        const value: unknown = defaultValueDescription ?? defaultValue;
        return value === undefined ? `| \`${long}\` | ` : `| \`${long}\` | \`${value}\` | `;
      },
    );
    expect(flags.filter((row) => !page.includes(row))).toEqual([]);
  });

  test("has every reason for which a watch is restarted and an Event dropped", async () => {
    const restart = await unionIn("src/kube/restart.ts", "RestartReason");
    const dropped = await unionIn("src/kube/eventrecorder.ts", "DropReason");
    expect([restart.length > 5, dropped.length > 3]).toEqual([true, true]);
    expect([...restart, ...dropped].filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
  });
});

/** The members of a union of strings that a source file exports. */
async function unionIn(file: string, name: string): Promise<string[]> {
  const source = await readFile(join(ROOT, file), "utf8");
  const [, union = ""] = new RegExp(`export type ${name} =([^;]+);`).exec(source) ?? [];
  return [...union.matchAll(/"([a-z_]+)"/g)].map(([, member = ""]) => member);
}
