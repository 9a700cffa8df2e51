import { describe, expect, test } from "vitest";
import { dayOf, lastUse, unusedSince } from "../../src/api/lastused.ts";

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
    ["it is no text", used({ time: 7 })],
    ["there is nothing", { fingerprint: FINGERPRINT, lastUsed: null }],
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

describe("nobody has used a key", () => {
  const CREATED = Date.parse("2026-06-01T12:00:00Z");
  const since = (status: object) => new Date(unusedSince(status, CREATED, NOW)).toISOString();

  test("since the day of its last use", () => {
    expect(since(used())).toBe("2027-01-31T00:00:00.000Z");
  });

  test("since it was created, where no use is reported", () => {
    expect(since({ fingerprint: FINGERPRINT })).toBe("2026-06-01T12:00:00.000Z");
  });

  test("since it became this one, where the use of another is reported", () => {
    const status = { ...used({}, FINGERPRINT.replace("gyz", "abc")), claimedSince: "2026-12-24T18:00:00Z" };
    expect(since(status)).toBe("2026-12-24T18:00:00.000Z");
  });

  test("since it was created, whatever an old log or another clock says", () => {
    const old = { ...used({ time: "2026-01-01T00:00:00Z" }), claimedSince: "2999-01-01T00:00:00Z" };
    expect(since(old)).toBe("2026-06-01T12:00:00.000Z");
  });
});
