import { Agent, createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { bodyOf, exchange } from "../../src/kube/exchange.ts";
import { RequestScope } from "../../src/kube/requestscope.ts";
import { listen } from "./localserver.ts";

/** Longer than a new connection may take. */
const SLOW_MS = 10_500;

test("a request that waits long for a connection that others use is sent when it gets one", async () => {
  let isFirst = true;
  const server = createServer(async (_, response) => {
    const wait = isFirst ? SLOW_MS : 0;
    isFirst = false;
    await delay(wait);
    response.end("answer");
  });
  const agent = new Agent({ maxSockets: 1, keepAlive: true });
  onTestFinished(() => {
    agent.destroy();
    server.close();
  });
  const { hostname, port, protocol } = new URL(await listen(server));
  const get = async () => {
    const address = { protocol, hostname, port };
    const request = { server: address, path: "/", method: "GET", headers: {}, body: undefined };
    return await bodyOf(await exchange({ ...request, mayBeSent: () => true }, agent, new RequestScope()));
  };
  expect(await Promise.all([get(), get()])).toEqual(["answer", "answer"]);
});
