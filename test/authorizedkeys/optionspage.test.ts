import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lineOptions } from "../../src/authorizedkeys/lineoptions.ts";
import { parseTargetOptions, type TargetOptions } from "../../src/authorizedkeys/targetoptions.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { accepted } from "../ssh/refusals.ts";

const PAGE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "authorizedkeys.md"), "utf8");
const ALICE = { user: "alice", namespace: "people", login: "alice" };
const VALUES: Readonly<Record<string, string>> = {
  command: "true",
  environment: "A=1",
  from: "10.0.0.0/8",
  permitlisten: "8080",
  permitopen: "127.0.0.1:22",
  tunnel: "0",
};
/** What each option of an SSHKey takes away is allowed here. */
const ALLOWING = read(["no-touch-required"]);
/** And here nothing is that can be forbidden. */
const FORBIDDING = read(["restrict", 'command="false"', 'from="192.0.2.1"']);

/** Whether the page's tables of options are as the code has it. */
describe("docs/authorizedkeys.md", () => {
  const [narrowing = "", valued = "", permissions = "", others = ""] = rows("### Options of the SSHKeys");

  test.each([...namesIn(narrowing), ...namesIn(valued)])("says that %s follows", (name) => {
    expect(line(ALLOWING, name)).toContain(name);
  });

  test.each(namesIn(permissions))("says that %s is harmless where it is allowed", (name) => {
    expect(line(ALLOWING, name)).toBe("no-touch-required");
  });

  test.each([...namesIn(permissions), ...namesIn(others)])("says that %s may not widen anything", (name) => {
    const own = accepted(renderOptions([written(name)]));
    expect(lineOptions(FORBIDDING, own, ALICE)).toMatchObject({ refusal: { reason: "OptionsConflict" } });
  });

  test.each([
    ["cert-authority"],
    ['principals="alice"'],
    ['environment="A=%u"'],
    ["restrict", 'permitopen="127.0.0.1:22"'],
    ["no-port-forwarding", 'permitlisten="8080"'],
    ["restrict", 'tunnel="0"'],
    ["pty", "no-pty"],
    ["pty", "restrict"],
    ['expiry-time="20271231180000"'],
    ['from="%u"'],
    ['permitopen="%u:22"'],
  ])("says that %s is refused", (...options) => {
    expect(parseTargetOptions(options, "FilePerLogin")).toMatchObject({ ok: false });
  });

  test.each(shownOptions())("shows options that are accepted: %s", (...options) => {
    expect(parseTargetOptions(options, "FilePerLogin")).toMatchObject({ ok: true });
  });
});

/** Of an SSHKey with this option alone. */
function line(target: TargetOptions, name: string): string {
  const options = lineOptions(target, accepted(renderOptions([written(name)])), ALICE);
  if (!options.ok) throw new Error(options.refusal.message);
  return options.value;
}

function written(name: string): string {
  const value = VALUES[name];
  return value === undefined ? name : `${name}="${value}"`;
}

function read(options: readonly string[]): TargetOptions {
  return accepted(parseTargetOptions(options, "FilePerLogin"));
}

/** The first column of the first table behind the heading. */
function rows(heading: string): readonly string[] {
  const [, table = ""] = /\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(PAGE.slice(PAGE.indexOf(heading))) ?? [];
  return table.split("\n").map((row) => row.split(" | ")[0] ?? "");
}

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/`([a-zA-Z0-9-]+)`/g)]
    .map(([, name = ""]) => name.toLowerCase())
    .filter((name) => name !== "spec.options");
}

/** Values with a name that is written in the text, and whole lists. */
function shownOptions(): readonly (readonly string[])[] {
  const alone = PAGE.match(/(?:command|permitopen|expiry-time)="[^"]+"/g) ?? [];
  return [["restrict", "pty"], ["restrict", "port-forwarding"], ...alone.map((option) => [option])];
}
