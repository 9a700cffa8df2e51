import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { armor } from "../ssh/signer.ts";
import { PUBLIC_KEY, type Spec, type SSHKeyClient, startSSHKeyClient } from "./sshkeyclient.ts";

let sshKeys: SSHKeyClient;

beforeAll(async () => {
  sshKeys = await startSSHKeyClient();
});

afterAll(async () => {
  await sshKeys.stop();
});

const [TYPE, BASE64] = PUBLIC_KEY.split(" ");

const NOT_A_KEY =
  "spec.key: Invalid value: this is not an OpenSSH public key. Copy the whole line of a .pub file: TYPE BASE64 [COMMENT], as in `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA... alice@laptop`";
const SEVERAL_LINES =
  "spec.key: Invalid value: this is more than one line. Put in the one line of the .pub file, without line breaks or carriage returns";
const SEVERAL_KEYS = "spec.key: Invalid value: these are several keys. Create one SSHKey object for each";
const OPTIONS_IN_FRONT =
  'spec.key: Invalid value: something stands in front of the key type. Begin with the type and move options such as restrict or from="..." to spec.options, one an item';
const OTHER_FORMAT =
  "spec.key: Invalid value: this is a public key or certificate in PEM or RFC 4716 form. Convert a public key with `ssh-keygen -i -f FILE` (RFC 4716) or `ssh-keygen -i -m PKCS8 -f FILE` (PEM) and put in the line that it prints";
const JWK =
  "spec.key: Invalid value: this is a JSON Web Key. Put in an OpenSSH public key: the line of a .pub file";
const BARE_BASE64 =
  "spec.key: Invalid value: this is base64 of a key in another format. If it is a public key in PEM form without its first and last line, add them and convert it with `ssh-keygen -i -m PKCS8 -f FILE`";
const ENCODED =
  "spec.key: Invalid value: this is the base64 of a whole key line. Decode it with `base64 -d` and put in the line itself";
const QUOTED = "spec.key: Invalid value: quotes stand around the key. Remove them, also the one at the end";
const stray = (name: string) =>
  `spec.key: Invalid value: ${name} cannot stand in the type or the base64 of a key: replace it, or copy the line again as plain text`;
const hidden = (where: string, what: string, name: string) =>
  `spec.${where}: Invalid value: ${what} contains ${name}, which cannot be seen: remove it`;
const USER = "spec.user: Invalid value: name the user who owns the key, such as alice or alice@example.com";
const USER_SPACE = "spec.user: Invalid value: the user begins or ends with a space: remove it";
const OPTION_EMPTY = "spec.options: Invalid value: an option is empty: remove it";
const OPTIONS_LONG =
  "spec.options: Invalid value: the options have more than 16384 characters together: shorten them";
const EXPIRES_AT =
  'spec.expiresAt: Invalid value: give an existing date, a time and an offset as RFC 3339 writes them, such as 2027-01-31T18:00:00Z; `date -u -d "+90 days" +%FT%TZ` prints one';
const NO_PROOF =
  "spec.proof: Invalid value: this is not one SSH signature. Put in all that `printf %s USER | ssh-keygen -Y sign -n sshkey-operator.dev -f KEY -` prints";
const PROOF = armor(Buffer.from("SSHSIG".padEnd(300, "x")));

describe("an SSHKey is refused with one message that says what to do", () => {
  const cases: readonly [why: string, spec: Spec, message: string][] = [
    ["an empty key", { key: "" }, NOT_A_KEY],
    ["a blank key", { key: " \n" }, NOT_A_KEY],
    ["a file name", { key: "~/.ssh/id_ed25519.pub" }, NOT_A_KEY],
    ["a type without base64", { key: "ssh-ed25519" }, NOT_A_KEY],
    ["base64 without a type", { key: `${BASE64}` }, NOT_A_KEY],
    ["an abbreviated key", { key: "ssh-ed25519 AAAAC3...7CMB7HQ alice" }, NOT_A_KEY],
    ["base64 that does not begin with a type's name", { key: `${TYPE} AAAAIGrNsRCISAtKXV5O` }, NOT_A_KEY],
    ["URL-safe base64", { key: `${TYPE} ${BASE64}-_` }, NOT_A_KEY],
    ["a type that is none of OpenSSH's", { key: `rsa ${BASE64}` }, NOT_A_KEY],
    ["several keys", { key: `${PUBLIC_KEY}\n${PUBLIC_KEY}\n` }, SEVERAL_KEYS],
    ["several keys with an empty line between", { key: `${PUBLIC_KEY}\n\n${PUBLIC_KEY}` }, SEVERAL_KEYS],
    ["a broken line", { key: `${PUBLIC_KEY.slice(0, 40)}\n${PUBLIC_KEY.slice(40)}` }, SEVERAL_LINES],
    ["a key below a comment line", { key: `# laptop\n${PUBLIC_KEY}` }, SEVERAL_LINES],
    ["a second newline", { key: `${PUBLIC_KEY}\n\n` }, SEVERAL_LINES],
    ["a newline in front", { key: `\n${PUBLIC_KEY}` }, SEVERAL_LINES],
    ["a carriage return", { key: `${PUBLIC_KEY}\r\n` }, SEVERAL_LINES],
    ["a Unicode line separator", { key: `${PUBLIC_KEY}\u2028x` }, SEVERAL_LINES],
    ["a flag in front", { key: `restrict ${PUBLIC_KEY}` }, OPTIONS_IN_FRONT],
    ["an option in front", { key: `command="a b" ${PUBLIC_KEY}` }, OPTIONS_IN_FRONT],
    [
      "a control character in the comment",
      { key: `${PUBLIC_KEY}\u0007` },
      hidden("key", "the comment", "U+0007"),
    ],
    ["a NUL in the comment", { key: `${PUBLIC_KEY}\u0000` }, hidden("key", "the comment", "U+0000")],
    ["a byte order mark in front", { key: `\ufeff${PUBLIC_KEY}` }, stray("U+FEFF")],
    ["a no-break space behind the type", { key: PUBLIC_KEY.replace(" ", "\u00a0") }, stray("U+00A0")],
    ["a zero width space in the base64", { key: PUBLIC_KEY.replace("IBrN", "IB\u200brN") }, stray("U+200B")],
    ["a non-breaking hyphen in the type", { key: PUBLIC_KEY.replace("-", "\u2011") }, stray("U+2011")],
    ["a letter of another alphabet", { key: PUBLIC_KEY.replace("IBrN", "I\u0412rN") }, stray("a character")],
    ["quotes around", { key: `"${PUBLIC_KEY}"` }, QUOTED],
    ["typographic quotes around", { key: `\u201c${PUBLIC_KEY}\u201d` }, QUOTED],
    ["base64 of the line", { key: Buffer.from(PUBLIC_KEY).toString("base64") }, ENCODED],
    ["a JSON Web Key", { key: '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg"}' }, JWK],
    [
      "the base64 of PEM",
      { key: "MCowBQYDK2VwAyEAGs2xEIhIC0pdXk5XGpXq6dVx2KzlSHeiILoHsIwHsdA=" },
      BARE_BASE64,
    ],
    ["PEM", { key: "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n" }, OTHER_FORMAT],
    ["RFC 4716", { key: "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n" }, OTHER_FORMAT],
    ["an X.509 certificate", { key: "-----BEGIN CERTIFICATE-----\nMIIB\n" }, OTHER_FORMAT],
    ["an empty user", { user: "" }, USER],
    ["a user with a leading space", { user: " alice" }, USER_SPACE],
    ["a user with a trailing space", { user: "alice " }, USER_SPACE],
    ["a user with a trailing no-break space", { user: "alice\u00a0" }, USER_SPACE],
    ["a user with a tab", { user: "al\tice" }, hidden("user", "the user", "U+0009")],
    ["a user with a newline at the end", { user: "alice\n" }, hidden("user", "the user", "U+000A")],
    ["a user with a C1 control character", { user: "al\u0085ice" }, hidden("user", "the user", "U+0085")],
    ["a user with a zero width space", { user: "alice\u200b" }, hidden("user", "the user", "U+200B")],
    ["a user written from right to left", { user: "\u202eecila" }, hidden("user", "the user", "U+202E")],
    ["a user with a variation selector", { user: "alice\ufe0f" }, hidden("user", "the user", "U+FE0F")],
    ["a user with a Hangul filler", { user: "alice\u3164" }, hidden("user", "the user", "U+3164")],
    ["a title of two lines", { title: "a\nb" }, hidden("title", "the title", "U+000A")],
    ["a title with an escape sequence", { title: "\u001b[31mred" }, hidden("title", "the title", "U+001B")],
    ["a title with a direction mark", { title: "a\u2066b" }, hidden("title", "the title", "U+2066")],
    ["an empty option", { options: ["restrict", ""] }, OPTION_EMPTY],
    ["an option of two lines", { options: ['command="a\nb"'] }, hidden("options", "an option", "U+000A")],
    [
      "an option with a hidden character",
      { options: ["a\u202eb"] },
      hidden("options", "an option", "U+202E"),
    ],
    ["options of 16385 characters", { options: [...Array(16).fill("x".repeat(1024)), "x"] }, OPTIONS_LONG],
    ["a word for a date", { expiresAt: "tomorrow" }, EXPIRES_AT],
    ["an empty date", { expiresAt: "" }, EXPIRES_AT],
    ["a date without a time", { expiresAt: "2027-01-31" }, EXPIRES_AT],
    ["a time without an offset", { expiresAt: "2027-01-31T18:00:00" }, EXPIRES_AT],
    ["a space for the T", { expiresAt: "2027-01-31 18:00:00Z" }, EXPIRES_AT],
    ["the 29th of February of a common year", { expiresAt: "2100-02-29T00:00:00Z" }, EXPIRES_AT],
    ["a leap second in the middle of a month", { expiresAt: "2027-06-29T23:59:60Z" }, EXPIRES_AT],
    ["a leap second of another zone", { expiresAt: "2027-06-30T23:59:60+01:00" }, EXPIRES_AT],
    ["a leap second in the last year", { expiresAt: "9999-12-31T23:59:60Z" }, EXPIRES_AT],
    ["an impossible offset", { expiresAt: "2027-01-31T18:00:00+25:00" }, EXPIRES_AT],
    ["text in front of a date", { expiresAt: "x2027-01-31T18:00:00Z" }, EXPIRES_AT],
    ["a newline after a date", { expiresAt: "2027-01-31T18:00:00Z\n" }, EXPIRES_AT],
    ["an empty proof", { proof: "" }, NO_PROOF],
    ["the command in place of the proof", { proof: "printf %s alice | ssh-keygen -Y sign" }, NO_PROOF],
    ["the public key in place of the proof", { proof: PUBLIC_KEY }, NO_PROOF],
    ["two proofs", { proof: PROOF + PROOF }, NO_PROOF],
    ["a proof below what ssh-keygen says meanwhile", { proof: `Signing data\n${PROOF}` }, NO_PROOF],
    ["a proof with a comment behind it", { proof: `${PROOF}# of the laptop` }, NO_PROOF],
    ["a proof without its last line", { proof: PROOF.split("\n").slice(0, -2).join("\n") }, NO_PROOF],
    ["a proof without its first line", { proof: PROOF.split("\n").slice(1).join("\n") }, NO_PROOF],
    ["a proof in URL-safe base64", { proof: PROOF.replace("U1NI", "U1N_") }, NO_PROOF],
    ["a signature of another program", { proof: PROOF.replaceAll("SSH SIG", "PGP SIG") }, NO_PROOF],
  ];
  test.each(cases)("%s", async (_why, spec, message) => {
    const { code, name, message: said } = await sshKeys.create(spec);
    expect([code, said]).toEqual([422, `SSHKey.sshkey-operator.dev "${name}" is invalid: ${message}`]);
  });
});

describe("an SSHKey is refused for its size or shape", () => {
  const cases: readonly [why: string, spec: Spec, message: string][] = [
    ["a key of more than 16 KiB", { key: PUBLIC_KEY.padEnd(16385, "x") }, "spec.key: Too long"],
    ["a user of 254 characters", { user: "a".repeat(254) }, "spec.user: Too long"],
    ["a title of 256 characters", { title: "a".repeat(256) }, "spec.title: Too long"],
    ["33 options", { options: Array(33).fill("restrict") }, "spec.options: Too many"],
    ["an option of 1025 characters", { options: ["a".repeat(1025)] }, "spec.options[0]: Too long"],
    ["a date of 65 characters", { expiresAt: "2".repeat(65) }, "spec.expiresAt: Too long"],
    ["a proof of more than 16 KiB", { proof: PROOF.padEnd(16_385) }, "spec.proof: Too long"],
    [
      "a proof that is an object",
      { proof: { signature: PROOF } },
      "spec.proof in body must be of type string",
    ],
    ["no key", { key: undefined }, "spec.key: Required value"],
    ["no user", { user: undefined }, "spec.user: Required value"],
    ["a key that is a list", { key: [PUBLIC_KEY] }, "spec.key in body must be of type string"],
    ["disabled in words", { disabled: "yes" }, "spec.disabled in body must be of type boolean"],
  ];
  test.each(cases)("%s", async (_why, spec, message) => {
    const { code, message: said } = await sshKeys.create(spec);
    expect(code).toBe(422);
    expect(said).toContain(message);
  });
});

test("each of several broken fields is named once", async () => {
  const { message } = await sshKeys.create({
    user: "",
    key: "x",
    title: "\n",
    options: [""],
    expiresAt: "x",
    proof: "x",
  });
  expect(message.match(/spec(\.\w+)?: /g)?.toSorted()).toEqual([
    "spec.expiresAt: ",
    "spec.key: ",
    "spec.options: ",
    "spec.proof: ",
    "spec.title: ",
    "spec.user: ",
  ]);
});

test("a refused SSHKey is not stored", async () => {
  const { name } = await sshKeys.create({ key: "x" });
  expect((await sshKeys.read(name)).code).toBe(404);
});

test("kubectl prints the message as it is", async () => {
  const { code, stderr } = await sshKeys.cluster.kubectl(
    ["create", "-n", sshKeys.namespace, "-f", "-"],
    JSON.stringify({
      apiVersion: "sshkey-operator.dev/v1alpha1",
      kind: "SSHKey",
      metadata: { name: "broken" },
      spec: { user: "alice", key: "x" },
    }),
  );
  expect([code, stderr.trim()]).toEqual([1, `The SSHKey "broken" is invalid: ${NOT_A_KEY}`]);
});

test("the user of an SSHKey cannot be changed", async () => {
  const { name } = await sshKeys.create({});
  const { code, message } = await sshKeys.patch(name, { spec: { user: "bob" } });
  expect([code, message]).toEqual([
    422,
    `SSHKey.sshkey-operator.dev "${name}" is invalid: spec.user: Forbidden: the user of an SSHKey cannot be changed: delete this SSHKey and create one for the other user`,
  ]);
});

test("an edit is held to the same rules as a new SSHKey", async () => {
  const { name } = await sshKeys.create({});
  const { message } = await sshKeys.patch(name, { spec: { key: `${PUBLIC_KEY}\n${PUBLIC_KEY}` } });
  expect(message).toContain(SEVERAL_KEYS);
});

test("expiresAt takes exactly the dates that exist", async () => {
  const two = (n: number) => String(n).padStart(2, "0");
  const year = fc.oneof(fc.integer({ min: 1000, max: 9999 }), fc.constantFrom(1900, 2000, 2024, 2100, 2400));
  const month = fc.oneof(fc.integer({ min: 0, max: 13 }), fc.constant(2));
  const day = fc.oneof(fc.integer({ min: 0, max: 32 }), fc.integer({ min: 28, max: 31 }));
  await fc.assert(
    fc.asyncProperty(year, month, day, async (y, m, d) => {
      const date = new Date(Date.UTC(y, m - 1, d));
      const exists = date.getUTCFullYear() === y && date.getUTCMonth() === m - 1 && date.getUTCDate() === d;
      const { code } = await sshKeys.create(
        { expiresAt: `${y}-${two(m)}-${two(d)}T00:00:00Z` },
        { dryRun: true },
      );
      expect(code).toBe(exists ? 201 : 422);
    }),
    { numRuns: 400 },
  );
});
