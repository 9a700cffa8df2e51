import { describe, expect, test } from "vitest";
import { renderAuthorizedKey } from "../../src/ssh/authorizedkeys.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { keygenAnswers } from "./keygen.ts";
import { Random } from "./random.ts";
import { lineOf, samples } from "./samples.ts";

const BASE64 = "AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
const LINE = `ssh-ed25519 ${BASE64} team-a/alice-laptop`;
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

  test("carries the expiry in UTC without the Z that says so, for an sshd that does not read it", () => {
    const expiresAt = Date.parse("2031-02-03T04:05:06+01:00");
    const line = renderAuthorizedKey({ ...ALICE, expiresAt }, "WithoutZ");
    expect(line).toBe(`expiry-time="20310203030506" ${LINE}`);
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
    expect(renderAuthorizedKey({ ...ALICE, comment: "a\nb\r\u0000\u2028\u202ec" })).toMatch(/^[ -~]+ abc$/);
  });
});

test("rendered lines are the keys they were made of, as ssh-keygen reads them", async () => {
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
  expect(theirs).toEqual(keys.map(({ blob }) => fingerprintSHA256(blob)));
});
