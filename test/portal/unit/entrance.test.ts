import type { FastifyRequest } from "fastify";
import { pino } from "pino";
import { expect, test } from "vitest";
import { DEFAULT_PORTAL_SETTINGS } from "../../../src/config/portalsettings.ts";
import type { Requests } from "../../../src/kube/transport.ts";
import { Audit } from "../../../src/portal/audit.ts";
import { Backlog } from "../../../src/portal/backlog.ts";
import { Entrance } from "../../../src/portal/entrance.ts";
import { LIMITS, Limits, TooMany } from "../../../src/portal/limits.ts";
import { Identity } from "../../../src/portal/people/identity.ts";
import type { Sessions } from "../../../src/portal/people/sessions.ts";
import { Tokens } from "../../../src/portal/people/tokens.ts";
import { createServer } from "../../../src/portal/server.ts";

const NOBODY = { person: async () => undefined } as unknown as Sessions;

/** A server for programs whose API server takes the token `right` until it is withdrawn. */
async function stand() {
  let [isWithdrawn, now, isListed] = [false, 0, true];
  const requests = {
    async request({ body }: { readonly body: { readonly spec: { readonly token: string } } }) {
      const isGood = body.spec.token.startsWith("right") && !isWithdrawn;
      return {
        status: { authenticated: isGood, audiences: ["portal"], user: { username: "alice", groups: [] } },
      };
    },
  } as unknown as Requests;
  const log = pino({ level: "silent" });
  const server = await createServer({ log, isSecure: false, proxies: [] });
  const identity = new Identity({
    settings: DEFAULT_PORTAL_SETTINGS,
    namespace: "people",
    sessions: NOBODY,
    tokens: new Tokens({ requests, audience: "portal", now: () => now }),
    insecure: undefined,
  });
  const limits = new Limits({ server, onLimited: () => {} });
  const entrance = new Entrance({
    identity,
    limits,
    audit: new Audit(log),
    backlog: new Backlog(),
    hasSignIn: true,
    isListed: () => isListed,
  });
  server.get("/", async (request: FastifyRequest) => (await entrance.ofProgram(request))?.user ?? "nobody");
  server.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof TooMany ? 429 : 500).send("refused"),
  );
  return {
    /** By HTTP Basic where a user name is given. */
    async from(address: string, token: string, userName?: string): Promise<string> {
      const basic = Buffer.from(`${userName}:${token}`).toString("base64");
      const headers = { authorization: userName === undefined ? `Bearer ${token}` : `Basic ${basic}` };
      return (await server.inject({ path: "/", remoteAddress: address, headers })).body;
    },
    /** As before the first list. */
    forget() {
      isListed = false;
    },
    /** Nobody remembers what the API server said before. */
    withdraw() {
      isWithdrawn = true;
      now += 60_000;
    },
  };
}

const HERE = "192.0.2.1";

async function tries(from: (address: string, token: string) => Promise<string>): Promise<void> {
  for (let n = 0; n < LIMITS.tries; n += 1) await from(HERE, `wrong-${n}`);
}

test("whoever has shown a right token is not shut out by others' wrong ones from there", async () => {
  const { from } = await stand();
  await from(HERE, "right");
  await tries(from);
  expect(await from(HERE, "right")).toBe("alice");
});

test("a token that nobody has shown before is not looked at after too many wrong ones from there", async () => {
  const { from } = await stand();
  await tries(from);
  expect(await from(HERE, "right")).toBe("refused");
});

test("a token that was withdrawn opens the way no longer than it is seen to be wrong", async () => {
  const { from, withdraw } = await stand();
  await from(HERE, "right");
  await tries(from);
  withdraw();
  expect([await from(HERE, "right"), await from(HERE, "right")]).toEqual(["nobody", "refused"]);
});

test("a right token under 10,000 user names of HTTP Basic shuts out nobody who has shown another one", async () => {
  const { from } = await stand();
  await from(HERE, "right");
  for (let n = 0; n < 10_000; n += 1) await from(HERE, "right-of-mallory", `user-${n}`);
  await tries(from);
  expect(await from(HERE, "right")).toBe("alice");
});

test("nobody is let in before the SSHKeys are listed, since all would seem to have none", async () => {
  const { from, forget } = await stand();
  forget();
  expect(await from(HERE, "right")).toBe("refused");
});
