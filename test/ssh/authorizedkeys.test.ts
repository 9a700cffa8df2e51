import { describe, expect, test } from "vitest";
import { readAuthorizedKeys, renderAuthorizedKey } from "../../src/ssh/authorizedkeys.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { keygenAnswers } from "./keygen.ts";
import { Random } from "./random.ts";
import { accepted } from "./refusals.ts";
import { lineOf, rsaSample, samples } from "./samples.ts";

const BASE64 = "AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
const LINE = `ssh-ed25519 ${BASE64} team-a/alice-laptop`;
const FINGERPRINT = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
const ALICE = { options: "", type: "ssh-ed25519", base64: BASE64, comment: "team-a/alice-laptop" } as const;

describe("a rendered line", () => {
  test("is type, base64 and comment", () => {
    expect(renderAuthorizedKey(ALICE)).toBe(LINE);
  });

  test("begins with the options", () => {
    expect(renderAuthorizedKey({ ...ALICE, options: "restrict,pty" })).toBe(`restrict,pty ${LINE}`);
  });

  test("carries the expiry in UTC", () => {
    const expiresAt = Date.parse("2031-02-03T04:05:06+01:00");
    expect(renderAuthorizedKey({ ...ALICE, expiresAt })).toBe(`expiry-time="20310203030506Z" ${LINE}`);
  });

  test("carries the expiry behind the options", () => {
    const line = renderAuthorizedKey({ ...ALICE, options: "restrict", expiresAt: Date.UTC(2031, 0) });
    expect(line).toBe(`restrict,expiry-time="20310101000000Z" ${LINE}`);
  });

  test.each([
    ["2031-01-01T00:00:00.999Z", "20310101000000Z"],
    ["1970-01-01T00:00:00.000Z", "19700101000001Z"],
    ["1931-01-01T00:00:00.000Z", "19700101000001Z"],
    ["+010000-01-01T00:00:00.000Z", "99991231235959Z"],
  ])("for %s expires at %s, which sshd can read", (time, written) => {
    const line = renderAuthorizedKey({ ...ALICE, expiresAt: Date.parse(time) });
    expect(line).toContain(`expiry-time="${written}" `);
  });

  test("is not made for a time that is no number", () => {
    expect(() => renderAuthorizedKey({ ...ALICE, expiresAt: Number.NaN })).toThrow(RangeError);
  });

  test("stays one line whatever the comment holds", () => {
    expect(renderAuthorizedKey({ ...ALICE, comment: "a\nb\r\u0000c" })).toMatch(/^[^\n\r\0]+ a b {2}c$/);
  });
});

describe("reading a file", () => {
  test.each([
    ["a plain line", LINE],
    ["options before the key", `restrict,command="echo \\"a b\\"" ${LINE}`],
    ["tabs and many spaces", ` \tno-pty\t \tssh-ed25519 \t${BASE64}\t\tx`],
    ["no comment", `ssh-ed25519 ${BASE64}`],
    ["carriage returns", `${LINE}\r\n`],
  ])("finds the key of a line with %s", (_what, text) => {
    expect(readAuthorizedKeys(text)).toEqual([FINGERPRINT]);
  });

  test.each([
    ["an empty text", ""],
    ["blank lines", "\n \t\n\r\n"],
    ["comments", `# ${LINE}\n  #${LINE}\n`],
    ["half a key", LINE.slice(0, 60)],
    ["two words before the key", `a b ${LINE}`],
    ["an open quote", `command="a ${LINE}`],
    ["a key of too few bits", lineOf(rsaSample(new Random(3), 1000))],
  ])("finds nothing in %s", (_what, text) => {
    expect(readAuthorizedKeys(text)).toEqual([]);
  });

  test("keeps order and repetition", () => {
    const other = lineOf(rsaSample(new Random(3), 2048));
    const rsa = fingerprintSHA256(accepted(parsePublicKey(other)).blob);
    expect(readAuthorizedKeys(`${other}\nrubbish\n${LINE}\n\n${other}`)).toEqual([rsa, FINGERPRINT, rsa]);
  });

  test("gives what was rendered, as ssh-keygen reads it", async () => {
    const keys = samples(new Random(11)).flatMap((sample) => {
      const parsed = parsePublicKey(lineOf(sample));
      return parsed.ok ? [parsed.value] : [];
    });
    const lines = keys.map(({ type, blob }, index) =>
      renderAuthorizedKey({
        ...(index % 3 === 0 ? { expiresAt: Date.UTC(2040, index % 12) } : {}),
        options: index % 2 === 0 ? "" : 'restrict,command="echo \\"a # b\\""',
        type,
        base64: blob.toString("base64"),
        comment: `team/key-${index}`,
      }),
    );
    const theirs = (await keygenAnswers(lines, "sha256")).map((answer) => answer?.fingerprint);
    expect(readAuthorizedKeys(lines.join("\n"))).toEqual(theirs);
  });
});
