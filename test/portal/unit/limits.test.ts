import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { FastifyRequest } from "fastify";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { LIMITS, type LimitName, Limits, TooMany } from "../../../src/portal/limits.ts";
import type { Person } from "../../../src/portal/people/person.ts";
import { createServer } from "../../../src/portal/server.ts";

const PROXY = "10.1.2.3";

/** A server on which every path is one of the limits; the header `x-user` says who writes. */
async function stand() {
  const server = await createServer({ log: pino({ level: "silent" }), isSecure: false, proxies: [PROXY] });
  const told: string[] = [];
  const limits = new Limits({
    server,
    onLimited: ({ limit, isFirst }) => {
      if (isFirst) told.push(limit);
    },
  });
  const of = ({ headers }: FastifyRequest): Person => ({
    user: String(headers["x-user"]),
    groups: [],
    namespace: "people",
    signedInBy: "oidc",
  });
  server.get("/writes", async (request) => await limits.write(request, of(request)));
  server.get("/strangers", async (request) => await limits.stranger(request));
  server.get("/signIns", async (request) => await limits.signIn(request));
  server.get("/tries", async (request) => {
    await limits.beforeTry(request);
    await limits.failedTry(request);
  });
  server.setErrorHandler((error, _request, reply) =>
    error instanceof TooMany
      ? reply.code(429).header("retry-after", error.retryAfterSeconds).send()
      : reply.send(error),
  );
  const from = async (address: string, limit: LimitName, headers: Record<string, string> = {}) =>
    await server.inject({ path: `/${limit}`, remoteAddress: address, headers });
  /** Sends until just before the limit. */
  const use = async (address: string, limit: LimitName, headers: Record<string, string> = {}) => {
    for (let n = 0; n < LIMITS[limit]; n += 1) await from(address, limit, headers);
  };
  return { from, use, told, limits };
}

const HERE = "192.0.2.1";
const ELSEWHERE = "192.0.2.2";

describe.each(["strangers", "signIns", "tries"] as const)("%s", (limit) => {
  test("are refused beyond the limit, with the seconds to wait", async () => {
    const { from, use } = await stand();
    await use(HERE, limit);
    const { statusCode, headers } = await from(HERE, limit);
    const wait = Number(headers["retry-after"]);
    expect([statusCode, wait > 0 && wait <= 300]).toEqual([429, true]);
  });

  test("of one network are no matter of another", async () => {
    const { from, use } = await stand();
    await use(HERE, limit);
    await from(HERE, limit);
    expect((await from(ELSEWHERE, limit)).statusCode).toBe(200);
  });

  test("are told once", async () => {
    const { from, use, told } = await stand();
    await use(HERE, limit);
    await from(HERE, limit);
    await from(HERE, limit);
    expect(told).toEqual([limit]);
  });
});

describe("where a request comes from", () => {
  test("an IPv6 customer has one /64", async () => {
    const { from, use } = await stand();
    await use("2001:db8:1:2::1", "signIns");
    expect((await from("2001:db8:1:2:ffff::2", "signIns")).statusCode).toBe(429);
  });

  test("the next /64 is somebody else", async () => {
    const { from, use } = await stand();
    await use("2001:db8:1:2::1", "signIns");
    await from("2001:db8:1:2::1", "signIns");
    expect((await from("2001:db8:1:3::1", "signIns")).statusCode).toBe(200);
  });

  test("an IPv4 address is the same on an IPv6 socket", async () => {
    const { from, use } = await stand();
    await use(HERE, "signIns");
    expect((await from(`::ffff:${HERE}`, "signIns")).statusCode).toBe(429);
  });

  test("is what a trusted proxy says", async () => {
    const { from, use } = await stand();
    await use(PROXY, "signIns", { "x-forwarded-for": HERE });
    await from(PROXY, "signIns", { "x-forwarded-for": HERE });
    expect((await from(PROXY, "signIns", { "x-forwarded-for": ELSEWHERE })).statusCode).toBe(200);
  });

  test("is the last address that the proxy itself saw, whatever its client says", async () => {
    const { from, use } = await stand();
    await use(PROXY, "signIns", { "x-forwarded-for": HERE });
    const forged = { "x-forwarded-for": `198.51.100.7, ${HERE}` };
    expect((await from(PROXY, "signIns", forged)).statusCode).toBe(429);
  });

  test("is nothing that somebody else says", async () => {
    const { from, use } = await stand();
    await use(HERE, "signIns");
    expect((await from(HERE, "signIns", { "x-forwarded-for": ELSEWHERE })).statusCode).toBe(429);
  });

  test("is the socket's address where a proxy says what is no address", async () => {
    const { from, use } = await stand();
    await use(PROXY, "signIns", { "x-forwarded-for": "unknown" });
    expect((await from(PROXY, "signIns", { "x-forwarded-for": "elsewhere" })).statusCode).toBe(429);
  });
});

describe("writes", () => {
  test("are counted by person", async () => {
    const { from, use } = await stand();
    await use(HERE, "writes", { "x-user": "alice" });
    expect((await from(ELSEWHERE, "writes", { "x-user": "alice" })).statusCode).toBe(429);
  });

  test("of one person are no matter of whoever shares the address", async () => {
    const { from, use } = await stand();
    await use(HERE, "writes", { "x-user": "mallory" });
    await from(HERE, "writes", { "x-user": "mallory" });
    expect((await from(HERE, "writes", { "x-user": "alice" })).statusCode).toBe(200);
  });
});

/** Bytes that are reachable. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

test("100,000 networks cost no more memory than the limit keeps", async () => {
  const { limits } = await stand();
  const send = async (count: number, net: number) => {
    for (let n = 0; n < count; n += 1)
      await limits.signIn(requestFrom(`10.${net + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`));
    await setImmediate();
  };
  await send(20_000, 100);
  const before = heapUsed();
  await send(100_000, 110);
  expect(heapUsed() - before).toBeLessThan(5e6);
});

/** What limits read of a request. */
function requestFrom(ip: string): FastifyRequest {
  return { ip, routeOptions: {} } as FastifyRequest;
}
