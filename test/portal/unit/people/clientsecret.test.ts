import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OpenID, SignInFailed } from "../../../../src/portal/people/openid.ts";

const SECRET = "s~e.c-r+e/t";

let folder: string;
let server: Server;
/** What came to the token endpoint. */
let asked: { readonly headers: IncomingHttpHeaders; readonly body: URLSearchParams } | undefined;

beforeEach(async () => {
  asked = undefined;
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  await writeFile(join(folder, "secret"), `${SECRET}\n`);
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await rm(folder, { recursive: true });
});

/** Comes back from an issuer that says it takes a client's secret so, and knows no code. */
async function comeBack(methods: readonly string[] | undefined): Promise<void> {
  server = createServer(async (request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.method === "GET") {
      response.end(JSON.stringify({ ...metadata, token_endpoint_auth_methods_supported: methods }));
      return;
    }
    asked = { headers: request.headers, body: new URLSearchParams(await text(request)) };
    response.writeHead(400).end('{"error":"invalid_grant"}');
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
  };
  const publicURL = new URL("http://127.0.0.1:8080/");
  const openID = new OpenID({
    settings: {
      issuer,
      clientID: "sshkeys",
      clientSecretFile: join(folder, "secret"),
      caFile: undefined,
      scopes: ["openid"],
      userClaim: "sub",
      groupsClaim: "groups",
    },
    callback: new URL("callback", publicURL),
    afterSignOut: publicURL,
    onFault: () => {},
  });
  const { attempt } = await openID.begin("/keys");
  const query = `?${new URLSearchParams({ code: "x", state: attempt.state })}`;
  await expect(openID.finish(query, attempt)).rejects.toThrow(SignInFailed);
}

describe("the client's secret", () => {
  test.each([[undefined], [["client_secret_basic"]], [["client_secret_post", "client_secret_basic"]]])(
    "goes by HTTP Basic to an issuer that takes %j",
    async (methods) => {
      await comeBack(methods);
      const [, credentials = ""] = asked?.headers.authorization?.split(" ") ?? [];
      const [id, secret = ""] = Buffer.from(credentials, "base64").toString().split(":");
      expect([id, decodeURIComponent(secret)]).toEqual(["sshkeys", SECRET]);
    },
  );

  test("goes in the body to an issuer that takes nothing else", async () => {
    await comeBack(["client_secret_post", "private_key_jwt"]);
    expect([asked?.headers.authorization, asked?.body.get("client_secret")]).toEqual([undefined, SECRET]);
  });
});
