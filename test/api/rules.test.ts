import { describe, expect, test } from "vitest";
import { validateOptions, validateSpec, validateTitle, validateUser } from "../../src/api/rules.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice@laptop";

/** One of each kind of character that cannot be seen. */
const HIDDEN: readonly (readonly [name: string, character: string])[] = [
  ["U+0000", "\0"],
  ["U+0009", "\t"],
  ["U+000A", "\n"],
  ["U+0085", "\u0085"],
  ["U+00AD", "\u00ad"],
  ["U+034F", "\u034f"],
  ["U+115F", "\u115f"],
  ["U+180B", "\u180b"],
  ["U+200B", "\u200b"],
  ["U+200D", "\u200d"],
  ["U+202E", "\u202e"],
  ["U+2028", "\u2028"],
  ["U+2029", "\u2029"],
  ["U+2066", "\u2066"],
  ["U+3164", "\u3164"],
  ["U+FE0F", "\ufe0f"],
  ["U+FEFF", "\ufeff"],
  ["U+FFA0", "\uffa0"],
  ["U+E0041", "\u{e0041}"],
  ["U+E0100", "\u{e0100}"],
  ["U+D800", "\ud800"],
];

describe.each(HIDDEN)("%s, which cannot be seen,", (name, character) => {
  test("is refused in a user", () => {
    expect(validateUser(`\u{1f511}al${character}ice`)?.message).toBe(
      `the user contains ${name}, which cannot be seen: remove it`,
    );
  });

  test("is refused in a title", () => {
    expect(validateTitle(`${character}laptop`)?.message).toContain(`the title contains ${name},`);
  });

  test("is refused in an option", () => {
    expect(validateOptions(["pty", `command="${character}"`])?.message).toContain(
      `an option contains ${name}, which`,
    );
  });
});

describe("a user is accepted", () => {
  test.each([
    "a",
    "alice@example.com",
    "CN=Алиса Ω, O=日本/x",
    "zoë",
    "O'Brien",
    "a".repeat(253),
    "\u{1f511}".repeat(253),
  ])("%s", (user) => {
    expect(validateUser(user)).toBeUndefined();
  });
});

describe("a user is refused", () => {
  test.each([
    ["", "name the user"],
    [" alice", "begins or ends with a space"],
    ["alice\u00a0", "begins or ends with a space"],
    ["alice\u3000", "begins or ends with a space"],
    ["a".repeat(254), "more than 253 characters"],
    ["zoe\u0308", "NFC from character 3 on"],
    ["\u212bngstr\u00f6m", "NFC from character 1 on"],
  ])("%j", (user, says) => {
    expect(validateUser(user)?.message).toContain(says);
  });
});

test("every broken field is told, the private key first", () => {
  const spec = {
    user: "zoe\u0308",
    key: "rsa AAAA",
    title: '{"d":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}\n',
    options: [""],
    expiresAt: "tomorrow",
  };
  expect(validateSpec(spec).map(({ field, code }) => `${field} ${code}`)).toEqual([
    "spec PrivateKey",
    "spec.user InvalidUser",
    "spec.key InvalidKey",
    "spec.title InvalidTitle",
    "spec.options InvalidOptionList",
    "spec.expiresAt InvalidExpiresAt",
  ]);
});

test("a good spec has no error", () => {
  const spec = {
    user: "alice",
    key: KEY,
    title: "Laptop",
    options: ["restrict"],
    expiresAt: "2027-01-31t18:00:00z",
    disabled: false,
  };
  expect(validateSpec(spec)).toEqual([]);
});
