import { Command } from "commander";
import { afterEach, describe, expect, test, vi } from "vitest";
import { main } from "../../src/cli/program.ts";
import { addRunOptions, type RunOptions } from "../../src/cli/runoptions.ts";

const TERMINAL_COLUMNS = 80;

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  "",
  "run",
  "portal",
  "audit",
  "usage",
  "blocklist",
  "blocklist build",
  "blocklist merge",
  "blocklist show",
])("sshkey-operator %s --help fits into a terminal of 80 columns", async (command) => {
  const help = await helpOf(command);
  expect(help).toContain("Usage: sshkey-operator");
  expect(help.split("\n").filter((line) => line.length > TERMINAL_COLUMNS)).toEqual([]);
});

describe("--leader-elect", () => {
  test.each([
    ["is on without a value", ["--leader-elect"], true],
    ["is on by default", [], true],
    ["is off with false", ["--leader-elect=false"], false],
  ])("%s", (_what, args, isOn) => {
    const command = addRunOptions(new Command());
    expect(command.parse(args, { from: "user" }).opts<RunOptions>().leaderElect).toBe(isOn);
  });
});

async function helpOf(command: string): Promise<string> {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await main([...command.split(" ").filter(Boolean), "--help"], new AbortController().signal);
  return write.mock.calls.map(([text]) => String(text)).join("");
}
