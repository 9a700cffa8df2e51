import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { collectAtRest } from "../../src/cli/collectatrest.ts";

const collect = vi.fn();
let stop: () => void;
let cpu = 0;

beforeEach(() => {
  vi.useFakeTimers();
  stop = collectAtRest(collect, () => cpu);
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  collect.mockReset();
});

/** Lets a minute pass in which each second takes so much CPU time, in ms. */
function minute(cpuMs: number): void {
  for (let second = 0; second < 60; second += 1) {
    cpu += cpuMs;
    vi.advanceTimersByTime(1000);
  }
}

describe("garbage is collected", () => {
  test("once at rest after a start", () => {
    minute(1);
    minute(1);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  test("never while there is work", () => {
    minute(500);
    expect(collect).not.toHaveBeenCalled();
  });

  test("once more after each time of work", () => {
    for (const work of [0, 100, 0, 500, 1]) minute(work);
    expect(collect).toHaveBeenCalledTimes(3);
  });

  test("not after work that is worth less than a collection", () => {
    minute(1);
    cpu += 900;
    minute(1);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  test("not because of the time that a collection takes itself", () => {
    collect.mockImplementation(() => {
      cpu += 5000;
    });
    minute(1);
    minute(1);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  test("no more after its end", () => {
    stop();
    minute(1);
    expect(collect).not.toHaveBeenCalled();
  });
});
