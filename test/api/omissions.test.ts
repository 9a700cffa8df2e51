import { describe, expect, test } from "vitest";
import {
  AUTHORIZED_KEYS_STATES,
  type AuthorizedKeysState,
  OMISSIONS,
  type OmissionReason,
} from "../../src/api/omissions.ts";

const STATES = Object.keys(AUTHORIZED_KEYS_STATES) as AuthorizedKeysState[];

test("a STATE that nobody's waiting mends is Stalled and not Ready", () => {
  const stalled = STATES.filter((state) => AUTHORIZED_KEYS_STATES[state].stalled);
  expect(stalled).toEqual(["InvalidOptions", "SecretConflict", "TooMany"]);
  expect(stalled.map((state) => AUTHORIZED_KEYS_STATES[state].ready)).toEqual(stalled.map(() => "False"));
});

test("a doubt is neither Ready nor not", () => {
  expect(AUTHORIZED_KEYS_STATES.Unknown).toMatchObject({ ready: "Unknown", stalled: false });
});

describe("each word is explained in a part of a sentence", () => {
  const reasons = Object.keys(OMISSIONS) as OmissionReason[];
  test.each([...STATES, ...reasons])("%s", (word) => {
    const { meaning, whatToDo } = { ...AUTHORIZED_KEYS_STATES, ...OMISSIONS }[word];
    for (const text of [meaning, whatToDo]) expect(text).toMatch(/^[a-z].*[^.]$/);
  });
});
