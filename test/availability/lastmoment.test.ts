import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { failureOf } from "../kube/failureof.ts";
import { json, type LocalServer, startLocalServer } from "../kube/localserver.ts";

let server: LocalServer;
let held: ServerResponse[];
let received: string[];
let mayBeSent: boolean;

/** One connection and a server that holds its answers, so that a second request waits behind the first. */
beforeEach(async () => {
  [held, received, mayBeSent] = [[], [], true];
  const hold = (url: string | undefined, response: ServerResponse) => {
    received.push(url ?? "");
    held.push(response);
  };
  server = await startLocalServer((request, response) => hold(request.url, response), {
    credentials: { connections: 1 },
  });
});

afterEach(async () => {
  await server.stop();
});

test("a write that waits for a connection is not sent when it may no longer be by the time there is one", async () => {
  const first = send("/first");
  await eventually("the first is on its way", () => received.length === 1);
  const second = failureOf(send("/second"));
  mayBeSent = false;
  answer();
  await first;
  expect(await second).toMatchObject({ code: "Aborted", status: 0 });
  expect(received).toEqual(["/first"]);
});

test("the connection serves the requests after a refused one", async () => {
  mayBeSent = false;
  await failureOf(send("/refused"));
  mayBeSent = true;
  const next = send("/next");
  await eventually("it has come", () => received.length === 1);
  answer();
  await next;
  expect(received).toEqual(["/next"]);
});

function send(path: string): Promise<unknown> {
  return server.transport.request({ method: "PATCH", path, body: {}, mayBeSent: () => mayBeSent });
}

function answer(): void {
  const response = held.shift();
  if (response === undefined) throw new Error("no request is waiting");
  json(response, 200, {});
}
