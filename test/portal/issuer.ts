import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Agent, type Dispatcher, fetch } from "undici";
import { createIssuer } from "../../demo/portal/issuer.ts";
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

export { CLIENT } from "../../demo/portal/issuer.ts";

/** `redirectURIs`: where its client, the portal, may be sent back to. */
export async function startIssuer(redirectURIs: readonly string[]): Promise<Issuer> {
  const { promise: issuer, resolve } = Promise.withResolvers<RequestListener>();
  const server = createServer({ cert: serverCertificate, key: serverKey }, (request, response) => {
    void issuer.then((answer) => answer(request, response));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const claims = new Map<string, Readonly<Record<string, unknown>>>();
  resolve(createIssuer(url, { redirectURIs, claimsOf: (name) => claims.get(name) ?? {} }));
  return {
    url,
    says: (name, said) => claims.set(name, said),
    signIn: (authorization, name) => signInAt(new URL(authorization), name),
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const trusting = new Agent({ connect: { ca: authority } });

/**
 * Follows the issuer's pages from an authorization request, as a browser does, until they lead away. `dispatcher`: how it is
 * reached, if not on loopback.
 */
export async function signInAt(start: URL, name: string, dispatcher: Dispatcher = trusting): Promise<URL> {
  const cookies = new Map<string, string>();
  let [to, body]: [URL, URLSearchParams | undefined] = [start, undefined];
  for (let step = 0; step < 10; step += 1) {
    const response = await fetch(to, {
      dispatcher,
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
      if (to.origin !== start.origin) return to;
      continue;
    }
    const page = await response.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
    if (action === undefined) throw new Error(`the issuer says ${response.status}: ${page.slice(0, 2000)}`);
    to = new URL(action, to);
    body = new URLSearchParams({ login: name });
  }
  throw new Error("the issuer leads nowhere");
}
