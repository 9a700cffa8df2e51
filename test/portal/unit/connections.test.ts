import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { Connections } from "../../../src/portal/connections.ts";
import { createServer } from "../../../src/portal/server.ts";
import { eventually } from "../../cluster/eventually.ts";

/** More than the kernel takes for a reader that does not read. */
const BIG = "x".repeat(32 * 1024 * 1024);

/** In ms; whatever ends by itself does so far sooner. */
const [LONG, SHORT] = [60_000, 300];

let clients: Client[] = [];

afterEach(() => {
  for (const { socket } of clients) socket.destroy();
  clients = [];
});

class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  said = "";

  constructor(port: number, sent: string) {
    this.socket = connect(port, "127.0.0.1", () => this.socket.write(sent));
    this.socket.on("error", () => {});
    this.closed = once(this.socket, "close");
    clients.push(this);
  }

  read(): this {
    this.socket.on("data", (chunk) => {
      this.said += chunk;
    });
    return this;
  }
}

/** A server on which `/write` waits until it is told to answer. */
async function stand() {
  const server = await createServer({ log: pino({ level: "silent" }), isSecure: false, proxies: [] });
  const connections = new Connections(server);
  const writing = Promise.withResolvers<string>();
  let begun = 0;
  server.get("/", async () => "well");
  server.get("/big", async () => {
    begun += 1;
    return BIG;
  });
  server.post("/write", async () => {
    begun += 1;
    return await writing.promise;
  });
  const accepted: Socket[] = [];
  server.server.on("connection", (socket) => accepted.push(socket));
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return {
    connections,
    send: (sent: string) => new Client(port, sent),
    answer: () => writing.resolve("written"),
    read: (bytes: number) =>
      eventually("all is read", () => accepted.some(({ bytesRead }) => bytesRead === bytes), 10_000),
    begun: (count: number) => eventually(`${count} requests are under way`, () => begun >= count, 10_000),
  };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const WRITE = "POST /write HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
const UNENDED = "POST /write HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nbegun";

describe("a stop", () => {
  test("answers a write that is under way", async () => {
    const { connections, send, answer, begun } = await stand();
    const writer = send(WRITE).read();
    await begun(1);
    const ended = connections.close(LONG);
    answer();
    await Promise.all([ended, writer.closed]);
    expect(writer.said).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nwritten$/);
  });

  test("answers a write that is under way while others hold it up", async () => {
    const { connections, send, answer, begun } = await stand();
    const writer = send(WRITE).read();
    send(UNENDED);
    send(get("/big"));
    await begun(2);
    const ended = connections.close(SHORT);
    answer();
    await Promise.all([ended, writer.closed]);
    expect(writer.said).toMatch(/\r\n\r\nwritten$/);
  });

  test("gives the whole of an answer to who reads slowly", async () => {
    const { connections, send, begun } = await stand();
    const reader = send(get("/big"));
    await begun(1);
    const ended = connections.close(LONG);
    await once(reader.socket, "readable");
    reader.read();
    await Promise.all([ended, reader.closed]);
    expect(reader.said.length).toBeGreaterThan(BIG.length);
  });

  test("ends a connection on which nothing is under way at once", async () => {
    const { connections, send } = await stand();
    const idle = send(get("/")).read();
    await eventually("it is answered", () => idle.said.endsWith("well"), 10_000);
    await Promise.all([connections.close(LONG), idle.closed]);
  });

  test.each([
    ["a body that never ends", UNENDED],
    ["headers that never end", "GET / HTTP/1.1\r\nhost: x\r\n"],
    ["a client that says nothing", ""],
    ["a client that reads nothing", get("/big")],
    ["a client that reads nothing and asks on", get("/big").repeat(5)],
    ["a write that is never answered", WRITE],
  ])("is over when the grace ends, for all of %s", async (_, sent) => {
    const { connections, send, read } = await stand();
    const client = send(sent);
    await read(sent.length);
    const since = performance.now();
    await connections.close(SHORT);
    expect(performance.now() - since).toBeLessThan(LONG / 2);
    client.read();
    await client.closed;
  });

  test("lets each answer before it be the last of its connection, from when it is told", async () => {
    const { connections, send } = await stand();
    const before = send(get("/")).read();
    await eventually("it is answered", () => before.said.endsWith("well"), 10_000);
    connections.endAfterAnswers();
    const after = send(get("/")).read();
    await after.closed;
    expect([before.said.includes("connection: close"), after.said.includes("connection: close")]).toEqual([
      false,
      true,
    ]);
    await connections.close(LONG);
  });
});
