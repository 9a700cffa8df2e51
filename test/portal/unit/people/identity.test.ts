import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import { describe, expect, test } from "vitest";
import { DEFAULT_PORTAL_SETTINGS } from "../../../../src/config/portalsettings.ts";
import { Identity } from "../../../../src/portal/people/identity.ts";
import { Refused } from "../../../../src/portal/people/person.ts";
import type { Sessions } from "../../../../src/portal/people/sessions.ts";
import type { TokenOwner, Tokens } from "../../../../src/portal/people/tokens.ts";

const NOBODY = { person: async () => undefined } as unknown as Sessions;

/** Someone who comes from this address, with each header as often as it is listed. */
function request(remoteAddress: string, headers: Readonly<Record<string, readonly string[]>>) {
  const joined = Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.join(", ")]),
  );
  const raw = { headersDistinct: headers, headers: joined } as unknown as IncomingMessage;
  return { socket: { remoteAddress }, headers: joined, raw, cookies: {} } as unknown as FastifyRequest;
}

describe("what a proxy says", () => {
  const identity = new Identity({
    settings: {
      ...DEFAULT_PORTAL_SETTINGS,
      proxy: {
        addresses: ["10.0.0.5", "192.168.0.0/24", "2001:db8::/64", "fe80::5"],
        userHeader: "x-forwarded-user",
        groupsHeader: "x-forwarded-groups",
      },
    },
    namespace: "people",
    sessions: NOBODY,
    tokens: undefined,
    insecure: undefined,
  });
  const who = async (address: string, headers: Readonly<Record<string, readonly string[]>>) =>
    await identity.ofPage(request(address, headers));
  const ALICE = { "x-forwarded-user": ["alice"] };

  test.each([
    ...["10.0.0.5", "::ffff:10.0.0.5", "192.168.0.77", "::ffff:192.168.0.77"],
    ...["2001:db8::1", "fe80::5", "fe80::5%eth0"],
  ])("counts from %s", async (address) => {
    expect((await who(address, ALICE))?.user).toBe("alice");
  });

  test.each([
    ...["10.0.0.6", "::ffff:10.0.0.6", "192.168.1.1", "::ffff:192.168.1.1", "127.0.0.1"],
    ...["2001:db8:1::1", "::1", "fe80::6%eth0", "", "unix"],
  ])("counts for nothing from %j", async (address) => {
    expect(await who(address, ALICE)).toBeUndefined();
  });

  test("counts for nothing from another address that names the proxy's", async () => {
    const spoofed = {
      ...ALICE,
      "x-forwarded-for": ["10.0.0.5"],
      forwarded: ["for=10.0.0.5"],
      "x-real-ip": ["10.0.0.5"],
    };
    expect(await who("10.0.0.6", spoofed)).toBeUndefined();
  });

  test.each([
    ["two users, of which one may be the client's own word", { "x-forwarded-user": ["admin", "alice"] }],
    ["groups twice", { ...ALICE, "x-forwarded-groups": ["admins", "dev"] }],
    ["a name of the API server's own", { "x-forwarded-user": ["system:admin"] }],
  ])("is refused with %s", async (_, headers) => {
    await expect(who("10.0.0.5", headers)).rejects.toThrow(Refused);
  });

  test("names nobody without a user", async () => {
    expect(
      await who("10.0.0.5", { "x-forwarded-user": [""], "x-forwarded-groups": ["admins"] }),
    ).toBeUndefined();
  });

  test("is read as UTF-8", async () => {
    const said = Buffer.from("josé").toString("latin1");
    expect((await who("10.0.0.5", { "x-forwarded-user": [said] }))?.user).toBe("josé");
  });

  test("gives groups by commas, none of the API server's own", async () => {
    const headers = { ...ALICE, "x-forwarded-groups": ["dev, system:masters,,ops "] };
    expect((await who("10.0.0.5", headers))?.groups).toEqual(["dev", "ops"]);
  });
});

describe("the owner of a token", () => {
  const person = async (owner: TokenOwner | undefined, prefixes = {}) => {
    const tokens = { ownerOf: async () => owner } as unknown as Tokens;
    const settings = { ...DEFAULT_PORTAL_SETTINGS, ...prefixes };
    const options = { settings, namespace: "people", sessions: NOBODY, tokens, insecure: undefined };
    return await new Identity(options).ofProgram(request("10.0.0.1", { authorization: ["Bearer x"] }));
  };

  test.each(["system:serviceaccount:people:ci", "system:admin", "system:anonymous"])(
    "%s is no person",
    async (username) => {
      await expect(person({ username, groups: [] })).rejects.toThrow("no person's");
    },
  );

  test("is a person only with the prefix of people, which is taken off once", async () => {
    const prefixes = { usernamePrefix: "oidc:", groupsPrefix: "oidc:" };
    const groups = ["oidc:dev", "dev", "system:authenticated", "oidc:system:masters"];
    expect(await person({ username: "oidc:oidc:alice", groups }, prefixes)).toMatchObject({
      user: "oidc:alice",
      groups: ["dev"],
    });
    await expect(person({ username: "alice", groups }, prefixes)).rejects.toThrow(Refused);
    await expect(person({ username: "oidc:system:admin", groups }, prefixes)).rejects.toThrow(Refused);
  });

  test("has no group of the API server's own", async () => {
    const groups = ["system:masters", "system:authenticated", "dev"];
    expect((await person({ username: "alice", groups }))?.groups).toEqual(["dev"]);
  });
});
