import { setImmediate } from "node:timers/promises";
import { ApiError, errorFromResponse } from "../../../src/kube/apierror.ts";
import type { Call, Requests } from "../../../src/kube/transport.ts";

/** What one request is answered with: an error is what it rejects with. */
export type Answerer = (call: Call, turn: number) => unknown;

export interface Scripted extends Requests {
  /** All that was asked, in order. */
  readonly calls: readonly Call[];
}

/** Answers every request as the script says. */
export function scripted(answer: Answerer): Scripted {
  const calls: Call[] = [];
  return {
    calls,
    async request<T>(call: Call): Promise<T> {
      calls.push(call);
      const value = await answer(call, calls.length);
      if (value instanceof Error) throw value;
      return value as T;
    },
  };
}

/** An object that does no more than the test needs, where one of a class is asked for. */
export function only<T>(parts: Partial<T>): T {
  return parts as T;
}

/** What the server refuses a request with. */
export function refusal(status: number, reason = "", cause?: string, field = ""): ApiError {
  const details = cause === undefined ? {} : { causes: [{ reason: cause, field }] };
  return errorFromResponse("PATCH /x", status, undefined, JSON.stringify({ reason, details }));
}

/** No answer came. */
export function failure(
  code: "Unreachable" | "Disconnected" | "Timeout" | "CredentialsFailed" | "Aborted",
): ApiError {
  return new ApiError({ code, message: `PATCH /x: ${code}` });
}

/** Real time, also where a test has its own. */
const now = performance.now.bind(performance);

/** Lets everything else go on until this is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = now() + 120_000; !isSo(); await setImmediate()) {
    if (now() > end) throw new Error(`it never came about: ${what}`);
  }
}
