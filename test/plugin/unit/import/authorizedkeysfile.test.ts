import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { readAuthorizedKeys } from "../../../../src/plugin/import/authorizedkeysfile.ts";
import { fingerprintSHA256 } from "../../../../src/ssh/fingerprint.ts";
import { encodeStrings } from "../../../../src/ssh/wire.ts";
import { run } from "../../../cluster/run.ts";
import { growth, LINEAR } from "../../../growth.ts";
import { freshKey, freshRSAKey } from "../../../operator/publickeys.ts";

const A = freshKey();
const B = freshRSAKey(2048);

function fingerprintOf(key: string): string {
  return fingerprintSHA256(Buffer.from(key.split(" ")[1] ?? "", "base64"));
}

/** Each key with its options and comment; of what is left out the reason. */
function read(text: string) {
  return [...readAuthorizedKeys(text)].map((each) => {
    if (each.kind === "leftOut") return each.why;
    if (each.kind === "disabled") return `disabled in line ${each.line}`;
    return [fingerprintSHA256(each.blob), each.options, each.comment];
  });
}

describe("a line is a key", () => {
  test.each([
    ["in its simplest form", `${A} a@b`, [], "a@b"],
    ["without a comment", A, [], ""],
    ["behind spaces", `   ${A} x`, [], "x"],
    ["ending in CR LF", `${A} x\r\n`, [], "x"],
    ["with quotes in the comment", `${A} "Al" O'Neil, laptop`, [], `"Al" O'Neil, laptop`],
    ["with a card number as the comment", `${A} cardno:000612345678`, [], "cardno:000612345678"],
    ["with options behind tabs", `command="a b"\t${A}\tc d`, ['command="a b"'], "c d"],
    ["with escaped quotes", `command="echo \\"hi\\", x" ${A} c`, ['command="echo \\"hi\\", x"'], "c"],
    ["with options in capitals", `NO-PTY,Restrict ${A} x`, ["no-pty", "restrict"], "x"],
    [
      "with commas in a value",
      `from="10.0.0.0/8,*.example.com",no-pty ${A} x`,
      ['from="10.0.0.0/8,*.example.com"', "no-pty"],
      "x",
    ],
  ])("%s", (_, line, options, comment) => {
    expect(read(line)).toEqual([[fingerprintOf(A), options, comment]]);
  });
});

describe("the limit of expiry-time comes along:", () => {
  test.each([
    ["20270131Z", "2027-01-31T00:00:00Z"],
    ["202701311800Z", "2027-01-31T18:00:00Z"],
    ["20270131180059Z", "2027-01-31T18:00:59Z"],
  ])("%s", (written, expiresAt) => {
    expect([...readAuthorizedKeys(`restrict,expiry-time="${written}" ${A}`)]).toMatchObject([
      { options: ["restrict"], expiresAt },
    ]);
  });

  test("of two the earlier", () => {
    const line = `expiry-time="20280101Z",expiry-time="20270101Z" ${A}`;
    expect([...readAuthorizedKeys(line)]).toMatchObject([{ expiresAt: "2027-01-01T00:00:00Z" }]);
  });

  test("but not where it depends on the machine", () => {
    expect(read(`expiry-time="20270131" ${A}`)).toEqual([expect.stringContaining("write it in UTC")]);
  });
});

describe("a second key in one line is named and does not come along:", () => {
  test.each([
    ["behind a missing line break", `${A} x${B} y`, "x"],
    ["instead of the comment", `${A} ${B}`, ""],
    ["behind a lone CR", `${A} x\r${B} y`, "x"],
  ])("%s", (_, line, comment) => {
    expect(read(line)).toEqual([
      [fingerprintOf(A), [], comment],
      expect.stringContaining(`a second key (${fingerprintOf(B)}) hides`),
    ]);
  });

  test("glued to the first, of which nothing is left", () => {
    expect(read(`${A}${B}`)).toEqual([expect.stringContaining("without a line break between them")]);
  });
});

const CERTIFICATE = `ssh-ed25519-cert-v01@openssh.com ${encodeStrings([Buffer.from("ssh-ed25519-cert-v01@openssh.com")]).toString("base64")}`;

describe("left out, with what to do about it:", () => {
  test.each([
    ["a space behind a comma", `no-pty, no-user-rc ${A}`, "remove the space"],
    ["an open quote", `command="x ${A} y`, "close the quote"],
    ["a byte order mark", `\ufeff${A} x`, "U+FEFF"],
    ["a zero byte", `${A} x\0${B}`, "zero byte"],
    ["SSH protocol 1", "2048 65537 1234123412341234 old", "SSH protocol 1"],
    ["a marker of known_hosts", `@cert-authority *.example ${A}`, "known_hosts"],
    ["a line of known_hosts", `host.example,192.0.2.1 ${A}`, "known_hosts"],
    ["a hashed one", `|1|abc=|def= ${A}`, "known_hosts"],
    ["one with a port", `[host.example]:2222 ${A}`, "known_hosts"],
    ["an authority", `cert-authority,principals="a" ${A}`, "certificate authority"],
    ["a certificate", `${CERTIFICATE} x`, "certificate"],
    ["a certificate behind options", `restrict ${CERTIFICATE} x`, "certificate"],
    ["an option that sshd does not know", `no-pty,no-such ${A}`, "no option that sshd knows"],
    ["a value without quotes", `command=ls ${A}`, "needs a value in double quotes"],
    ["half a key", A.slice(0, 40), "copy the whole line again"],
    ["text", "hello world", "of no type known here"],
    ["another format", "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "RFC 4716"],
  ])("%s", (_, line, text) => {
    expect(read(line)).toEqual([expect.stringContaining(text)]);
  });
});

test("comments and blank lines are nothing, and keys behind a # are counted", () => {
  expect(read(`# keys of alice\n\n \t\n# ${A} old\n#restrict ${B}\n`)).toEqual([
    "disabled in line 4",
    "disabled in line 5",
  ]);
});

const folder = mkdtempSync(join(tmpdir(), "authorized-keys-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Made of what lines are made of, in any order. */
const LINES = fc.sample(
  fc
    .array(fc.constantFrom(A, B, " ", "\t", "x", '"', ",", "#", "restrict", 'command="a b"', "no-pty"), {
      maxLength: 7,
    })
    // ssh-keygen, unlike sshd, takes no second space behind options.
    .map((pieces) => pieces.join("").replace(/[ \t]+(?=[ \t])/g, "")),
  { numRuns: 600, seed: 20_260_724 },
);

test("every line in which a key is found is one in which ssh-keygen finds it", async () => {
  const found = LINES.flatMap((line) =>
    [...readAuthorizedKeys(line)].flatMap((each) => (each.kind === "key" ? [{ line, blob: each.blob }] : [])),
  );
  expect(found.length).toBeGreaterThan(20);
  for (const [index, { line, blob }] of found.entries()) {
    const file = join(folder, `${index}`);
    writeFileSync(file, `${line}\n`);
    expect((await run("ssh-keygen", ["-lf", file])).stdout).toContain(fingerprintSHA256(blob));
  }
});

/** Lines that make a careless reader go back and forth. */
const HOSTILE: Readonly<Record<string, (length: number) => string>> = {
  "hidden keys": (n) => `${A} ${`${A} `.repeat(n / 82)}`,
  "starts of hidden keys": (n) => `${A} ${"ssh-a ".repeat(n / 6)}`,
  "spaces behind types": (n) => `${A} ssh-a${" ".repeat(n)}`,
  options: (n) => `${"no-pty,".repeat(n / 7)} ${A}`,
  quotes: (n) => `command="${'\\"'.repeat(n / 2)} ${A}`,
  spaces: (n) => " ".repeat(n),
  lines: (n) => "a\n".repeat(n / 2),
  "disabled keys": (n) => `# ${A}\n`.repeat(n / 84),
};

describe("twice the text takes at most its share:", () => {
  test.each(Object.entries(HOSTILE))("%s", (_, make) => {
    const [short, long] = [make(1 << 15), make(1 << 16)].map((text) => JSON.parse(JSON.stringify(text)));
    expect(
      growth(
        () => [...readAuthorizedKeys(short)],
        () => [...readAuthorizedKeys(long)],
      ),
    ).toBeLessThan(LINEAR);
  });
});
