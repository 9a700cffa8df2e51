import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { API_VERSION, KIND } from "../../../../src/api/names.ts";
import { NO_KNOWLEDGE } from "../../../../src/claims/judgement.ts";
import { DEFAULT_SETTINGS } from "../../../../src/config/settings.ts";
import { type Base, baseOf } from "../../../../src/plugin/check/base.ts";
import { compare } from "../../../../src/plugin/check/comparison.ts";
import { Judge } from "../../../../src/plugin/check/judge.ts";
import { fingerprintSHA256 } from "../../../../src/ssh/fingerprint.ts";
import { freshKey } from "../../../operator/publickeys.ts";

const NOW = Date.parse("2027-01-01T00:00:00Z");
const KEYS = Array.from({ length: 3 }, () => freshKey());
const NAMES = ["a", "b", "c", "d"];

type Objects = readonly { readonly object: Readonly<Record<string, unknown>> }[];

function sshKey(name: string, user: string, key: string, fields: object = {}): Objects[number] {
  return {
    object: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: { user, key, ...fields } },
  };
}

/** The names of those that check finds to be duplicates. */
function duplicates(objects: Objects, base?: Base): readonly string[] {
  const judge = new Judge(DEFAULT_SETTINGS, NOW, NO_KNOWLEDGE, base);
  const locate = () => ({ line: 1, column: 1 });
  for (const { object } of objects) judge.judge("a.yaml", { object, locate });
  return [...judge.together()]
    .filter(({ code }) => code === "Duplicate")
    .map(({ object }) => object.replace("SSHKey ", ""))
    .sort();
}

function changes(before: Objects, after: Objects, knowledge = NO_KNOWLEDGE) {
  const { change } = compare(baseOf("base", before, NOW), after, undefined, {
    settings: DEFAULT_SETTINGS,
    knowledge,
    now: NOW,
  });
  if (change === undefined) throw new Error("it cannot be told");
  return change;
}

/** Each name at most once, in any order; each a user of its own. */
function states() {
  const one = fc.record({
    name: fc.constantFrom(...NAMES),
    key: fc.constantFrom(...KEYS),
    isOff: fc.boolean(),
  });
  return fc
    .uniqueArray(one, { selector: ({ name }) => name })
    .map((all) =>
      all.map(({ name, key, isOff }) => sshKey(name, `user-${name}`, key, isOff ? { disabled: true } : {})),
    );
}

describe("a comparison", () => {
  test("and the findings beside it name the same duplicates", () => {
    fc.assert(
      fc.property(states(), states(), (before, after) => {
        const { stands } = changes(before, after);
        const changed = new Map(stands.map((stand) => [stand.id, stand.after?.state]));
        const kept = duplicates(before).filter((name) => !changed.has(name));
        const became = [...changed].filter(([, state]) => state === "Duplicate").map(([id]) => id);
        expect(duplicates(after, baseOf("base", before, NOW))).toEqual([...kept, ...became].sort());
      }),
      { numRuns: 500 },
    );
  });

  test("of a state with itself, in whatever order, is none", () => {
    fc.assert(
      fc.property(states(), fc.nat(), (objects, at) => {
        const turned = [...objects.slice(at % 4), ...objects.slice(0, at % 4)];
        expect(changes(objects, turned)).toEqual({ gained: [], lost: [], altered: [], stands: [] });
      }),
    );
  });

  test("keeps an object as it was whose change the API server refuses", () => {
    const before = [sshKey("a", "alice", KEYS[0] ?? "")];
    const { gained, lost } = changes(before, [sshKey("a", "mallory", KEYS[0] ?? "")]);
    expect([gained, lost]).toEqual([[], []]);
  });

  test("lets nobody in whose key is revoked", () => {
    const [key = ""] = KEYS;
    const revoked = new Set([fingerprintSHA256(Buffer.from(key.split(" ")[1] ?? "", "base64"))]);
    const { gained, stands } = changes([], [sshKey("a", "alice", key)], { revoked });
    expect([gained, stands.map(({ after }) => after?.state)]).toEqual([[], ["Revoked"]]);
  });
});
