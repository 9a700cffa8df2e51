import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { STATES } from "../../../../src/api/states.ts";
import { isHarmless, isPast } from "../../../../src/plugin/completion/find.ts";
import { SCRIPTS } from "../../../../src/plugin/completion/scripts.ts";
import { COMMANDS, main } from "../../../../src/plugin/program.ts";
import { Session, type Streams } from "../../../../src/plugin/session/session.ts";

/** What the plugin answers for the last of the words, of which no cluster is asked: candidates without meaning, and directive. */
async function answer(...words: readonly string[]): Promise<readonly string[]> {
  const stdout = new PassThrough();
  const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} };
  const session = new Session(streams as unknown as Streams, new AbortController().signal);
  expect(await main(["__complete", ...words], session)).toBe(0);
  const lines = String(stdout.read()).trimEnd().split("\n");
  return lines.map((line) => line.split("\t")[0] ?? "");
}

const NOTHING = [":4"];
const FILES = [":0"];

describe("completed are", () => {
  test("all commands, each with its summary", async () => {
    expect(await answer("")).toEqual([...COMMANDS.map(({ name }) => name), "help", ":4"]);
  });

  test.each([
    ["commands", ["di"], ["disable", ":4"]],
    ["commands behind help", ["help", "di"], ["disable", ":4"]],
    ["nothing behind a command that is none", ["nothing", ""], NOTHING],
    ["flags", ["list", "--st"], ["--state", ":4"]],
    ["flags of the plugin itself", ["--v"], ["--version", ":4"]],
    ["a short flag that is whole", ["list", "-o"], ["-o", ":4"]],
    ["no flag that was given", ["list", "--state", "Weak", "--st"], NOTHING],
    ["no flag that was given by its letter", ["list", "-n", "a", "--name"], NOTHING],
    ["a flag again that may be repeated", ["list", "--as-group", "a", "--as-g"], ["--as-group", ":4"]],
    ["the formats of -o", ["list", "-o", ""], ["wide", "json", "yaml", "name", ":4"]],
    ["the formats of -o behind other letters", ["list", "-Ao", "w"], ["wide", ":4"]],
    ["values behind a =", ["list", "--output=j"], ["json", ":4"]],
    ["the columns to sort by", ["list", "--sort", "f"], ["fingerprint", ":4"]],
    ["true and false", ["disable", "--wait", ""], ["true", "false", ":4"]],
    ["the ways of a dry run", ["delete", "--dry-run="], ["none", "client", "server", ":4"]],
    ["the formats of import", ["import", "f"], ["foreman", ":4"]],
    ["the shells", ["completion", ""], [...Object.keys(SCRIPTS), ":4"]],
    ["nothing behind the shell", ["completion", "bash", ""], NOTHING],
    ["files to check", ["check", ""], FILES],
    ["more files to check", ["check", "a.yaml", ""], FILES],
    ["files to import", ["import", "gitlab", ""], FILES],
    ["files behind -f", ["plan", "-f", ""], FILES],
    ["files behind -f and others", ["plan", "-Rf", ""], FILES],
    ["files behind --kubeconfig=", ["list", "--kubeconfig=/"], FILES],
    ["arguments behind --", ["check", "--", "-"], FILES],
    ["the value of a flag, whatever it looks like", ["plan", "--config", "-", "--pr"], ["--prune", ":4"]],
    ["nothing in place of the only name", ["show", "alice-laptop", ""], NOTHING],
    ["no names beside --user", ["delete", "--user", "alice", ""], NOTHING],
    ["no values of what could be anything", ["add", "--title", ""], NOTHING],
    ["what may stand behind a flag with an optional value", ["add", "--agent", "--agent-", "a"], FILES],
  ])("%s", async (_, words, expected) => {
    expect(await answer(...words)).toEqual(expected);
  });

  test("all STATEs", async () => {
    expect(await answer("list", "--state", "")).toEqual([...Object.keys(STATES), "Unknown", ":4"]);
  });

  test.each(COMMANDS.map(({ name }) => name))("the flags of %s", async (name) => {
    const flags = await answer(name, "--");
    expect(flags.slice(0, -1)).toContain("--help");
    expect(flags.at(-1)).toBe(":4");
  });
});

describe("a name is one word to every shell:", () => {
  test.each([
    "alice",
    "alice@example.com",
    "a_b.c+d-e",
    "oidc:alice",
    "arn:aws:eks:eu:1:cluster/a",
    "J\u00fcrgen",
  ])("%s is", (name) => {
    expect(isHarmless(name)).toBe(true);
  });

  test.each([
    ["with a space", "Alice B"],
    ["with a tab", "alice\tB"],
    ["of two lines", "alice\n:0"],
    ["with a return", "alice\r"],
    ["with an escape", "alice\u001b[2J"],
    ["with a mark that turns the direction", "alice\u202ebob"],
    ["with a letter that is not seen", "alice\u3164"],
    ["that looks like a flag", "--yes"],
    ["that is a directive", ":0"],
    ["that runs a command", "$(reboot)"],
    ["that runs a command in quotes", "a`reboot`"],
    ["that ends a command", "a;reboot"],
    ["with a pattern", "a*"],
    ["with braces", "{a,b}"],
    ["with a home folder", "~root"],
    ["with a quote", "O'Neil"],
    ["with a backslash", "CORP\\alice"],
    ["with nothing in it", ""],
    ["that is endless", "a".repeat(254)],
  ])("one %s is not", (_, name) => {
    expect(isHarmless(name)).toBe(false);
  });
});

describe("of a list that was cut off", () => {
  test.each([
    ["bob", "al", true],
    ["alice", "al", false],
    ["adam", "al", false],
    ["al", "al", false],
    ["bob", "", false],
    ["bob", undefined, false],
  ])("that ends with %s all that begin with %s are known: %s", (name, begun, expected) => {
    expect(isPast(name, begun)).toBe(expected);
  });
});

describe("the script for", () => {
  test.each(Object.entries(SCRIPTS))(
    "%s calls the plugin of the PATH, and evaluates nothing",
    (_, script) => {
      expect(script).toMatch(/(^|[(& ])kubectl-sshkey __complete [@$"]/m);
      expect(script).not.toMatch(/\beval\b|Invoke-Expression|\biex\b/);
      expect(script).not.toMatch(/undefined|\\[$`]\{/);
    },
  );

  test.each(["bash", "zsh", "fish"])(
    "%s says nothing of its own, and leaves the terminal's input alone",
    (shell) => {
      expect(SCRIPTS[shell]).toContain("2>/dev/null </dev/null");
    },
  );

  test("zsh works as a file of fpath and as a script", () => {
    expect(SCRIPTS.zsh).toMatch(/^#compdef kubectl-sshkey\n/);
    expect(SCRIPTS.zsh).toContain("compdef _kubectl-sshkey kubectl-sshkey\n");
  });

  test("fish offers files only where they make sense", () => {
    expect(SCRIPTS.fish).toContain("complete -c kubectl-sshkey -f -a");
    expect(SCRIPTS.fish).toContain("= :0");
  });

  test("PowerShell splits at the tab, as its own escape", () => {
    expect(SCRIPTS.powershell).toContain('-split "`t", 2');
  });

  test("kubectl is a program of two lines", () => {
    expect(SCRIPTS.kubectl).toBe('#!/bin/sh\nexec kubectl-sshkey __complete "$@"\n');
  });
});
