import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { Agent, fetch } from "undici";
import { authority, serverCertificate, serverKey } from "../kube/certificates.ts";

/** A real issuer of OpenID Connect on loopback, at which everybody signs in by name, without a password. */
export interface Issuer {
  readonly url: string;
  /** What it says of this person beside `sub`, which is the name. */
  says(name: string, claims: Readonly<Record<string, unknown>>): void;
  /** Signs this person in for an authorization request; gives the address that the browser is sent back to. */
  signIn(authorization: string, name: string): Promise<URL>;
  close(): Promise<void>;
}

export const CLIENT = { id: "sshkeys", secret: "not-so-secret" } as const;

/** `redirectURIs`: where its client, the portal, may be sent back to. */
export async function startIssuer(redirectURIs: readonly string[]): Promise<Issuer> {
  const { promise: provider, resolve } = Promise.withResolvers<Provider>();
  const server = createServer({ cert: serverCertificate, key: serverKey }, (request, response) => {
    void provider.then((known) => known.callback()(request, response));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const claims = new Map<string, Readonly<Record<string, unknown>>>();
  resolve(createProvider(url, redirectURIs, (name) => claims.get(name) ?? {}));
  return {
    url,
    says: (name, said) => claims.set(name, said),
    signIn: (authorization, name) => walk(new URL(authorization), url, name),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function createProvider(
  url: string,
  redirectURIs: readonly string[],
  claimsOf: (name: string) => Readonly<Record<string, unknown>>,
): Provider {
  return new Provider(url, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [...redirectURIs],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    claims: { openid: ["sub", "email", "email_verified", "groups", "team", "_claim_names", "hasgroups"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["of these tests"] },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...claimsOf(sub), sub }) }),
    // Nobody is asked whether the portal may know.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId ?? "",
        accountId: oidc.session?.accountId ?? "",
      });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
    scopes: ["openid", "profile", "email"],
  });
}

const trusting = new Agent({ connect: { ca: authority } });

/** Follows the issuer's pages, as a browser does, until they lead away. */
async function walk(start: URL, issuer: string, name: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let [to, body]: [URL, URLSearchParams | undefined] = [start, undefined];
  for (let step = 0; step < 10; step += 1) {
    const response = await fetch(to, {
      dispatcher: trusting,
      redirect: "manual",
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join("; ") },
      ...(body === undefined ? {} : { method: "POST", body }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, key = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(key, value);
    }
    const location = response.headers.get("location");
    body = undefined;
    if (location !== null) {
      to = new URL(location, to);
      if (to.origin !== new URL(issuer).origin) return to;
      continue;
    }
    const page = await response.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
    if (action === undefined) throw new Error(`the issuer says ${response.status}: ${page.slice(0, 2000)}`);
    to = new URL(action, to);
    body = new URLSearchParams({ prompt: "login", login: name, password: "any" });
  }
  throw new Error("the issuer leads nowhere");
}
