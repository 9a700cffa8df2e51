import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LineRefusal, lineOptions } from "../../src/authorizedkeys/lineoptions.ts";
import { parseTargetOptions, type TargetOptions } from "../../src/authorizedkeys/targetoptions.ts";
import { skipOptions } from "../../src/ssh/keyline.ts";
import { optionsIn, optionsText, parseOptions, renderOptions } from "../../src/ssh/options.ts";
import type { Result } from "../../src/ssh/refusal.ts";
import { accepted } from "../ssh/refusals.ts";
import { ownLists, targetLists } from "./optionlists.ts";
import { type Allowed, isNoMore, sshdAllows, words } from "./sshdallows.ts";

const ALICE = { user: "alice", namespace: "people", login: "alice" };
const OPEN = 'permitopen="a:1"';
const FORWARDS = ["restrict", "port-forwarding"];

/** What stands in front of the line of an SSHKey with these options. */
const LINES: readonly (readonly [target: string[], own: string[], line: string])[] = [
  [[], [], ""],
  [["restrict", "pty"], [], "restrict,pty"],
  [[], ["restrict", "pty"], "restrict,pty"],
  [["restrict", "pty"], ["no-pty"], "restrict,pty,no-pty"],
  [["restrict", "pty"], ["restrict"], "restrict,pty,no-pty"],
  [["restrict", "pty"], ["restrict", "pty"], "restrict,pty"],
  [["restrict"], ["restrict"], "restrict"],
  [['command="a"'], ["restrict", "pty"], 'command="a",restrict,pty'],
  [["no-pty"], ["restrict"], "no-pty,restrict"],
  [["no-touch-required"], ["touch-required"], "no-touch-required,touch-required"],
  [["no-touch-required"], ["no-touch-required"], "no-touch-required"],
  [[], ["no-touch-required", "touch-required"], ""],
  [[], ["verify-required"], "verify-required"],
  [FORWARDS, [OPEN], `restrict,port-forwarding,${OPEN}`],
  [["restrict"], [OPEN], `restrict,${OPEN}`],
  [[...FORWARDS, OPEN], ['permitlisten="1"'], `restrict,port-forwarding,${OPEN},permitlisten="1"`],
  [[...FORWARDS, OPEN], [OPEN], `restrict,port-forwarding,${OPEN}`],
  [['from="10.0.0.0/8"'], ['command="a"'], 'from="10.0.0.0/8",command="a"'],
  [['command="a"'], ['command="a"'], 'command="a"'],
  [['command="serve %u"'], ['from="*"'], 'command="serve alice",from="*"'],
  // The line's one expiry-time is written with the key.
  [["restrict", 'expiry-time="20300101Z"'], [], "restrict"],
];

/** What the refusal of an SSHKey with these options names. */
const CONFLICTS: readonly (readonly [target: string[], own: string[], named: string])[] = [
  [["restrict"], ["pty"], "pty"],
  [["restrict", "pty"], ["port-forwarding", "x11-forwarding"], "port-forwarding and x11-forwarding"],
  [["no-pty"], ["restrict", "pty"], "pty"],
  [[...FORWARDS, OPEN], ['permitopen="*:*"'], "permitopen"],
  [[...FORWARDS, OPEN, 'permitopen="b:2"'], [OPEN], "permitopen"],
  [['command="a"'], ['command="b"'], "command"],
  [['from="10.0.0.0/8"'], ['from="10.1.0.0/16"'], "from"],
  [["verify-required"], ["no-verify-required"], "no-verify-required"],
  [["touch-required"], ["no-touch-required"], "no-touch-required"],
  [[], ["no-touch-required"], "no-touch-required"],
  [[], ['environment="A=1"'], "environment"],
  [[], ['tunnel="0"'], "tunnel"],
  [["restrict"], ["agent-forwarding", 'environment="A=1"', "pty"], "agent-forwarding, pty and environment"],
];

describe("options", () => {
  test.each(LINES)("%j before an SSHKey with %j are %s", (target, own, line) => {
    expect(lineOptions(read(target), ownText(own), ALICE)).toEqual({ ok: true, value: line });
  });

  test.each(CONFLICTS)("%j leave an SSHKey with %j out and name %s", (target, own, named) => {
    const { reason, message } = refusal(lineOptions(read(target), ownText(own), ALICE));
    expect(reason).toBe("OptionsConflict");
    expect(message).toContain(`The SSHKey's own ${named} would undo or widen`);
  });
});

describe("for any options of a target and of an SSHKey", () => {
  test("a line allows nothing that the target's options alone forbid", () => {
    everyPair(({ line, alone }) => expect(isNoMore(line, alone)).toBe(true));
  });

  test("a line allows nothing that the SSHKey's own options forbid", () => {
    // Where the SSHKey says nothing of touches, the target may do without.
    everyPair(({ line, own }) => {
      const limits = own.includes("touch-required") ? own : join("no-touch-required", own);
      expect(isNoMore(line, allowed(limits))).toBe(true);
    });
  });

  test("an SSHKey is left out if its options, put behind the target's as they are, would undo them", () => {
    fc.assert(
      fc.property(targetLists, ownLists, (target, list) => {
        const parsed = parseTargetOptions(target, "FilePerLogin");
        const own = renderOptions(list);
        if (!parsed.ok || !own.ok) return;
        const alone = value(lineOptions(parsed.value, "", ALICE));
        const together = sshdAllows(join(alone, own.value));
        if (together === undefined || isNoMore(together, allowed(alone))) return;
        expect(lineOptions(parsed.value, own.value, ALICE)).toMatchObject({
          refusal: { reason: "OptionsConflict" },
        });
      }),
      { numRuns: 5_000 },
    );
  });

  test("without the options that a refusal names, the SSHKey has a line", () => {
    let refused = 0;
    fc.assert(
      fc.property(targetLists, ownLists, (target, list) => {
        const parsed = parseTargetOptions(target, "FilePerLogin");
        const own = renderOptions(list);
        if (!parsed.ok || !own.ok) return;
        const line = lineOptions(parsed.value, own.value, ALICE);
        if (line.ok) return;
        refused += 1;
        const [, named = ""] = /own (.+) would/.exec(line.refusal.message) ?? [];
        const names = named.split(/, | and /);
        const left = optionsText(optionsIn(own.value).filter(({ name }) => !names.includes(name)));
        expect(lineOptions(parsed.value, left, ALICE)).toMatchObject({ ok: true });
      }),
      { numRuns: 5_000 },
    );
    expect(refused).toBeGreaterThan(300);
  });

  test("the key's type is what stands behind the options", () => {
    everyPair(({ text }) => expect(text === "" ? "KEY" : skipOptions(`${text} KEY`)).toBe("KEY"));
  });
});

describe("for any user, namespace and login", () => {
  const hostile = fc.string({
    unit: fc.constantFrom(...'aZ09@._+-"\\, \t\n%=/$`;*!ü\u202e'),
    maxLength: 8,
  });
  const who = fc.record({ user: hostile, namespace: hostile, login: hostile });
  const target = read(['command="a \\"%u\\" %n/%l %%u"', "restrict", 'from="10.0.0.0/8"']);

  test("a line has the names where they belong, or the key is left out", () => {
    fc.assert(
      fc.property(who, (names) => {
        const line = lineOptions(target, "no-pty", names);
        const { user, namespace, login } = names;
        if (line.ok) {
          expect(words(line.value)).toEqual([
            ["command", `a "${user}" ${namespace}/${login} %u`],
            ["restrict", undefined],
            ["from", "10.0.0.0/8"],
          ]);
          expect(skipOptions(`${line.value} KEY`)).toBe("KEY");
        } else expect(line.refusal.reason).toBe("NotTemplatable");
      }),
      { numRuns: 5_000 },
    );
  });

  test("only names that begin like a word and have nothing of a shell in them are put in", () => {
    const isSafe = (text: string) => /^[A-Za-z0-9_][A-Za-z0-9@._+-]*$/.test(text);
    fc.assert(
      fc.property(who, (names) => lineOptions(target, "", names).ok === Object.values(names).every(isSafe)),
      { numRuns: 5_000 },
    );
  });

  test("only one part of a host name is put into permitopen", () => {
    const opens = read(['permitopen="%u.vms.example.com:22"']);
    const line = (user: string) => lineOptions(opens, "", { ...ALICE, user });
    expect(value(line("alice"))).toBe('permitopen="alice.vms.example.com:22"');
    for (const user of ["evil.example.com", "a_b", "a@b", "a-", "x".repeat(64), ""]) {
      expect(line(user), user).toMatchObject({ refusal: { reason: "NotTemplatable" } });
    }
  });

  test("a host that would become longer than sshd takes leaves the key out", () => {
    const opens = read([`permitopen="${"%u".repeat(17)}.example.com:22"`]);
    expect(refusal(lineOptions(opens, "", { ...ALICE, user: "x".repeat(63) }))).toEqual({
      reason: "NotTemplatable",
      message: "permitopen would get a host longer than sshd takes; choose shorter names.",
    });
  });

  test.each([
    ["user", "..", 'begins with "."'],
    ["user", "-x", 'begins with "-"'],
    ["user", "bob smith", 'has " " in it'],
    ["user", "alice\n", 'has "\\n" in it'],
    ["namespace", "", "is empty"],
    ["login", "@", 'begins with "@"'],
  ])("the %s %j is named, and that it %s", (which, text, why) => {
    const { message } = refusal(lineOptions(target, "", { ...ALICE, [which]: text }));
    expect(message).toContain(`is the ${which}, which ${why}`);
    expect(message).toMatch(/^%[unl] .*; choose another name, or let command do without it\.$/);
  });

  test("a name that is put in nowhere may be anything", () => {
    fc.assert(fc.property(who, (names) => lineOptions(read(["restrict"]), "", names).ok));
  });

  test("a line without a login cannot have one", () => {
    const line = lineOptions(target, "", { user: "a", namespace: "b" });
    expect(refusal(line).message).toContain("%l is the login, which is empty");
  });
});

test("rendered options read back as the options they were made of", () => {
  fc.assert(
    fc.property(ownLists, (list) => {
      const parsed = parseOptions(list);
      if (parsed.ok) expect(optionsIn(optionsText(parsed.value))).toEqual(parsed.value);
    }),
    { numRuns: 2_000 },
  );
});

interface Pair {
  readonly text: string;
  readonly line: Allowed;
  /** What the target's options allow without any of the SSHKey's. */
  readonly alone: Allowed;
  readonly own: string;
}

/** Of those that get a line. */
function everyPair(check: (pair: Pair) => void): void {
  let lines = 0;
  fc.assert(
    fc.property(targetLists, ownLists, (target, list) => {
      const parsed = parseTargetOptions(target, "FilePerLogin");
      const own = renderOptions(list);
      if (!parsed.ok || !own.ok) return;
      const line = lineOptions(parsed.value, own.value, ALICE);
      if (!line.ok) return;
      lines += 1;
      const alone = allowed(value(lineOptions(parsed.value, "", ALICE)));
      check({ text: line.value, line: allowed(line.value), alone, own: own.value });
    }),
    { numRuns: 6_000 },
  );
  expect(lines).toBeGreaterThan(300);
}

function allowed(options: string): Allowed {
  const found = sshdAllows(options);
  if (found === undefined) throw new Error(`sshd refuses ${options}`);
  return found;
}

function join(...texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join(",");
}

function read(options: readonly string[]): TargetOptions {
  return accepted(parseTargetOptions(options, "FilePerLogin"));
}

function ownText(options: readonly string[]): string {
  return accepted(renderOptions(options));
}

function value(result: Result<string, LineRefusal>): string {
  if (!result.ok) throw new Error(result.refusal.message);
  return result.value;
}

function refusal(result: Result<string, LineRefusal>): LineRefusal {
  if (result.ok) throw new Error(`a line: ${result.value}`);
  return result.refusal;
}
