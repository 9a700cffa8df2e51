import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isTemplated,
  lineExpiresAt,
  MAXIMUM_SEQUENCES,
  parseTargetOptions,
  targetOptionsExpireAt,
} from "../../src/authorizedkeys/targetoptions.ts";
import { flagsSetBy, isOn } from "../../src/ssh/optionflags.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { accepted, messageOf } from "../ssh/refusals.ts";
import { targetLists } from "./optionlists.ts";

const OPEN = 'permitopen="a:1"';

const GOOD: readonly (readonly string[])[] = [
  [],
  ["restrict", "pty"],
  ["restrict", "port-forwarding", OPEN, 'permitlisten="8080"'],
  [OPEN],
  ["no-pty", "restrict"],
  ["pty", "restrict", "pty"],
  ['command="serve %u %n %l"'],
  ['command="date +%%s"'],
  ['from="fe80::1%%eth0"'],
  ['permitopen="%u.vms.example.com:22"'],
  ['permitopen="%u.%n.svc:*"'],
  ['expiry-time="20300101Z"'],
  ['expiry-time="203001012359Z"', "restrict"],
  ['tunnel="0"'],
];

/** Each with words of what its refusal says to do. */
const BAD: readonly (readonly [options: readonly string[], says: string])[] = [
  [["zonk"], "no option that sshd knows"],
  [["cert-authority"], "remove it"],
  [['principals="a"'], "remove it"],
  [['environment="GIT_USER=%u"'], 'command="GIT_USER=%u exec git-serve"'],
  [['environment="%u=1"'], "set the variable in a command"],
  [['comm%uand="x"'], "no option that sshd knows"],
  [["restrict", 'command="a"', 'command="b"'], "Option 3 gives a second value"],
  [['command="date +%s"'], "write %% where one is meant"],
  [['command="%"'], "write %% where one is meant"],
  [['command="%U"'], "write %% where one is meant"],
  [['from="%u.example.com"'], "write from without it"],
  [['permitlisten="%u:8080"'], "write permitlisten without it"],
  [['tunnel="%u"'], "write tunnel without it"],
  [['permitopen="%u:22"'], "put a domain behind it"],
  [['permitopen="%u.1:22"'], "put a domain behind it"],
  [['permitopen="a.example.com:%u"'], "put a domain behind it"],
  [['permitopen="vms.%u:22"'], "put a domain behind it"],
  [['permitopen="%u.example.com"'], "put a domain behind it"],
  [["restrict", OPEN], "put port-forwarding behind restrict"],
  [["restrict", 'permitlisten="1"'], "put port-forwarding behind restrict"],
  [["no-port-forwarding", OPEN], "remove one of the two"],
  [["restrict", 'tunnel="0"'], "remove tunnel"],
  [["pty", "restrict"], "Option 1: pty is taken back by restrict behind it; put pty behind restrict"],
  [["port-forwarding", OPEN, "restrict"], "put port-forwarding behind restrict"],
  [["restrict", "pty", "restrict"], "put pty behind restrict"],
  [["pty", "no-pty"], "remove one of the two"],
  [["no-touch-required", "touch-required"], "remove one of the two"],
  [['expiry-time="20300101"'], "with a Z at the end"],
  [['expiry-time="20300230Z"'], "an existing date"],
  [['expiry-time="19700101Z"'], "an existing date"],
  [['expiry-time="203001012460Z"'], "an existing date"],
  [['expiry-time="2030-01-01Z"'], "YYYYMMDDHHMMSSZ"],
  [['expiry-time="20300101Z"', 'expiry-time="20310101Z"'], "Option 2 gives a second value"],
  [Array(33).fill("pty"), "remove some"],
  [[`command="${"%u".repeat(MAXIMUM_SEQUENCES + 1)}"`], "remove some"],
];

describe("of the options of a target", () => {
  test.each(GOOD)("%j %j %j %j are taken", (...options) => {
    expect(messageOf(parseTargetOptions(options, "FilePerLogin"))).toBe("");
  });

  test.each(BAD)("%j are refused, saying: %s", (options, says) => {
    const message = messageOf(parseTargetOptions(options, "FilePerLogin"));
    expect(message).toContain(says);
    expect(message).toMatch(/^[^\n]+[;,:] [^\n]+\.$/);
  });

  test("%l is refused where there are no logins", () => {
    expect(messageOf(parseTargetOptions(['command="serve %l"'], "SingleFile"))).toContain("use %u");
  });

  test("%%l is no login", () => {
    expect(messageOf(parseTargetOptions(['command="serve %%l"'], "SingleFile"))).toBe("");
  });

  test("what has no percent sign and no expiry-time is taken only if SSHKeys may have it too", () => {
    fc.assert(
      fc.property(targetLists, (list) => {
        const common = list.filter((each) => !each.includes("%") && !each.startsWith("expiry-time"));
        const target = parseTargetOptions(common, "SingleFile");
        return !target.ok || renderOptions(common).ok;
      }),
      { numRuns: 2_000 },
    );
  });

  test("every flag that is taken is in force behind all of them", () => {
    let taken = 0;
    fc.assert(
      fc.property(targetLists, (list) => {
        const target = parseTargetOptions(list, "FilePerLogin");
        if (!target.ok) return;
        taken += 1;
        for (const { name } of target.value.options.filter((each) => each.name !== "restrict")) {
          for (const [flag, isFlagOn] of flagsSetBy(name)) {
            expect(isOn(target.value.flags, flag)).toBe(isFlagOn);
          }
        }
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(300);
  });

  test("no option of any text makes the parser throw", () => {
    const text = fc.string({ unit: fc.constantFrom(...'%ulnx"\\=,\n .:1'), maxLength: 12 });
    const option = fc
      .tuple(fc.constantFrom("command=", "permitopen=", "from=", "expiry-time=", "pty", ""), text)
      .map(([name, value]) => `${name}"${value}"`);
    fc.assert(
      fc.property(fc.array(option, { maxLength: 4 }), (list) => {
        const parsed = parseTargetOptions(list, "SingleFile");
        return parsed.ok || /^\S.*\.$/.test(parsed.refusal.message);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("who the user is", () => {
  test.each([
    ['command="serve %u"'],
    ['command="serve %n"'],
    ['command="%l"'],
    ['permitopen="%u.example.com:1"'],
  ])("matters with %s", (option) => {
    expect(isTemplated(accepted(parseTargetOptions([option], "FilePerLogin")))).toBe(true);
  });

  test("does not matter with a percent sign alone", () => {
    expect(isTemplated(accepted(parseTargetOptions(['command="date +%%s"', "pty"], "SingleFile")))).toBe(
      false,
    );
  });
});

describe("the time of a target's own expiry-time", () => {
  test.each([
    ["20300131Z", Date.UTC(2030, 0, 31)],
    ["203001312359Z", Date.UTC(2030, 0, 31, 23, 59)],
    ["20300131235958Z", Date.UTC(2030, 0, 31, 23, 59, 58)],
  ])("%s is in UTC", (text, time) => {
    const target = accepted(parseTargetOptions([`expiry-time="${text}"`], "SingleFile"));
    expect(targetOptionsExpireAt(target)).toBe(time);
  });

  test("is not there without one", () => {
    expect(targetOptionsExpireAt(accepted(parseTargetOptions(["pty"], "SingleFile")))).toBeUndefined();
  });

  const time = Date.UTC(2030, 0, 1);
  const limited = accepted(parseTargetOptions(['expiry-time="20300101Z"'], "SingleFile"));
  const unlimited = accepted(parseTargetOptions([], "SingleFile"));

  test.each([
    ["the SSHKey's, which is earlier", limited, time - 1, time - 1],
    ["the target's, which is earlier", limited, time + 1, time],
    ["the target's, which is the only one", limited, undefined, time],
    ["the SSHKey's, which is the only one", unlimited, time, time],
    ["none, where there is none", unlimited, undefined, undefined],
  ])("leaves a line %s", (_which, target, own, expected) => {
    expect(lineExpiresAt(target, own)).toBe(expected);
  });
});
