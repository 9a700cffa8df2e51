import { describe, expect, test } from "vitest";
import { readLogTime } from "../../../src/usage/logtime.ts";

const NOW = Date.parse("2027-02-01T12:00:00Z");
const local = (text: string) => new Date(text).getTime();
const LATER = local("2026-12-31T18:00:00");

describe("the time in front of a line", () => {
  test.each([
    ["2027-01-31T18:00:00Z", Date.parse("2027-01-31T18:00:00Z")],
    ["2027-01-31T18:00:00.123456789Z", Date.parse("2027-01-31T18:00:00.123Z")],
    ["2027-01-31T18:00:00+0100", Date.parse("2027-01-31T17:00:00Z")],
    ["2027-01-31 18:00:00,123+01:00", Date.parse("2027-01-31T17:00:00.123Z")],
    ["1801504800.123456", 1801504800000],
    ["Sun 2027-01-31 18:00:00 CET", local("2027-01-31T18:00:00")],
    ["Jan 31 18:00:00", local("2027-01-31T18:00:00")],
    ["Jan  5 18:00:00.123", local("2027-01-05T18:00:00")],
    ["Sun Jan 31 18:00:00 2027", local("2027-01-31T18:00:00")],
    ["Jan 31 2026 18:00:00", local("2026-01-31T18:00:00")],
  ])("%s", (text, moment) => {
    expect(readLogTime(text, NOW)).toBe(moment);
  });

  test("without a year is of the last year in which it has been", () => {
    expect(readLogTime("Dec 31 18:00:00", NOW)).toBe(LATER);
  });

  test("may be of a leap day some years ago", () => {
    expect(readLogTime("Feb 29 18:00:00", NOW)).toBe(local("2024-02-29T18:00:00"));
  });

  test.each([
    "[12345.678901]",
    "Jam 31 18:00:00",
    "Feb 30 18:00:00",
    "2027-02-30T18:00:00Z",
    "yesterday",
    "",
  ])("%s names none", (text) => {
    expect(readLogTime(text, NOW)).toBeUndefined();
  });
});
