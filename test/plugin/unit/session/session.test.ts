import { PassThrough, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { PluginError, Session, type Streams, UnreadError } from "../../../../src/plugin/session/session.ts";

function sessionOf(o: {
  readonly isTTY?: boolean;
  readonly env?: Streams["env"];
  readonly stdout?: Writable;
  readonly stdin?: PassThrough;
  readonly stderr?: PassThrough;
  readonly signal?: AbortSignal;
}): Session {
  const stdout = Object.assign(o.stdout ?? new PassThrough(), { isTTY: o.isTTY ?? false });
  const streams = {
    stdin: o.stdin ?? new PassThrough(),
    stdout,
    stderr: o.stderr ?? new PassThrough(),
    env: o.env ?? {},
  };
  return new Session(streams as unknown as Streams, o.signal ?? new AbortController().signal);
}

const RED = "\u001b[31mno\u001b[39m";

describe("colours", () => {
  test.each([
    [true, {}, RED],
    [true, { NO_COLOR: "" }, RED],
    [true, { NO_COLOR: "0" }, "no"],
    [true, { NO_COLOR: "1" }, "no"],
    [true, { TERM: "dumb" }, "no"],
    [false, {}, "no"],
    [false, { FORCE_COLOR: "1" }, "no"],
  ])("in a terminal (%s) with %j", (isTTY, env, expected) => {
    expect(sessionOf({ isTTY, env }).styled("red", "no")).toBe(expected);
  });
});

describe("what others wrote moves nothing in the terminal", () => {
  const written = "a\u001b[2J\u009b2J\u202eb\u2028\r\u0007c";

  test("as a result for programs, which read the same", async () => {
    const stdout = new PassThrough();
    await sessionOf({ stdout }).print(JSON.stringify({ written }));
    const printed = String(stdout.read());
    expect(printed).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(printed)).toEqual({ written });
  });

  test("as a result for people, whose colours stay", async () => {
    const stdout = new PassThrough();
    await sessionOf({ stdout }).print(`${RED} ${written}`);
    expect(String(stdout.read())).toBe(`${RED} a\\u001b[2J\\u009b2J\\u202eb\\u2028\\u000d\\u0007c\n`);
  });

  test("as talk, which is no order to a job either", () => {
    const stderr = new PassThrough();
    sessionOf({ stderr }).say("::set-output name=a::b\n  ::warning::c\na::b is kept by ##[add-mask]d");
    expect(String(stderr.read())).toBe(
      ": :set-output name=a::b\n  : :warning::c\na::b is kept by # #[add-mask]d\n",
    );
  });

  test("as talk", () => {
    const stderr = new PassThrough();
    sessionOf({ stderr }).say(`keys:\n  1. ${written}`);
    expect(String(stderr.read())).toBe("keys:\n  1. a[2J2Jbc\n");
  });
});

describe("a result", () => {
  test("ends with one line feed", async () => {
    const stdout = new PassThrough();
    const session = sessionOf({ stdout });
    await session.print("a");
    await session.print("b\n");
    await session.print("");
    expect(String(stdout.read())).toBe("a\nb\n");
  });

  test("that nobody reads any more is no failure of the command", async () => {
    const stdout = new PassThrough();
    const session = sessionOf({ stdout });
    stdout.destroy(new Error("EPIPE"));
    await new Promise((resolve) => stdout.once("close", resolve));
    await expect(session.print("a")).rejects.toThrow(UnreadError);
  });

  test("that a reader does not take is given up when the person stops it", async () => {
    const stop = new AbortController();
    const stdout = new Writable({ highWaterMark: 1, write: () => undefined });
    const printed = sessionOf({ stdout, signal: stop.signal }).print("a");
    stop.abort();
    await expect(printed).rejects.toThrow();
  });
});

describe("a question", () => {
  test("is answered by a line", async () => {
    const stdin = new PassThrough();
    stdin.end(" yes \n");
    expect(await sessionOf({ stdin }).ask("Really? ")).toBe("yes");
  });

  test("whose input ends is an error, not silence", async () => {
    const stdin = new PassThrough();
    stdin.end();
    await expect(sessionOf({ stdin }).ask("Really? ")).rejects.toThrow(PluginError);
  });

  test("is given up when the person stops it", async () => {
    const stop = new AbortController();
    const answer = sessionOf({ signal: stop.signal }).ask("Really? ");
    stop.abort();
    await expect(answer).rejects.toThrow();
  });
});
