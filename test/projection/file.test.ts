import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { lineOf, linesOf, operatorLines as linesOfOperator } from "../../src/projection/file.ts";
import { EXPIRY_TIME_FORMATS } from "../../src/ssh/authorizedkeys.ts";
import { blobOf, sshKeyRecord } from "../claims/sshkeys.ts";
import { growth } from "../growth.ts";
import { line } from "./secrets.ts";

const operatorLines = (file: string, namespace: string) =>
  linesOfOperator(Buffer.from(file, "utf8"), namespace);

describe("the line of an SSHKey", () => {
  it("has neither the user's comment nor title", () => {
    expect(lineOf(sshKeyRecord({ name: "laptop" }), DEFAULT_POLICY, "WithZ")).toBe(
      `ssh-ed25519 ${blobOf(1)} team-a/laptop`,
    );
  });

  it.each([
    ["WithZ", "20300131120000Z"],
    ["WithoutZ", "20300131120000"],
  ] as const)("says %s when the key expires, behind the options", (format, time) => {
    const record = sshKeyRecord({
      name: "laptop",
      options: ["no-pty"],
      expiresAt: Date.UTC(2030, 0, 31, 12),
    });
    expect(lineOf(record, DEFAULT_POLICY, format)).toMatch(
      new RegExp(`^no-pty,expiry-time="${time}" ssh-ed25519 `),
    );
  });

  it("is found again in either format of its time, whichever is configured", () => {
    const record = sshKeyRecord({ name: "laptop", expiresAt: Date.UTC(2030, 0) });
    for (const format of EXPIRY_TIME_FORMATS) {
      const line = `${lineOf(record, DEFAULT_POLICY, format)}\n`;
      expect(operatorLines(line, "team-a")).toBe(line);
    }
  });

  it("is found again by its key and name, whatever options it has", () => {
    const value = fc.string({ unit: fc.constantFrom("a", " ", '\\"', "\\", ",", "=", "/", "-") });
    fc.assert(
      fc.property(value, (command) => {
        const record = sshKeyRecord({ name: "laptop", options: [`command="${command}"`, "restrict"] });
        fc.pre(record.faults.length === 0);
        const [found] = linesOf(operatorLines(`${lineOf(record, DEFAULT_POLICY, "WithZ")}\n`, "team-a"));
        expect([found?.base64, found?.name]).toEqual([blobOf(1), "laptop"]);
      }),
    );
  });
});

describe("of what anybody wrote into a file", () => {
  it("the operator's own lines count", () => {
    expect(operatorLines(line("a") + line("b", 2), "team-a")).toBe(line("a") + line("b", 2));
  });

  it.each([
    ["a line of another namespace", `ssh-ed25519 ${blobOf(1)} team-b/a\n`],
    ["a line with a comment", `ssh-ed25519 ${blobOf(1)} alice@laptop\n`],
    ["a line without a comment", `ssh-ed25519 ${blobOf(1)}\n`],
    ["a line with more behind it", `ssh-ed25519 ${blobOf(1)} team-a/a b\n`],
    ["a line that is not ended", `ssh-ed25519 ${blobOf(1)} team-a/a`],
    ["a line of another type", `ssh-foo ${blobOf(1)} team-a/a\n`],
    ["a name that no SSHKey can have", `ssh-ed25519 ${blobOf(1)} team-a/A_b\n`],
    ["a base64 that is none", "ssh-ed25519 AAAA%% team-a/a\n"],
    ["a comment", "# team-a/a\n"],
    ["quotes that never close", `command="x\\" ssh-ed25519 ${blobOf(1)} team-a/a\n`],
    ["carriage returns", `ssh-ed25519 ${blobOf(1)} team-a/a\r\n`],
  ])("%s counts for nothing", (_, text) => {
    expect(operatorLines(text, "team-a")).toBe("");
  });

  it("the lines around junk count", () => {
    expect(operatorLines(`junk\n${line("a")}\n\n# x\n${line("b", 2)}junk`, "team-a")).toBe(
      line("a") + line("b", 2),
    );
  });

  it.each([
    ["quotes after backslashes", '\\""'],
    ["quotes", '"'],
    ["commas", ","],
    ["spaces", " "],
    ["empty lines", "\n"],
    ["lines that look like options", 'a="b" x\n'],
    ["lines of one key", line("a")],
    ["binary", randomBytes(1_000_000).toString("latin1")],
  ])("a megabyte of %s is read in linear time", (_, unit) => {
    const read = (bytes: number) => {
      const junk = `${unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes)} x\n`;
      return () => operatorLines(junk, "team-a");
    };
    // 10 if linear, 100 if by the square; between them is room for the megabyte that leaves the processor's cache.
    expect(growth(read(100_000), read(1_000_000), 30)).toBeLessThan(30);
  });

  it("whatever it is, what is kept is a part of it", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(line("a"), line("b", 2, "no-pty "), "\n", '"', "\\", " "),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join("");
        const kept = operatorLines(text, "team-a").split("\n").slice(0, -1);
        expect(text.split("\n")).toEqual(expect.arrayContaining(kept));
      }),
    );
  });
});
