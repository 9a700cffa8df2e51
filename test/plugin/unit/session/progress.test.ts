import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Progress } from "../../../../src/plugin/session/progress.ts";

const ERASE = "\r\u001b[2K";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A terminal of so many columns, or a pipe, and what has been written to it. */
function open(o: { readonly isTTY?: boolean; readonly columns?: number; readonly term?: string } = {}) {
  const { isTTY = true, columns = 40, term = "xterm" } = o;
  const stream = Object.assign(new PassThrough(), { isTTY, columns });
  const progress = new Progress(stream as unknown as NodeJS.WriteStream, { TERM: term });
  return { progress, written: () => String(stream.read() ?? "") };
}

describe("work in a terminal", () => {
  test("that takes less than two seconds is done without a word", () => {
    const { progress, written } = open();
    const end = progress.begin(() => "working");
    vi.advanceTimersByTime(1900);
    end();
    expect(written()).toBe("");
  });

  test("that takes longer is told as far as it is by then, on one line", () => {
    const { progress, written } = open();
    let done = 0;
    progress.begin(() => `${done} files`);
    vi.advanceTimersByTime(2000);
    done = 7;
    vi.advanceTimersByTime(1000);
    expect(written()).toBe(`${ERASE}0 files${ERASE}7 files`);
  });

  test("leaves nothing of it when it ends", () => {
    const { progress, written } = open();
    const end = progress.begin(() => "working");
    vi.advanceTimersByTime(2000);
    written();
    end();
    vi.advanceTimersByTime(1000);
    expect(written()).toBe(ERASE);
  });

  test("that is part of other work is told as the other work", () => {
    const { progress, written } = open();
    progress.begin(() => "deleting: 1 of 3");
    progress.begin(() => "waiting for the API server")();
    progress.begin(() => "waiting for the API server");
    vi.advanceTimersByTime(2000);
    expect(written()).toBe(`${ERASE}deleting: 1 of 3`);
  });

  test("gives way to what is written, and is told again behind it", () => {
    const { progress, written } = open();
    progress.begin(() => "working");
    vi.advanceTimersByTime(2000);
    progress.hide();
    vi.advanceTimersByTime(100);
    expect(written()).toBe(`${ERASE}working${ERASE}${ERASE}working`);
  });

  test("is told on one line, however narrow the terminal is", () => {
    const { progress, written } = open({ columns: 8 });
    progress.begin(() => "reading a file");
    vi.advanceTimersByTime(2000);
    expect(written()).toBe(`${ERASE}reading`);
  });

  test("is told without anything that the terminal obeys", () => {
    const { progress, written } = open();
    progress.begin(() => "reading a\u001b[2Jb");
    vi.advanceTimersByTime(2000);
    expect(written()).toBe(`${ERASE}reading a[2Jb`);
  });
});

test.each([
  ["a pipe", { isTTY: false }],
  ["a terminal that erases nothing", { term: "dumb" }],
])("in %s nothing is told", (_, o) => {
  const { progress, written } = open(o);
  const end = progress.begin(() => "working");
  vi.advanceTimersByTime(60_000);
  end();
  expect(written()).toBe("");
});
