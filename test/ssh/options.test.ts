import { describe, expect, test } from "vitest";
import { renderOptions } from "../../src/ssh/options.ts";
import type { RefusalCode } from "../../src/ssh/refusal.ts";
import { keygenAnswers } from "./keygen.ts";
import { accepted, codeOf, messageOf } from "./refusals.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice";

const GOOD: readonly (readonly [string, string])[] = [
  ["restrict", "restrict"],
  ["RESTRICT", "restrict"],
  ["no-X11-forwarding", "no-x11-forwarding"],
  ["no-touch-required", "no-touch-required"],
  ["verify-required", "verify-required"],
  ["pty", "pty"],
  ['command="echo hello"', 'command="echo hello"'],
  ['COMMAND="Echo Hello"', 'command="Echo Hello"'],
  ['command="echo \\"a b\\" # c"', 'command="echo \\"a b\\" # c"'],
  ['command="printf \\n"', 'command="printf \\n"'],
  ['command="grüße"', 'command="grüße"'],
  ['environment="LANG=de_DE.UTF-8"', 'environment="LANG=de_DE.UTF-8"'],
  ['environment="EMPTY="', 'environment="EMPTY="'],
  ['from="10.0.0.0/8,!10.1.0.0/16,*.example.com"', 'from="10.0.0.0/8,!10.1.0.0/16,*.example.com"'],
  [
    'from="2001:db8::/32,::1,64:ff9b::10.0.0.0/104,::/0"',
    'from="2001:db8::/32,::1,64:ff9b::10.0.0.0/104,::/0"',
  ],
  ['permitopen="db.example.com:5432"', 'permitopen="db.example.com:5432"'],
  ['permitopen="[2001:db8::1]:*"', 'permitopen="[2001:db8::1]:*"'],
  ['permitlisten="8080"', 'permitlisten="8080"'],
  ['permitlisten="localhost:8080"', 'permitlisten="localhost:8080"'],
  ['tunnel="0"', 'tunnel="0"'],
  ['tunnel="any"', 'tunnel="any"'],
];

const BAD: readonly (readonly [string, RefusalCode])[] = [
  ["", "BadOption"],
  [" restrict", "UnknownOption"],
  ["restrict ", "BadOption"],
  ["zonk", "UnknownOption"],
  ["no-restrict", "UnknownOption"],
  ["no-command", "UnknownOption"],
  ['"', "UnknownOption"],
  ['restrict="yes"', "BadOption"],
  ["command", "BadOption"],
  ["command=date", "BadOption"],
  ['command="date', "BadOption"],
  ['command="date\\"', "BadOption"],
  ['command="date\\\\"', "BadOption"],
  ['command="date"x', "BadOption"],
  ['command="a\nb"', "BadOption"],
  ['command="a\rb"', "BadOption"],
  ['command="a\0b"', "BadOption"],
  ['command="a\tb"', "BadOption"],
  ['command="a\u0085b"', "BadOption"],
  ['command="\ud800"', "BadOption"],
  [`restrict\nssh-ed25519 AAAA`, "BadOption"],
  ["no-pty,no-user-rc", "SeveralOptions"],
  ['command="a",no-pty', "SeveralOptions"],
  ["cert-authority", "ForbiddenOption"],
  ['Principals="root"', "ForbiddenOption"],
  ['expiry-time="20300101"', "ForbiddenOption"],
  ['environment="LANG"', "BadOptionValue"],
  ['environment="=x"', "BadOptionValue"],
  ['environment="A-B=x"', "BadOptionValue"],
  ['from=""', "BadOptionValue"],
  ['from="a,,b"', "BadOptionValue"],
  ['from="!"', "BadOptionValue"],
  ['from="a, b"', "BadOptionValue"],
  ['from="10.0.0.1/8"', "BadOptionValue"],
  ['from="10.0.0.0/33"', "BadOptionValue"],
  ['from="10.0.0.0/"', "BadOptionValue"],
  ['from="10.0.0/8"', "BadOptionValue"],
  ['from="2001:db8::1/64"', "BadOptionValue"],
  ['from="::/129"', "BadOptionValue"],
  ['from="example.com/24"', "BadOptionValue"],
  ['permitopen="host"', "BadOptionValue"],
  ['permitopen="80"', "BadOptionValue"],
  ['permitopen="host:0"', "BadOptionValue"],
  ['permitopen="host:65536"', "BadOptionValue"],
  ['permitopen="host:http"', "BadOptionValue"],
  ['permitopen="::1:80"', "BadOptionValue"],
  ['permitopen="[::1:80"', "BadOptionValue"],
  ['permitlisten="host"', "BadOptionValue"],
  ['permitlisten=":80"', "BadOptionValue"],
  ['tunnel="-1"', "BadOptionValue"],
  ['tunnel="2147483646"', "BadOptionValue"],
  ['tunnel="one"', "BadOptionValue"],
  [`command="${"x".repeat(1_024)}"`, "TooLong"],
  ['command="a\u202eb"', "BadOption"],
  ['command="a\u200bb"', "BadOption"],
  ['command="a\u3164b"', "BadOption"],
  ['command="a\u2028b"', "BadOption"],
];

test("no options are no text", () => {
  expect(accepted(renderOptions([]))).toBe("");
});

test("options are joined by commas, in their order", () => {
  expect(accepted(renderOptions(["restrict", "pty", 'from="10.0.0.0/8"']))).toBe(
    'restrict,pty,from="10.0.0.0/8"',
  );
});

describe("one option", () => {
  test.each(GOOD)("%s is rendered as %s", (option, rendered) => {
    expect(accepted(renderOptions([option]))).toBe(rendered);
  });

  test.each(GOOD)("%s, rendered, renders to itself", (_option, rendered) => {
    expect(accepted(renderOptions([rendered]))).toBe(rendered);
  });

  test.each(BAD)("%j is refused as %s", (option, code) => {
    expect(codeOf(renderOptions([option]))).toBe(code);
  });

  test.each(BAD)("%j is refused with its place and what to do", (option) => {
    expect(messageOf(renderOptions(["restrict", option]))).toMatch(/^Option 2\b[^\n]+[;:,] [^\n]+\.$/);
  });
});

test.each([
  [['command="a"', 'command="b"']],
  [['from="a"', "pty", 'FROM="a"']],
  [['tunnel="0"', 'tunnel="1"']],
  [['environment="A=1"', 'environment="A=2"']],
])("%j give a second value where one counts", (options) => {
  expect(codeOf(renderOptions(options))).toBe("DuplicateOption");
});

test("options that add up may be repeated", () => {
  const options = [
    'permitopen="a:1"',
    'permitopen="b:2"',
    'environment="A=1"',
    'environment="AB=1"',
    "pty",
    "no-pty",
  ];
  expect(codeOf(renderOptions(options))).toBeUndefined();
});

describe("the limits are those of the CRD, in code points:", () => {
  const command = (characters: number, index = 0) =>
    `permitopen="${"h".repeat(characters - 19)}${String(index).padStart(3, "0")}:22"`;
  const environment = (letter: string, count: number) => `command="${letter.repeat(count)}"`;

  test("1024 characters an option", () => {
    expect(codeOf(renderOptions([command(1_024)]))).toBeUndefined();
    expect(codeOf(renderOptions([command(1_025)]))).toBe("TooLong");
  });

  test("an emoji counts once", () => {
    expect(codeOf(renderOptions([environment("\u{1f511}", 1_014)]))).toBeUndefined();
    expect(codeOf(renderOptions([environment("\u{1f511}", 1_015)]))).toBe("TooLong");
  });

  test("32 options", () => {
    expect(codeOf(renderOptions(Array(32).fill("pty")))).toBeUndefined();
    expect(codeOf(renderOptions(Array(33).fill("pty")))).toBe("TooLong");
  });

  test("16384 characters together", () => {
    const full = Array.from({ length: 16 }, (_, index) => command(1_024, index));
    expect(codeOf(renderOptions(full))).toBeUndefined();
    expect(codeOf(renderOptions([...full, "pty"]))).toBe("TooLong");
  });
});

test("a character that cannot be seen is named, with its place", () => {
  expect(messageOf(renderOptions(["pty", 'command="\u{1f511}\u200b"']))).toBe(
    "Option 2 contains U+200B at character 11, which cannot be seen; remove it.",
  );
});

test("ssh-keygen finds the key behind every rendered option", async () => {
  const lines = GOOD.map(([option]) => `${accepted(renderOptions([option]))} ${KEY}`);
  const bits = (await keygenAnswers(lines, "sha256")).map((answer) => answer?.bits);
  expect(bits).toEqual(lines.map(() => 256));
});
