import { describe, expect, test } from "vitest";
import type { Requests } from "../../../../src/kube/transport.ts";
import { Busy, Tokens, tokenIn } from "../../../../src/portal/people/tokens.ts";

const GOOD = { authenticated: true, audiences: ["portal"], user: { username: "alice", groups: ["dev"] } };

/** An API server that answers with this status, and counts. */
function asked(status: unknown, isSlow = false) {
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const requests = {
    async request() {
      count += 1;
      if (isSlow) await promise;
      return { status };
    },
  } as unknown as Requests;
  return { requests, count: () => count, release: resolve };
}

/** A token that says when it ends, in seconds since the epoch. */
const ending = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.x`;

describe("the owner of a token", () => {
  test("is whom the API server names for the portal's audience", async () => {
    const { requests } = asked({ ...GOOD, audiences: ["other", "portal"] });
    expect(await new Tokens({ requests, audience: "portal" }).ownerOf("x")).toEqual({
      username: "alice",
      groups: ["dev"],
    });
  });

  test.each<[string, object]>([
    ["not authenticated", { ...GOOD, authenticated: false }],
    ["without audiences, as of one who knows none", { ...GOOD, audiences: undefined }],
    ["with no audience", { ...GOOD, audiences: [] }],
    ["for the API server", { ...GOOD, audiences: ["https://kubernetes.default.svc"] }],
    ["for an audience that begins alike", { ...GOOD, audiences: ["portal2", "portal/x", "PORTAL"] }],
    ["authenticated and wrong", { ...GOOD, error: "token expired" }],
    ["authenticated as text", { ...GOOD, authenticated: "true" }],
    ["without a user", { ...GOOD, user: undefined }],
    ["of nobody", { ...GOOD, user: { username: "" } }],
    ["empty", {}],
  ])("is nobody where the answer is %s", async (_, status) => {
    const { requests } = asked(status);
    expect(await new Tokens({ requests, audience: "portal" }).ownerOf("x")).toBeUndefined();
  });

  test("is asked for again within 5 s", async () => {
    const { requests, count } = asked(GOOD);
    let now = 0;
    const tokens = new Tokens({ requests, audience: "portal", now: () => now });
    for (now of [0, 1000, 2000, 4999, 5000]) await tokens.ownerOf("x");
    expect(count()).toBe(2);
  });

  test("is nobody's from the moment on at which the token ends", async () => {
    const { requests } = asked(GOOD);
    let time = 1_000_500;
    const tokens = new Tokens({ requests, audience: "portal", now: () => 0, clock: () => time });
    const before = await tokens.ownerOf(ending(1001));
    time = 1_001_000;
    expect([before?.username, await tokens.ownerOf(ending(1001))]).toEqual(["alice", undefined]);
  });

  test("is not asked for where the token says of itself that it has ended", async () => {
    const { requests, count } = asked(GOOD);
    const tokens = new Tokens({ requests, audience: "portal", clock: () => 1_500_000 });
    expect([await tokens.ownerOf(ending(1000)), count()]).toEqual([undefined, 0]);
  });

  test("is asked for where it names another audience, as tokens of an issuer of the API server's do", async () => {
    const { requests } = asked(GOOD);
    const token = `e30.${Buffer.from(JSON.stringify({ aud: "kubernetes" })).toString("base64url")}.x`;
    expect(await new Tokens({ requests, audience: "portal" }).ownerOf(token)).toBeDefined();
  });

  test("is asked for eight tokens at once at most, and others come again", async () => {
    const { requests, count, release } = asked(GOOD, true);
    const tokens = new Tokens({ requests, audience: "portal" });
    const answers = Array.from({ length: 1000 }, (_, i) =>
      tokens.ownerOf(`wrong-${i}`).catch((error) => error),
    );
    release();
    const busy = (await Promise.all(answers)).filter((answer) => answer instanceof Busy);
    expect([count(), busy.length]).toEqual([8, 992]);
  });

  test("is asked for although wrong tokens fill the queue, where the token was good before", async () => {
    let now = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const requests = {
      async request({ body }: { body: { spec: { token: string } } }) {
        if (body.spec.token === "good") return { status: GOOD };
        await promise;
        return { status: {} };
      },
    } as unknown as Requests;
    const tokens = new Tokens({ requests, audience: "portal", now: () => now });
    await tokens.ownerOf("good");
    now = 10_000;
    const wrong = Array.from({ length: 100 }, (_, i) => tokens.ownerOf(`wrong-${i}`).catch(() => undefined));
    expect((await tokens.ownerOf("good"))?.username).toBe("alice");
    resolve();
    await Promise.all(wrong);
  });

  test("is asked for again after the API server could not say, which makes nobody of no one", async () => {
    let isAway = true;
    const requests = {
      async request() {
        if (isAway) throw new Error("away");
        return { status: GOOD };
      },
    } as unknown as Requests;
    const tokens = new Tokens({ requests, audience: "portal", now: () => 0 });
    await expect(tokens.ownerOf("x")).rejects.toThrow("away");
    isAway = false;
    expect((await tokens.ownerOf("x"))?.username).toBe("alice");
  });

  test("is asked for once for requests that come together", async () => {
    const { requests, count } = asked(GOOD);
    const tokens = new Tokens({ requests, audience: "portal" });
    await Promise.all(Array.from({ length: 50 }, () => tokens.ownerOf("x")));
    expect(count()).toBe(1);
  });
});

describe("a header", () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

  test.each([
    ["Bearer abc", "abc"],
    ["bearer  abc", "abc"],
    [basic("bob:alices-token"), "alices-token"],
    [basic(":t:o:k"), "t:o:k"],
    [basic("bob"), undefined],
    [basic("bob:"), undefined],
    ["Digest abc", undefined],
    ["Bearer a b", undefined],
    ["Bearer", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%j holds the token %j", (header, token) => {
    expect(tokenIn(header)).toBe(token);
  });
});
