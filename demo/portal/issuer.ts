import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { raw } from "hono/html";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import { type HTML, html } from "../../src/portal/html.ts";
import { Memory } from "./memory.ts";

export interface IssuerOptions {
  /** Where its client, the portal, may be sent back to. */
  readonly redirectURIs: readonly string[];
  /** Where people may come to after they have signed out. */
  readonly afterSignOut?: readonly string[];
  /** Who can be chosen with one click; others are typed. */
  readonly people?: readonly string[];
  /** What it says of a person beside `sub`, which is the name. */
  readonly claimsOf: (name: string) => Readonly<Record<string, unknown>>;
}

export const CLIENT = { id: "sshkeys", secret: "not-so-secret" } as const;

const HOUR_S = 60 * 60;
const DAY_S = 24 * HOUR_S;

/**
 * A real issuer of OpenID Connect, at which everybody signs in by name, without a password: for tests and for a try.
 * `url` is where it will be reached.
 */
export async function createIssuer(url: string, options: IssuerOptions): Promise<RequestListener> {
  const provider = await createProvider(url, options);
  const answer = provider.callback();
  return (request, response) => {
    const answered = request.url?.startsWith("/interaction/")
      ? signIn(provider, request, response, options.people ?? [])
      : answer(request, response);
    answered.catch((error: unknown) => {
      response.writeHead(400, { "content-type": "text/plain; charset=utf-8" }).end(`${error}\n`);
    });
  };
}

async function createProvider(url: string, o: IssuerOptions): Promise<Provider> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return new Provider(url, {
    adapter: Memory,
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [...o.redirectURIs],
        post_logout_redirect_uris: [...(o.afterSignOut ?? [])],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    claims: { openid: ["sub", "email", "email_verified", "groups", "team", "_claim_names", "hasgroups"] },
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        async logoutSource(context, form) {
          context.type = "html";
          context.body = await page(
            "Sign out here, too?",
            html`${raw(form)}
<p><button form="op.logoutForm" name="logout" value="yes" autofocus>Yes</button> <button form="op.logoutForm">No</button></p>`,
          );
        },
      },
    },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...o.claimsOf(sub), sub }) }),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    async renderError(context, { error, error_description: why = "" }) {
      context.type = "html";
      context.body = await page("That did not work", html`<p>${error}: ${why}</p>`);
    },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "RS256", use: "sig" }] },
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
    ttl: {
      AccessToken: HOUR_S,
      AuthorizationCode: 60,
      Grant: DAY_S,
      IdToken: HOUR_S,
      Interaction: HOUR_S,
      Session: DAY_S,
    },
  });
}

/** The page on which one says who one is, and the form that it sends. */
async function signIn(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  people: readonly string[],
): Promise<void> {
  if (request.method === "POST") {
    const login = new URLSearchParams(await textOf(request)).get("login") ?? "";
    await provider.interactionFinished(request, response, { login: { accountId: login } });
    return;
  }
  const { uid } = await provider.interactionDetails(request, response);
  const text = await page(
    "Who are you?",
    html`<p>This issuer is for a try: it believes everybody, and asks for no password.</p>
<form action="/interaction/${uid}" method="post">
<p>${people.map((name) => html`<button name="login" value="${name}">${name}</button> `)}</p>
</form>
<form action="/interaction/${uid}" method="post">
<p><label for="login">Somebody else</label> <input id="login" name="login" required maxlength="253" autocomplete="off"> <button>Sign in</button></p>
</form>`,
  );
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(text);
}

async function page(title: string, content: HTML): Promise<string> {
  return String(
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem } button, input { font: inherit; padding: .4rem .8rem }</style>
</head>
<body><main>
<h1>${title}</h1>
${content}
</main></body>
</html>`,
  );
}

const MOST_BYTES = 10_000;

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MOST_BYTES) throw new RangeError("this form is too long");
  }
  return text;
}
