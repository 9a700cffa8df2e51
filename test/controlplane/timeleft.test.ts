import { expect, test } from "vitest";
import { timeLeft } from "../../controlplane/timeleft.ts";

const MINUTE = 60_000;

test.each([
  ["half of it is done after two minutes", 2 * MINUTE, 500, 1000, "about 2 min left"],
  ["a quarter is done after a minute", MINUTE, 250, 1000, "about 3 min left"],
  ["all but a little is done", 4 * MINUTE, 950, 1000, "less than a minute left"],
  ["only linking is left", 4 * MINUTE, 1000, 1000, "less than a minute left"],
  ["more was compiled than was counted", MINUTE, 1001, 1000, "less than a minute left"],
])("when %s it says so", (_, elapsed, compiled, packages, text) => {
  expect(timeLeft(elapsed, compiled, packages)).toBe(text);
});

test.each([
  ["it has hardly begun", 49, 1000],
  ["the packages were not counted", 0, 0],
])("it says nothing while %s", (_, compiled, packages) => {
  expect(timeLeft(MINUTE, compiled, packages)).toBe("");
});
