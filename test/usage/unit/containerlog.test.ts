import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { ApiError } from "../../../src/kube/apierror.ts";
import type { BodyReader, Call } from "../../../src/kube/transport.ts";
import {
  BYTES_OF_CONTAINER,
  BYTES_OF_NAMESPACE,
  bytesBudget,
  followContainerLog,
} from "../../../src/usage/containerlog.ts";

const MINUTE = 60_000;
const LINE = `2027-01-31T11:00:00Z Server listening on 0.0.0.0 port 22.\n`;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Follows a log whose requests the API server answers so. */
function following(answer: (reader: BodyReader<unknown>, call: Call) => Promise<void>) {
  const calls: Call[] = [];
  const problems: (string | undefined)[] = [];
  const transport = {
    async read<T>(call: Call, reader: BodyReader<T>): Promise<T> {
      calls.push(call);
      await answer(reader, call);
      return reader.end();
    },
  };
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const options = {
    transport,
    namespace: "bastion",
    pod: "bastion-0",
    container: "sshd",
    budget: bytesBudget(BYTES_OF_NAMESPACE),
    onLine: () => {},
    onProblem: (problem: string | undefined) => void problems.push(problem),
  };
  void followContainerLog(options, stop.signal);
  return { calls, problems };
}

describe("the log of a container", () => {
  test("that has ended is asked for ever more rarely, though it always has lines", async () => {
    const { calls } = following(async (reader) => reader.take(Buffer.from(LINE)));
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    const first = calls.length;
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(calls.length - first).toBeLessThanOrEqual(20);
  });

  test("whose connections last is asked for again at once", async () => {
    const { calls } = following(async (reader) => {
      await reader.take(Buffer.from(LINE));
      await new Promise((resolve) => setTimeout(resolve, MINUTE));
    });
    await vi.advanceTimersByTimeAsync(10 * MINUTE + 11_000);
    expect(calls.length).toBe(11);
  });

  test("that cannot be read is told once, and when it can", async () => {
    let isThere = false;
    const { problems } = following(async (reader) => {
      if (!isThere) throw new ApiError({ code: "BadRequest", message: "waiting to start" });
      await reader.take(Buffer.from(LINE));
    });
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    isThere = true;
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(problems).toEqual(["waiting to start", undefined]);
  });

  test("is no problem where it is quiet", async () => {
    const { problems } = following(async () => {
      throw new ApiError({ code: "Timeout", message: "no line came" });
    });
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(problems).toEqual([]);
  });

  test("is read at once as far as its burst, and then so many bytes a second", async () => {
    const { burst, perSecond } = BYTES_OF_CONTAINER;
    const chunk = Buffer.from(`${" ".repeat(perSecond - 1)}\n`);
    let read = 0;
    following(async (reader, { signal }) => {
      while (signal?.aborted === false) {
        await reader.take(chunk);
        read += chunk.length;
      }
    });
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(read / (burst + 60 * perSecond)).toBeCloseTo(1, 1);
  });
});
