import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Patterns } from "../../src/authorizedkeys/pattern.ts";
import { growth, LINEAR } from "../growth.ts";
import { meet } from "../oracle/selection.ts";

const item = fc.string({ unit: fc.constantFrom("a", "b", "@", "*"), maxLength: 8 });
const name = fc.string({ unit: fc.constantFrom("a", "b", "@"), maxLength: 8 });
const items = fc.array(item, { maxLength: 3 });

describe("names and patterns", () => {
  it.each([
    ["bastion", ["bastion"], ["my-bastion", "bastion2", "Bastion", "bastio", ""]],
    ["team-*", ["team-a", "team-", "team-a-b"], ["xteam-a", "team", "Team-a"]],
    ["*-ops", ["a-ops", "-ops"], ["ops", "a-opsx"]],
    ["a*b*c", ["abc", "a-b-c", "abbcc"], ["acb", "ab", "bc"]],
    ["aa*aa", ["aaaa", "aabaa"], ["aaa", "aa"]],
    ["*", ["", "anything"], []],
    ["**", ["", "anything"], []],
    ["a.c", ["a.c"], ["abc"]],
  ])("%s matches whole names only", (pattern, matching, others) => {
    const patterns = new Patterns([pattern]);
    expect([...matching, ...others].filter((each) => patterns.matches(each))).toEqual(matching);
  });

  it("match what a regular expression of them matches", () => {
    fc.assert(
      fc.property(items, name, (all, text) => {
        const expressions = all.map((each) => new RegExp(`^${each.replaceAll("*", ".*")}$`, "s"));
        expect(new Patterns(all).matches(text)).toBe(expressions.some((each) => each.test(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it("could have a local part if they have it, or a name with it, in common", () => {
    const local = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 });
    fc.assert(
      fc.property(items, local, (all, text) => {
        const could = all.some((each) => meet(each, text) || meet(each, `${text}@*`));
        expect(new Patterns(all).matchesLocalPart(text)).toBe(could);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["of stars", "*a"],
    ["that almost repeats itself", "ab"],
    ["of one letter", "a"],
  ])("take time in proportion to a pattern %s", (_, unit) => {
    const [half, full] = [1000, 2000].map((count) => ({
      patterns: new Patterns([`*${unit.repeat(count)}b*`]),
      text: unit.replace("*", "").repeat(2 * count),
    }));
    expect(
      growth(
        () => half?.patterns.matches(half.text),
        () => full?.patterns.matches(full.text),
      ),
    ).toBeLessThan(LINEAR);
  });
});
