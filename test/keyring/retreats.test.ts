import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutAdditions, withoutChanges } from "../../src/keyring/retreats.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { desiredSecret, secretRecord } from "./secrets.ts";

const FILE = "ssh-ed25519 AAAA team-a/stays\n";

const desired = desiredSecret(FILE);
const holding = secretRecord(FILE, { keys: ["AAAA", "BBBB"] });

describe("a Secret without what would be added", () => {
  const line = (key: string, options = "") => `${options}ssh-ed25519 ${key} team-a/${key}\n`;

  it.each([
    ["lacks the keys that come", line("AAAA") + line("BBBB") + line("CCCC"), line("AAAA") + line("BBBB")],
    ["lacks the keys that go", line("AAAA") + line("CCCC"), line("AAAA")],
    ["is empty when no key stays", line("CCCC"), ""],
    ["is as it should be when none comes", line("AAAA"), line("AAAA")],
    [
      "keeps the lines as they should be",
      line("AAAA", 'command="a b" ') + line("CCCC"),
      line("AAAA", 'command="a b" '),
    ],
  ])("%s", (_, file, expected) => {
    expect(withoutAdditions({ ...desired, file }, holding).file).toBe(expected);
  });

  it("has no line at all while there is no Secret", () => {
    expect(withoutAdditions(desired, undefined).file).toBe("");
  });
});

describe("a file without the keys that are to go, and with nothing changed", () => {
  const stays = "ssh-ed25519 AAAA team-a/stays";
  const goes = "ssh-ed25519 BBBB team-a/goes";

  it.each([
    ["a line as it is", [stays, goes], [stays]],
    [
      "a line with options as it is",
      [`command="a \\"b\\" c",no-pty ${stays}`],
      [`command="a \\"b\\" c",no-pty ${stays}`],
    ],
    ["none of a key that is to come in", [goes], []],
    ["no line with more in it than one key", [`ssh-ed25519 EEEE ${stays}`], []],
    ["no line whose quotes hide a key from sshd", [`command="x\\" ${stays}`], []],
    ["no line of another SSHKey for the same key", ["ssh-ed25519 AAAA team-a/other"], []],
  ])("has %s", (_, file, kept) => {
    const text = file.map((line) => `${line}\n`).join("");
    const expected = kept.map((line) => `${line}\n`).join("");
    expect(withoutChanges({ ...desired, file: `no-agent-forwarding ${stays}\n` }, text).file).toBe(expected);
  });

  it("has a line with whatever options the operator may have written", () => {
    const value = fc.string({ unit: fc.constantFrom("a", " ", '"', "\\", ",", "=") });
    fc.assert(
      fc.property(value, (command) => {
        const options = renderOptions([`command="${command.replaceAll('"', '\\"')}"`, "no-pty"]);
        fc.pre(options.ok);
        const file = `${options.value} ${stays}\n`;
        expect(withoutChanges(desired, file).file).toBe(file);
      }),
    );
  });
});
