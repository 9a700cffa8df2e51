import { connect, type Socket } from "node:net";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { Backlog } from "../../../src/portal/backlog.ts";
import { createServer } from "../../../src/portal/server.ts";
import { eventually } from "../../cluster/eventually.ts";

/** More than the kernel takes of one connection that nobody reads, on Linux with its usual limits. */
const LONG = "x".repeat(64 * 1024 * 1024);

let ended = async () => {};
afterEach(() => ended());

/** A server that sends whoever says their name a long answer, and others by its length. */
async function stand() {
  const server = await createServer({ log: pino({ level: "silent" }), isSecure: false, proxies: [] });
  const backlog = new Backlog();
  backlog.observe(server);
  server.get<{ Params: { user: string } }>("/:user/long", async (request) => {
    backlog.identified(request, { namespace: "people", user: request.params.user });
    return LONG;
  });
  server.get<{ Params: { user: string } }>("/:user/short", async (request) => {
    backlog.identified(request, { namespace: "people", user: request.params.user });
    return "short";
  });
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as { port: number };
  const idle: Socket[] = [];
  ended = async () => {
    for (const socket of idle) socket.destroy();
    await server.close();
  };
  return {
    /** Asks for a long answer and reads nothing of it. */
    askIdly(user: string): Socket {
      const socket = connect(port, "127.0.0.1").pause();
      socket.on("error", () => {}).write(`GET /${user}/long HTTP/1.1\r\nHost: h\r\n\r\n`);
      idle.push(socket);
      return socket;
    },
    async statusOf(user: string): Promise<number> {
      return (await fetch(`http://127.0.0.1:${port}/${user}/short`)).status;
    },
  };
}

test("who reads nothing of a long answer gets no other one", async () => {
  const { askIdly, statusOf } = await stand();
  askIdly("alice");
  await eventually("alice is refused", async () => (await statusOf("alice")) === 429);
});

test("who reads nothing does not keep another person from an answer", async () => {
  const { askIdly, statusOf } = await stand();
  askIdly("alice");
  await eventually("alice is refused", async () => (await statusOf("alice")) === 429);
  expect(await statusOf("bob")).toBe(200);
});

test("who reads it gets the next one", async () => {
  const { askIdly, statusOf } = await stand();
  const socket = askIdly("alice");
  await eventually("alice is refused", async () => (await statusOf("alice")) === 429);
  socket.resume();
  await eventually("alice is answered", async () => (await statusOf("alice")) === 200);
});

test("whose connection ends gets an answer by another one", async () => {
  const { askIdly, statusOf } = await stand();
  const socket = askIdly("alice");
  await eventually("alice is refused", async () => (await statusOf("alice")) === 429);
  socket.destroy();
  await eventually("alice is answered", async () => (await statusOf("alice")) === 200);
});
