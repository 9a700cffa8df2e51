import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { AUTHORIZED_KEYS_LIMITS, isLogin, LOGIN_RULE } from "../../../src/api/logins.ts";
import { validateOptions } from "../../../src/api/rules.ts";
import type { ObjectClient, Outcome, Spec } from "../objectclient.ts";
import { startAuthorizedKeysClient } from "./client.ts";

let targets: ObjectClient;

beforeAll(async () => {
  targets = await startAuthorizedKeysClient();
});

afterAll(async () => {
  await targets.stop();
});

test("the limits are those of the CRD", async () => {
  const { properties } = parse(await readFile("crds/authorizedkeys.yaml", "utf8")).spec.versions[0].schema
    .openAPIV3Schema;
  const { from, logins } = properties.spec.properties;
  expect({
    from: from.maxItems,
    users: from.items.properties.users.maxItems,
    map: logins.properties.map.maxItems,
    omitted: properties.status.properties.omitted.maxItems,
  }).toEqual(AUTHORIZED_KEYS_LIMITS);
});

test("the API server and the rule in TypeScript take the same logins", async () => {
  const character = fc.constantFrom(..."az_09.-A$@ ü\n/\0");
  const login = fc.oneof(
    fc.array(character, { maxLength: 4 }).map((parts) => parts.join("")),
    fc.integer({ min: 28, max: 36 }).map((length) => "x".repeat(length)),
    fc.constantFrom("authorized_keys", "authorized_keys2", "root"),
  );
  await fc.assert(
    fc.asyncProperty(login, async (each) => {
      const map = [{ namespace: "people", user: "acme", login: each }];
      expect(told(await dryRun({ logins: { map } }))).toEqual(isLogin(each) ? [] : [LOGIN_RULE]);
    }),
    { numRuns: 300 },
  );
});

test("the API server says of options what it says of an SSHKey's, percent signs aside", async () => {
  const part = fc.constantFrom(
    "restrict",
    "",
    "\n",
    "\u200b",
    "\u202e",
    '"',
    "é",
    "\u{1f511}",
    "x".repeat(1024),
  );
  const option = fc
    .array(part, { maxLength: 2 })
    .map((parts) => parts.join("").slice(0, 1024).toWellFormed());
  await fc.assert(
    fc.asyncProperty(fc.array(option, { maxLength: 32 }), async (options) => {
      const expected = validateOptions(options)?.message;
      expect(told(await dryRun({ options })).map(unnamed)).toEqual(
        expected === undefined ? [] : [unnamed(expected)],
      );
    }),
    { numRuns: 200 },
  );
});

describe("a percent sign in the options", () => {
  const options = fc.array(fc.constantFrom("%", "%%", "u", "n", "l", "U", "a", '"'), { maxLength: 8 });

  test("is part of %u, %n, %l or %%, read from the left, or is refused", async () => {
    await fc.assert(
      fc.asyncProperty(options, async (parts) => {
        const text = `x${parts.join("")}`;
        const isGood = /^([^%]|%[unl%])*$/.test(text);
        expect((await dryRun({ options: [text] })).code).toBe(isGood ? 201 : 422);
      }),
      { numRuns: 300 },
    );
  });

  test("makes identity count in a SingleFile if it stands for the user or the namespace", async () => {
    await fc.assert(
      fc.asyncProperty(options, async (parts) => {
        const text = `x${parts.join("")}`;
        fc.pre(/^([^%]|%[un%])*$/.test(text));
        const from = [{ namespace: "people" }, { namespace: "contractors" }];
        const { code } = await dryRun({ layout: "SingleFile", from, options: [text] });
        const counts = /%[un]/.test(text.replaceAll("%%", ""));
        expect(code).toBe(counts ? 422 : 201);
      }),
      { numRuns: 200 },
    );
  });
});

test("where identity counts, exactly every entry but the last has to have users", async () => {
  const entry = fc.record({ isOpen: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
      const from = entries.map(({ isOpen }) => (isOpen ? { namespace: "a" } : { users: ["alice"] }));
      const isGood = entries.slice(0, -1).every(({ isOpen }) => !isOpen);
      expect((await dryRun({ from })).code).toBe(isGood ? 201 : 422);
    }),
    { numRuns: 100 },
  );
});

function dryRun(spec: Spec): Promise<Outcome> {
  return targets.create(spec, { dryRun: true });
}

/** What the API server says of a spec, each without the name of the field. */
function told(outcome: Outcome): string[] {
  const { details } = Object(outcome.object);
  const causes: readonly { message: string }[] = details?.causes ?? [];
  return causes.map(({ message }) => message.replace(/^[A-Z][a-z ]+: /, ""));
}

/** CEL has names for the characters that people meet, and none for the rest. */
function unnamed(message: string): string {
  return message.replace(/U\+[0-9A-F]{4,6}|(?<=an option contains )a character/, "?");
}
