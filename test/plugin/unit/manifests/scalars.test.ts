import { describe, expect, test } from "vitest";
import { ScalarError, scalarValue } from "../../../../src/plugin/manifests/scalars.ts";

describe("a plain scalar is to kubectl", () => {
  test.each([
    ["on yes Yes YES y true True TRUE", true],
    ["off no No NO n false OFF", false],
    ["null Null ~", null],
    ["012 0b1010 0xA 0o12 10 1_0 1e1 +10 0000012", 10],
    ["08 8 8. 0b1000", 8],
    ["-1 -0b1 -0x1 -01", -1],
    [".5 5e-1 0.5 +.5 0_.5", 0.5],
    [".inf .Inf +.INF", Number.POSITIVE_INFINITY],
    [".nan .NaN", Number.NaN],
  ])("%s: %s", (texts, value) => {
    for (const text of texts.split(" "))
      expect([text, scalarValue(text, true, undefined)]).toEqual([text, value]);
  });

  test.each([
    "tRUE yEs nULL oN",
    "1:30 2027-01-31 2027-01-31T18:00:00Z",
    "= << 1.2.3 0xg 0b2 1e 1e999 . - + _1 --1 1,000",
    "18446744073709551616x 0x1ffffffffffffffff",
  ])("a text: %s", (texts) => {
    for (const text of texts.split(" ")) expect(scalarValue(text, true, undefined)).toBe(text);
  });

  test("nothing where nothing stands", () => {
    expect(scalarValue("", true, undefined)).toBeNull();
  });
});

test.each(["on", "012", "~", "", "<<"])("in quotes %j is a text", (text) => {
  expect(scalarValue(text, false, undefined)).toBe(text);
});

describe("a tag decides", () => {
  test.each([
    ["12", "str", "12"],
    ["12", "int", 12],
    ["12", "float", 12],
    ["yes", "bool", true],
    ["", "null", null],
    ["aGk=", "binary", "hi"],
    ["aG\nk=", "binary", "hi"],
    ["2027-01-31", "timestamp", "2027-01-31"],
  ])("%j as !!%s", (text, tag, value) => {
    expect(scalarValue(text, false, `tag:yaml.org,2002:${tag}`)).toBe(value);
  });

  test.each([
    ["x", "int"],
    ["1", "bool"],
    ["1.5", "int"],
    ["a", "binary"],
    ["x", "timestamp"],
  ])("and refuses what is none: %j as !!%s", (text, tag) => {
    expect(() => scalarValue(text, true, `tag:yaml.org,2002:${tag}`)).toThrow(ScalarError);
  });

  test("unless nobody knows it, and then all are texts", () => {
    expect([scalarValue("on", true, "!mine"), scalarValue("12", true, "!")]).toEqual(["on", "12"]);
  });
});
