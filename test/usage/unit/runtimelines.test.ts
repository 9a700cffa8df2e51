import { describe, expect, test } from "vitest";
import { RuntimeLines } from "../../../src/usage/runtimelines.ts";

const NOW = Date.parse("2027-01-31T12:00:00Z");
const lines = () => new RuntimeLines(() => NOW);
const at = (time: string) => Date.parse(time);

describe("a line of a container's log", () => {
  test("was written when the runtime says, and is the rest", () => {
    expect(lines().read("2027-01-30T10:00:00.123456789+02:00 a message")).toEqual({
      message: "a message",
      writtenAt: at("2027-01-30T08:00:00.123Z"),
    });
  });

  test("was written by now, however fast the node's clock is", () => {
    expect(lines().read("2999-01-01T00:00:00Z x")?.writtenAt).toBe(NOW);
  });

  test.each([
    "failed to watch the file",
    "",
    "2027-01-30 x",
    "2027-02-30T00:00:00Z x",
    "2027-01-30T10:00:00Z",
  ])("is none without the runtime's time: %j", (line) => {
    expect(lines().read(line)).toBeUndefined();
  });
});

describe("read on after a break", () => {
  test("a log is asked for from its last whole second on", () => {
    const read = lines();
    expect(read.begin()).toBeUndefined();
    read.read("2027-01-30T10:00:02.900Z x");
    read.read("2027-01-30T10:00:01Z of another stream of the container");
    expect(read.begin()).toBe("2027-01-30T10:00:02.000Z");
  });

  test("the rest of a line in pieces names no day but those since", () => {
    const read = lines();
    read.read("2027-01-30T10:00:02.900Z x");
    read.begin();
    const days = ["2026-01-05T00:00:00Z x", "2999-01-01T00:00:00Z x"].map(
      (line) => read.read(line)?.writtenAt,
    );
    expect(days).toEqual([at("2027-01-30T10:00:02Z"), NOW]);
  });

  test("a time to come is never waited for", () => {
    const read = lines();
    read.read("2999-01-01T00:00:00Z x");
    expect(read.begin()).toBe(new Date(NOW).toISOString());
  });
});
