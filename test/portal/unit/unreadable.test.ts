import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createServer } from "../../../src/portal/server.ts";
import { TEXTS } from "../../../src/portal/web/texts.ts";

let server: FastifyInstance;
let counted: number[] = [];

beforeAll(async () => {
  const log = pino({ level: "silent" });
  const onUnreadable = (status: number) => counted.push(status);
  server = await createServer({ log, isSecure: true, proxies: [], onUnreadable });
  server.get("/", async () => "well");
  server.post("/", async ({ body }) => body);
  await server.listen({ host: "127.0.0.1", port: 0 });
});

beforeEach(() => {
  counted = [];
});

afterAll(async () => {
  await server?.close();
});

/** Sends this, and only then reads until the portal has hung up. */
async function answerTo(sent: string): Promise<string> {
  const { port } = server.server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((done) => socket.write(sent, "latin1", () => done()));
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await once(socket, "close");
  return text;
}

const POST =
  "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
const HEADER = `x-a: ${"y".repeat(1000)}\r\n`;

const UNREADABLE: readonly [string, string, keyof typeof TEXTS.unreadable][] = [
  ["headers of more than 64 KB", `GET / HTTP/1.1\r\nhost: x\r\n${HEADER.repeat(70)}\r\n`, 431],
  ["headers of 3 MB", `GET / HTTP/1.1\r\nhost: x\r\n${HEADER.repeat(3000)}\r\n`, 431],
  ["a path of more than 64 KB", `GET /${"x".repeat(70_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431],
  ["no HTTP", "hello\r\n\r\n", 400],
  ["the begin of TLS", "\u0016\u0003\u0001\u0002\u0000\u0001", 400],
  ["a method that there is not", "TAKE / HTTP/1.1\r\nhost: x\r\n\r\n", 400],
  ["a header that is none", "GET / HTTP/1.1\r\nhost: x\r\nno header\r\n\r\n", 400],
  ["two lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", 400],
  ["a length that is none", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\nx", 400],
  ["a chunk that is none", `${POST}x\r\n`, 400],
  ["a chunk with more than 16 KB beside it", `${POST}1;${"x".repeat(20_000)}\r\n"\r\n`, 413],
];

describe.each(UNREADABLE)("%s", (_, sent, status) => {
  test("is answered by a sentence, and the connection ends", async () => {
    const [head = "", text] = (await answerTo(sent)).split("\r\n\r\n");
    expect([head.split(" ")[1], text]).toEqual([String(status), TEXTS.unreadable[status]]);
    expect(head).toContain("\r\nconnection: close");
  });

  test("is answered with the headers of every answer", async () => {
    const head = (await answerTo(sent)).split("\r\n\r\n")[0]?.toLowerCase().split("\r\n") ?? [];
    const { headers } = await server.inject("/");
    const every = Object.entries(headers).filter(
      ([name]) => !/^(?:content-(?:type|length)|date|connection)$/.test(name),
    );
    expect(head).toEqual(
      expect.arrayContaining(every.map(([name, value]) => `${name}: ${value}`.toLowerCase())),
    );
  });

  test("is counted once", async () => {
    await answerTo(sent);
    expect(counted).toEqual([status]);
  });
});

test("a request without a host is answered by the same sentence", async () => {
  const [head = "", text] = (await answerTo("GET / HTTP/1.1\r\n\r\n")).split("\r\n\r\n");
  expect([head.split(" ")[1], text]).toEqual(["400", TEXTS.unreadable[400]]);
  expect(head).toContain("content-security-policy: default-src 'none'");
});

test("a request with an expectation that nobody knows is answered as without", async () => {
  const text = await answerTo("GET / HTTP/1.1\r\nhost: x\r\nexpect: miracles\r\nconnection: close\r\n\r\n");
  expect(text.split("\r\n\r\n")[1]).toBe("well");
});

test("what is read of a request is answered as ever, up to 64 KB of headers", async () => {
  const sent = `GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${HEADER.repeat(60)}\r\n`;
  expect([(await answerTo(sent)).split("\r\n\r\n")[1], counted]).toEqual(["well", []]);
});
