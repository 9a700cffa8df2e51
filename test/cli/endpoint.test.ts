import { createConnection } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type Routes, serve } from "../../src/cli/endpoint.ts";
import { EXIT } from "../../src/cli/exitcodes.ts";

const start = async (routes: Routes, address = "127.0.0.1:0") => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const endpoint = await serve({ flag: "--address", address, routes, onError });
  onTestFinished(async () => await endpoint?.close());
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`http://${endpoint?.address}${path}`, { method });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
    };
  };
  return { endpoint, errors, get };
};

test("an endpoint answers GET on its routes, whatever the query, and nothing else", async () => {
  const { get } = await start({
    "/a": () => ({ body: "A" }),
    "/b": async () => ({ status: 503, body: "B" }),
  });
  expect(await get("/a?x=1")).toEqual({ status: 200, type: "text/plain; charset=utf-8", text: "A" });
  expect(await get("/b")).toMatchObject({ status: 503, text: "B" });
  expect(await get("/c")).toMatchObject({ status: 404 });
  expect(await get("/a", "POST")).toMatchObject({ status: 404 });
});

test("a route that throws or rejects is answered with 500, is told, and the next one is served", async () => {
  const thrown = new Error("thrown");
  const rejected = new Error("rejected");
  const { get, errors } = await start({
    "/throws": () => {
      throw thrown;
    },
    "/rejects": () => Promise.reject(rejected),
    "/works": () => ({ body: "ok" }),
  });
  const internal = { status: 500, type: "text/plain; charset=utf-8", text: "internal error\n" };
  expect([await get("/throws"), await get("/rejects")]).toEqual([internal, internal]);
  expect(await get("/works")).toMatchObject({ status: 200 });
  expect(errors).toEqual([thrown, rejected]);
});

test.each(["__proto__", "constructor", "toString"])("a request for %s is for no route", async (target) => {
  const { endpoint, errors } = await start({});
  const socket = createConnection(Number(endpoint?.address.split(":")[1]), "127.0.0.1");
  socket.end(`GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  expect(answer).toMatch(/^HTTP\/1.1 40[04] /);
  expect(errors).toEqual([]);
});

test("a taken address is told with the flag that chooses another", async () => {
  const { endpoint } = await start({});
  await expect(start({}, endpoint?.address)).rejects.toMatchObject({
    exitCode: EXIT.configuration,
    message: expect.stringContaining("--address"),
  });
});

test.each(["", "8080", "localhost", ":", ":http", ":65536", ":123456"])(
  "%j is no address",
  async (address) => {
    await expect(start({}, address)).rejects.toMatchObject({ exitCode: EXIT.usage });
  },
);

test("an address may stand in brackets, as IPv6 ones must, and 0 turns an endpoint off", async () => {
  expect((await start({}, "[127.0.0.1]:0")).endpoint?.address).toMatch(/^127\.0\.0\.1:[0-9]+$/);
  expect((await start({}, "0")).endpoint).toBeUndefined();
});
