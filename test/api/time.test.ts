import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRFC3339 } from "../../src/api/time.ts";

describe("a time of RFC 3339 is read", () => {
  test.each([
    ["2027-01-31T18:00:00Z", "2027-01-31T18:00:00.000Z"],
    ["2027-01-31t18:00:00z", "2027-01-31T18:00:00.000Z"],
    ["2027-01-31T18:00:00-08:00", "2027-02-01T02:00:00.000Z"],
    ["2027-01-31T18:00:00+05:30", "2027-01-31T12:30:00.000Z"],
    ["2027-01-31T18:00:00-00:00", "2027-01-31T18:00:00.000Z"],
    ["2027-01-31T18:00:00+23:59", "2027-01-30T18:01:00.000Z"],
    ["2027-01-31T18:00:00.5Z", "2027-01-31T18:00:00.500Z"],
    ["2027-01-31T18:00:00.123456789012345678901234567890Z", "2027-01-31T18:00:00.123Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["0000-02-29T00:00:00Z", "0000-02-29T00:00:00.000Z"],
    ["0099-01-01T00:00:00Z", "0099-01-01T00:00:00.000Z"],
    // A leap second is the first second after it.
    ["1990-12-31T23:59:60Z", "1991-01-01T00:00:00.000Z"],
    ["1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000Z"],
    ["2027-07-01T05:29:60.25+05:30", "2027-07-01T00:00:00.250Z"],
    ["2027-06-30t23:59:60z", "2027-07-01T00:00:00.000Z"],
    // An offset leads out of the years of four digits.
    ["9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.999Z"],
    ["0000-01-01T00:00:00+01:00", "0000-01-01T00:00:00.000Z"],
  ])("%s", (text, moment) => {
    expect(new Date(parseRFC3339(text) ?? Number.NaN).toISOString()).toBe(moment);
  });
});

describe("what RFC 3339 does not allow is not read", () => {
  test.each([
    "",
    "tomorrow",
    "2027-01-31",
    "2027-01-31T18:00:00",
    "2027-01-31 18:00:00Z",
    "2027-01-31T18:00Z",
    "2027-01-31T18:00:00.Z",
    "2027-01-31T18:00:00,5Z",
    "2027-01-31T24:00:00Z",
    "2027-01-31T18:60:00Z",
    "2027-01-31T18:00:61Z",
    "2027-01-31T18:00:00+24:00",
    "2027-01-31T18:00:00+05:60",
    "2027-01-31T18:00:00+0530",
    "2027-00-31T18:00:00Z",
    "2027-13-31T18:00:00Z",
    "2027-04-31T18:00:00Z",
    "2027-02-29T18:00:00Z",
    "2100-02-29T18:00:00Z",
    "2027-01-00T18:00:00Z",
    "12027-01-31T18:00:00Z",
    "+012027-01-31T18:00:00Z",
    "-2027-01-31T18:00:00Z",
    " 2027-01-31T18:00:00Z",
    "2027-01-31T18:00:00Z\n",
    "٢٠٢٧-01-31T18:00:00Z",
    `2027-01-31T18:00:00.${"0".repeat(64)}Z`,
    // No leap second stands there.
    "2027-06-30T18:00:60Z",
    "2027-06-30T22:59:60Z",
    "2027-06-29T23:59:60Z",
    "2027-06-30T23:59:60+01:00",
    "1969-12-31T23:59:60Z",
    "2100-12-31T23:59:60Z",
    "9999-12-31T23:59:60Z",
  ])("%j", (text) => {
    expect(parseRFC3339(text)).toBeUndefined();
  });
});

test("every moment is read back from what JavaScript writes", () => {
  const years = { min: new Date("0000-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z") };
  fc.assert(
    fc.property(fc.date({ ...years, noInvalidDate: true }), (date) => {
      expect(parseRFC3339(date.toISOString())).toBe(date.getTime());
    }),
    { numRuns: 2_000 },
  );
});

test("any text gives a number within four-digit years or nothing", () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{8,12}[Zz+-][0-9:]{0,5}$/),
  );
  fc.assert(
    fc.property(text, (value) => {
      const time = parseRFC3339(value);
      return time === undefined || /^\d{4}-/.test(new Date(time).toISOString());
    }),
    { numRuns: 5_000 },
  );
});
