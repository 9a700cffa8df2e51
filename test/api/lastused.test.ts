import { describe, expect, test } from "vitest";
import { dayOf, lastUse } from "../../src/api/lastused.ts";

const FINGERPRINT = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
const NOW = Date.parse("2027-02-01T12:00:00Z");
const DAY = Date.parse("2027-01-31T00:00:00Z");

const used = (o: object = {}, fingerprint = FINGERPRINT) => ({
  fingerprint,
  lastUsed: { time: "2027-01-31T00:00:00Z", source: "pod/a/b", fingerprint: FINGERPRINT, ...o },
});

describe("the last use", () => {
  test("is the day that is reported of this key", () => {
    expect(lastUse(used(), NOW)).toBe(DAY);
  });

  test("is a day, whatever was written", () => {
    expect(lastUse(used({ time: "2027-01-31T18:30:00+01:00" }), NOW)).toBe(DAY);
  });

  test.each([
    ["nothing is reported", { fingerprint: FINGERPRINT }],
    ["the key was changed since", used({}, FINGERPRINT.replace("gyz", "abc"))],
    ["the spec is no key", { lastUsed: used().lastUsed }],
    ["the day has not come yet", used({ time: "2027-02-03T00:00:00Z" })],
    ["it is no time", used({ time: "yesterday" })],
  ])("is unknown where %s", (_, status) => {
    expect(lastUse(status, NOW)).toBeUndefined();
  });

  test("may be of tomorrow, where another clock is ahead", () => {
    expect(lastUse(used({ time: "2027-02-02T00:00:00Z" }), NOW)).toBeDefined();
  });
});

test("a day begins at midnight in UTC", () => {
  expect(dayOf(Date.parse("2027-01-31T23:59:59.999Z"))).toBe(DAY);
});
