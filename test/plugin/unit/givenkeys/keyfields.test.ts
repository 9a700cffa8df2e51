import { afterAll, beforeAll, expect, test } from "vitest";
import { fieldsOf } from "../../../../src/plugin/givenkeys/keyfields.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const zone = process.env.TZ;

beforeAll(() => {
  process.env.TZ = "America/New_York";
});

afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test.each([
  ["a duration from now", { expiresIn: "90d" }, "2026-05-30T12:00:00Z"],
  ["a time as it is given", { expiresAt: "2027-01-31T18:00:00+01:00" }, "2027-01-31T18:00:00+01:00"],
  ["a day until its end where the person is", { expiresAt: "2027-01-31" }, "2027-02-01T05:00:00Z"],
  ["a day with 23 hours, until its end", { expiresAt: "2027-03-14" }, "2027-03-15T04:00:00Z"],
])("the expiry is %s", (_, flags, expiresAt) => {
  expect(fieldsOf(flags, NOW)).toEqual({ expiresAt });
});

test.each([
  ["a day that does not exist", { expiresAt: "2027-02-30" }, "there is no such day"],
  ["what is no duration", { expiresIn: "3 weeks" }, "give a duration"],
  ["two of them", { expiresAt: "2027-02-03", expiresIn: "3d" }, "give one of them"],
])("it is not %s", (_, flags, said) => {
  expect(() => fieldsOf(flags, NOW)).toThrow(said);
});

test("what was not said is not in the spec", () => {
  expect(fieldsOf({}, NOW)).toEqual({});
});
