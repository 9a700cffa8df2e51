import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../../src/config/configfile.ts";
import { OpenID, SignInFailed } from "../../../../src/portal/people/openid.ts";

const PAIR = await generateKeyPair("RS256");
const CALLBACK = new URL("https://keys.example.org/callback");

interface Faults {
  /** In place of its metadata. */
  readonly metadata?: (response: ServerResponse, own: string) => void;
  /** In place of the tokens. */
  readonly token?: (response: ServerResponse) => void;
  /** Beside what is right. */
  readonly claims?: JWTPayload;
  /** What the browser brings back beside the code and the state. */
  readonly query?: Readonly<Record<string, string>>;
}

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

function json(response: ServerResponse, body: object, status = 200, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** An issuer on loopback that does what it is told to, and a portal's side of it. */
async function stand(o: Faults) {
  let nonce = "";
  const server = createServer(async ({ url: path = "" }, response) => {
    if (path.startsWith("/.well-known/")) {
      const metadata = {
        issuer: url,
        authorization_endpoint: `${url}/auth`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/keys`,
        authorization_response_iss_parameter_supported: true,
      };
      return o.metadata === undefined ? json(response, metadata) : o.metadata(response, url);
    }
    if (path.startsWith("/keys"))
      return json(response, { keys: [{ ...(await exportJWK(PAIR.publicKey)), alg: "RS256" }] });
    if (o.token !== undefined) return o.token(response);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: url, aud: "portal", sub: "alice", iat: now, exp: now + 60, nonce, ...o.claims };
    const token = new SignJWT(claims).setProtectedHeader({ alg: "RS256" });
    const id_token = await token.sign(PAIR.privateKey);
    json(response, { access_token: "x", token_type: "Bearer", id_token });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = `portal:\n  publicURL: ${CALLBACK.origin}/\n  oidc: { issuer: "${url}", clientID: portal }\n`;
  const settings = parseConfig(config, "config.yaml").portal.oidc;
  if (settings === undefined) throw new Error("there is no issuer");
  const told: string[][] = [];
  const onFault = (fault: string, detail: string) => told.push([fault, detail]);
  const openID = new OpenID({ settings, callback: CALLBACK, afterSignOut: CALLBACK, onFault });
  /** Gives the name, or what the person is told. */
  const signIn = async () => {
    try {
      const { url: to, attempt } = await openID.begin("/keys");
      nonce = to.searchParams.get("nonce") ?? "";
      const query = new URLSearchParams({ code: "x", state: attempt.state, iss: url, ...o.query });
      return (await openID.finish(`?${query}`, attempt)).sub;
    } catch (error) {
      if (error instanceof SignInFailed) return error.message;
      throw error;
    }
  };
  return { signIn, told, server };
}

const REFUSED = /^the service where you sign in refused the portal \(\w+\): an administrator has to compare/;
const AWAY = /^the service where you sign in cannot be reached/;
const YEAR_S = 365 * 24 * 60 * 60;
const soon = () => Math.floor(Date.now() / 1000);

test("whom a good issuer names is signed in, and nothing is told", async () => {
  const { signIn, told } = await stand({});
  expect([await signIn(), told]).toEqual(["alice", []]);
});

describe.each<[string, Faults, RegExp, string[]]>([
  [
    "metadata that cannot be had",
    { metadata: (response) => response.writeHead(502).end("<html>") },
    AWAY,
    ["unreachable", "502"],
  ],
  [
    "metadata that are a page",
    { metadata: (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>") },
    AWAY,
    ["unreachable", "200"],
  ],
  [
    "metadata of another spelling",
    {
      metadata: (response, own) => json(response, { issuer: `${own}/`, authorization_endpoint: `${own}/a` }),
    },
    /the issuer calls itself http/,
    ["misnamed", ""],
  ],
  [
    "a client that it does not know",
    { token: (response) => json(response, { error: "invalid_client" }, 401) },
    REFUSED,
    ["refused", "invalid_client"],
  ],
  [
    "a client that it does not know, with a challenge",
    { token: (response) => json(response, {}, 401, { "www-authenticate": 'Basic realm="issuer"' }) },
    REFUSED,
    ["refused", "401"],
  ],
  [
    "a token endpoint that fails",
    { token: (response) => json(response, { error: "server_error" }, 500) },
    AWAY,
    ["unreachable", "500"],
  ],
  [
    "a token endpoint behind which nothing is",
    { token: (response) => response.writeHead(503, { "content-type": "text/html" }).end("<html>") },
    AWAY,
    ["unreachable", "503"],
  ],
  [
    "a connection that breaks",
    { token: (response) => response.destroy() },
    AWAY,
    ["unreachable", "UND_ERR_SOCKET"],
  ],
  [
    "a clock that is behind",
    { claims: { iat: soon() - YEAR_S, exp: soon() - YEAR_S + 60 } },
    /^the clocks of the portal and/,
    ["clock", ""],
  ],
  [
    "tokens for somebody else",
    { claims: { aud: "another" } },
    /is not accepted/,
    ["unacceptable", "OAUTH_JWT_CLAIM_COMPARISON_FAILED"],
  ],
])("an issuer with %s", (_, faults, message, fault) => {
  test("is told to the person", async () => {
    const { signIn } = await stand(faults);
    expect(await signIn()).toMatch(message);
  });

  test("is told to whoever runs the portal, once", async () => {
    const { signIn, told } = await stand(faults);
    await signIn();
    expect(told).toEqual([fault]);
  });
});

test("an issuer that is not there is asked, and told, once in a while", async () => {
  const { signIn, told, server } = await stand({});
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  for (let n = 0; n < 20; n += 1) await signIn();
  expect(told).toEqual([["unreachable", "ECONNREFUSED"]]);
});

describe.each<[string, Faults]>([
  ["a code that was used", { token: (response) => json(response, { error: "invalid_grant" }, 400) }],
  ["another issuer's name", { query: { iss: "https://evil.example" } }],
  ["a refusal", { query: { error: "access_denied" } }],
  ["an error of its own making", { query: { error: "server_error" } }],
])("%s that a browser brings", (_, faults) => {
  test("is no fault of the issuer's", async () => {
    const { signIn, told } = await stand(faults);
    const said = await signIn();
    expect([said === "alice", told]).toEqual([false, []]);
  });
});
