import { Agent, createServer } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { RequestScope } from "../../src/kube/requestscope.ts";
import { bodyOf, roundTrip } from "../../src/kube/roundtrip.ts";
import { listen } from "./localserver.ts";

/** Longer than a new connection may take. */
const SLOW_MS = 35_000;

test("a request that waits long for a connection that others use is sent when it gets one", async () => {
  const received = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const server = createServer(async (_, response) => {
    received.resolve();
    await released.promise;
    response.end("answer");
  });
  const agent = new Agent({ maxSockets: 1, keepAlive: true });
  const { hostname, port, protocol } = new URL(await listen(server));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
    agent.destroy();
    server.close();
  });
  const get = async () => {
    const address = { protocol, hostname, port };
    const request = { server: address, path: "/", method: "GET", headers: {}, body: undefined };
    return await bodyOf(await roundTrip({ ...request, mayBeSent: () => true }, agent, new RequestScope()));
  };
  const both = Promise.all([get(), get()]);
  await received.promise;
  await vi.advanceTimersByTimeAsync(SLOW_MS);
  released.resolve();
  expect(await both).toEqual(["answer", "answer"]);
});
