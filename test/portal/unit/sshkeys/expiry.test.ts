import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../../../src/claims/policy.ts";
import { endOfDay, latestDay } from "../../../../src/portal/sshkeys/expiry.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

describe("a day ends", () => {
  test("in UTC where no browser says otherwise", () => {
    expect(endOfDay("2026-10-25", "")).toBe("2026-10-25T23:59:59Z");
  });

  test.each([
    ["Pacific/Auckland", "2026-10-25T10:59:59Z"],
    ["America/New_York", "2026-10-26T03:59:59Z"],
    ["Pacific/Kiritimati", "2026-10-25T09:59:59Z"],
  ])("in the reader's zone: %s", (_, said) => {
    expect(endOfDay("2026-10-25", said)).toBe(said);
  });

  test.each(["2026-10-24T23:59:59Z", "2027-10-26T03:59:59Z", "tomorrow"])(
    "in UTC where the browser speaks of another day: %s",
    (said) => {
      expect(endOfDay("2026-10-25", said)).toBe("2026-10-25T23:59:59Z");
    },
  );
});

test("no day is no time", () => {
  expect(endOfDay("", "2026-10-25T10:59:59Z")).toBe(undefined);
});

test("the last day is within the lifetime in every zone", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  const policy = { ...DEFAULT_POLICY, maximumLifetime: 30 * DAY_MS };
  const day = latestDay(policy, now) ?? "";
  const [easy, hard] = [Date.parse(`${day}T23:59:59-12:00`), now + policy.maximumLifetime];
  expect([day, easy <= hard, easy + DAY_MS > hard]).toEqual(["2026-03-30", true, true]);
});
