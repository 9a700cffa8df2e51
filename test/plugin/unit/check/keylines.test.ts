import { expect, test } from "vitest";
import { NO_KNOWLEDGE } from "../../../../src/claims/judgement.ts";
import { DEFAULT_POLICY } from "../../../../src/claims/policy.ts";
import { checkKeyLines } from "../../../../src/plugin/check/keylines.ts";
import { freshKey } from "../../../operator/publickeys.ts";

const KEY = freshKey();

test.each([
  ["none", KEY, []],
  ["one for each comma outside of quotes", `restrict,from="10.0.0.1,10.0.0.2" ${KEY}`, []],
  ["a quote behind a backslash, which ends nothing", `command="echo \\"a,b\\"",restrict ${KEY}`, []],
  ["nothing between two commas, which sshd refuses", `restrict,,pty ${KEY}`, ["BadOption"]],
  ["nothing behind the last comma, which sshd refuses", `restrict, ${KEY}`, ["BadOption"]],
])("the options of a line are %s", (_, line, codes) => {
  const { findings } = checkKeyLines("keys", line, DEFAULT_POLICY, NO_KNOWLEDGE);
  expect(findings.map(({ code }) => code)).toEqual(codes);
});
