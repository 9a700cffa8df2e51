import { expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../../../src/claims/policy.ts";
import { FOREMAN_GENERATIONS, type ForemanGeneration } from "../../../../src/config/portalsettings.ts";
import type { ValidationErrors } from "../../../../src/portal/foreman/errors.ts";
import { sentKey, wantedKey } from "../../../../src/portal/foreman/newkey.ts";
import { type PortalKey, toPortalKey } from "../../../../src/portal/sshkeys/portalkey.ts";
import { freshDSSKey, freshKey, freshKeysOfEveryType } from "../../../operator/publickeys.ts";

const BLANK = "can't be blank";
const FORMAT = "must be in OpenSSH public key format";
const INVALID = "is not a valid public ssh key";
const NO_FINGERPRINT = { fingerprint: ["could not be generated"] };
const NO_LENGTH = { length: ["could not be calculated"] };

function wanted(body: unknown, generation: ForemanGeneration = "1.19", others: readonly PortalKey[] = []) {
  const circumstances = { user: "alice", others, generation, policy: DEFAULT_POLICY, now: Date.now() };
  return wantedKey(sentKey(body), circumstances);
}

function errorsOf(body: unknown, generation?: ForemanGeneration): ValidationErrors | undefined {
  const made = wanted(body, generation);
  return "errors" in made ? made.errors : undefined;
}

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["an empty object", {}],
  ["a list", []],
  ["an empty ssh_key", { ssh_key: {} }],
  ["an ssh_key that is null", { ssh_key: null }],
  ["an ssh_key that is a list", { ssh_key: [] }],
  ["an empty ssh_key beside fields", { name: "x", key: freshKey(), ssh_key: {} }],
  ["fields that are null", { name: null, key: null }],
  ["fields of spaces", { name: " ", key: "\n" }],
])("%s gets all five messages", (_what, body) => {
  const key = [BLANK, FORMAT];
  expect(errorsOf(body)).toEqual({ name: [BLANK], key, ...NO_FINGERPRINT, ...NO_LENGTH });
});

test.each(FOREMAN_GENERATIONS)("a word is no key to Foreman %s", (generation) => {
  const errors = { key: [INVALID, FORMAT], ...NO_FINGERPRINT, ...NO_LENGTH };
  expect(errorsOf({ name: "x", key: "test" }, generation)).toEqual(errors);
  expect(errorsOf({ name: "x", key: "a".repeat(256) }, generation)).toEqual(errors);
});

test.each<[ForemanGeneration, object]>([
  ["1.19", { key: [INVALID], ...NO_LENGTH }],
  ["2", { key: [INVALID], ...NO_LENGTH }],
  ["5.1", { key: [INVALID], ...NO_FINGERPRINT, ...NO_LENGTH }],
])("Foreman %s finds a fingerprint in ssh-rsa 1234567, or none", (generation, errors) => {
  expect(errorsOf({ name: "x", key: "ssh-rsa 1234567" }, generation)).toEqual(errors);
  expect(errorsOf({ name: "x", key: "ssh-rsa abcdefghijklmnop x" }, generation)).toEqual(errors);
});

test.each([
  ["a type that nobody knows", "ssh-lol AAAA"],
  ["a certificate", "ssh-ed25519-cert-v01@openssh.com AAAA"],
  ["the word of a type alone", "ssh-rsa"],
  ["another word before the type", `ssh-anything ${freshKey()}`],
])("%s is told in Foreman's words alone", (_what, key) => {
  expect(errorsOf({ name: "x", key })).toEqual({ key: [INVALID], ...NO_FINGERPRINT, ...NO_LENGTH });
});

test("options before a key are no key", () => {
  expect(errorsOf({ name: "x", key: `command="x" ${freshKey()}` })).toEqual({
    key: [INVALID, FORMAT],
    ...NO_FINGERPRINT,
    ...NO_LENGTH,
  });
});

test.each(["\n", "\r", "\r\n"])("a line break inside, %j, is told", (lineBreak) => {
  expect(errorsOf({ name: "x", key: `${freshKey()}${lineBreak}abc` })?.key).toContain(
    "should be a single line",
  );
});

test("a name has at most 255 characters", () => {
  const name = ["is too long (maximum is 255 characters)"];
  expect(errorsOf({ name: "ü".repeat(255), key: freshKey() })).toBe(undefined);
  expect(errorsOf({ name: "ü".repeat(256), key: freshKey() })).toEqual({ name });
});

test("what the operator would refuse is told at the key, in its words", () => {
  expect(errorsOf({ name: "x", key: freshDSSKey() })?.key).toEqual([expect.stringContaining("ssh-dss")]);
});

test("a private key is told apart from what is no key", () => {
  const key = `-----BEGIN ${"OPENSSH PRIVATE"} KEY-----\nAAAA\n-----END ${"OPENSSH PRIVATE"} KEY-----`;
  expect(errorsOf({ name: "x", key })?.key).toEqual([
    ...[INVALID, FORMAT, "should be a single line"],
    expect.stringContaining("no longer secret"),
  ]);
});

test("the word PRIVATE in a comment is a comment", () => {
  expect(errorsOf({ name: "x", key: `${freshKey()} PRIVATE` })).toBe(undefined);
});

test.each(freshKeysOfEveryType().map(({ key }) => [key.split(" ")[0], key]))("%s is a key", (_type, key) => {
  expect(errorsOf({ name: "x", key })).toBe(undefined);
});

test("a key is kept as it was sent, but for what is around it", () => {
  const [type, base64] = freshKey().split(" ");
  const line = `${type}  ${base64}  my  laptop`;
  expect(wanted({ name: " x ", key: `\n ${line} \n` })).toEqual({
    spec: { user: "alice", title: "x", key: line },
  });
});

test("a name that is a number is its digits", () => {
  expect(wanted({ name: 5, key: freshKey() })).toMatchObject({ spec: { title: "5" } });
});

test("fields that Foreman does not take are dropped", () => {
  const key = freshKey();
  const body = { name: "x", key, user_id: 4711, login: "root", disabled: true, options: ["restrict"] };
  expect(wanted(body)).toEqual({ spec: { user: "alice", title: "x", key } });
});

test("a key that the user has is taken, whatever its name and comment", () => {
  const key = freshKey();
  const metadata = {
    ...{ name: "k", namespace: "n", uid: "0b9c1d6e-7f00-4000-8000-000000000000", resourceVersion: "1" },
    generation: 1,
  };
  const object = { metadata, spec: { user: "alice", key: `${key} one`, title: "one" } };
  const one = toPortalKey(object);
  expect(wanted({ name: "two", key: `${key} two` }, "1.19", [one])).toEqual({
    errors: { fingerprint: ["has already been taken"] },
  });
  expect(wanted({ name: "one", key: freshKey() }, "1.19", [one])).toHaveProperty("spec");
});
