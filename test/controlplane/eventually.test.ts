import { expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";

test("eventually gives back the first value that is neither undefined nor false", async () => {
  const values = [undefined, false, 0];
  expect(await eventually("a value", () => values.shift())).toBe(0);
});

test("eventually calls a probe again that throws", async () => {
  let calls = 0;
  const probe = async () => {
    calls += 1;
    if (calls < 3) {
      throw new Error("not yet");
    }
    return calls;
  };
  expect(await eventually("the third call", probe)).toBe(3);
});

test("eventually says what was waited for, the last value and the last error", async () => {
  const outcomes = [() => false as const, () => Promise.reject(new Error("connection refused"))];
  let calls = 0;
  const probe = () => outcomes[calls++ % 2]?.();
  await expect(eventually("the moon is full", probe, 200)).rejects.toThrow(
    "the moon is full: not so after 200 ms; last value: false; last error: connection refused",
  );
});

test("eventually does not wait beyond its deadline for a probe that hangs", async () => {
  await expect(eventually("an answer", () => new Promise<never>(() => undefined), 100)).rejects.toThrow(
    "the probe itself gave no answer",
  );
});
