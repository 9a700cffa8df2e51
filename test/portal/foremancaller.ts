import type { PortalProcess } from "./portalprocess.ts";

/** What the REST API answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  readonly body: any;
}

/** Sends a request to the REST API; a body is sent as JSON, a string as it is. */
export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** `portal` is asked for with each call, so that it may start later. */
export function callerOf(portal: () => PortalProcess): Call {
  return async (method, path, body, headers = {}) => {
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(new URL(path, portal().url), {
      method,
      redirect: "manual",
      headers: { ...type, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  };
}
