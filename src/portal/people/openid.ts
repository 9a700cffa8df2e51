import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import * as client from "openid-client";
import type { OIDCSettings } from "../../config/portalsettings.ts";
import { ConfigError, unreadable } from "../../config/settings.ts";
import type { IDClaims } from "./claims.ts";

export interface OpenIDOptions {
  readonly settings: OIDCSettings;
  /** Where the issuer sends people back to. */
  readonly callback: URL;
  /** Where people come to after they have signed out. */
  readonly afterSignOut: URL;
  /** Called for each fault, with a word for the log of what it is made of: a status, an error of the protocol or the system. */
  readonly onFault: (fault: IssuerFault, detail: string) => void;
}

/** What one try to sign in has to remember until the person comes back. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where the person wanted to go: a path of the portal. */
  readonly to: string;
}

/**
 * What can be wrong with the issuer, or on the way there. `misnamed`: the configuration names it otherwise than it does itself.
 * `refused`: it does not take the portal for its client. `clock`: one of the two clocks is off. `unacceptable`: it answers
 * what is not right.
 */
export const ISSUER_FAULTS = ["unreachable", "misnamed", "refused", "clock", "unacceptable"] as const;

export type IssuerFault = (typeof ISSUER_FAULTS)[number];

/** Why a sign-in did not work, in a sentence for the person. */
export class SignInFailed extends Error {
  override readonly name = "SignInFailed";
  /** Undefined where it is no fault of the issuer's, as far as one knows. */
  readonly fault: IssuerFault | undefined;
  readonly detail: string;

  constructor(message: string, fault?: IssuerFault, detail = "") {
    super(message);
    this.fault = fault;
    this.detail = word(detail);
  }
}

/** How long the issuer may take for an answer, in seconds. */
const ISSUER_LIMIT_S = 10;

/** How far the issuer's clock may be off, in seconds. */
const CLOCK_TOLERANCE_S = 30;

/** After a failure the issuer is not asked for this long, in ms. */
const PAUSE_MS = 2000;

/** The sign-in by OpenID Connect: the authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0). */
export class OpenID {
  readonly #o: OpenIDOptions;
  #configuration: Promise<client.Configuration> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** Throws a ConfigError when a file of the settings cannot be read. The issuer need not be there yet. */
  constructor(options: OpenIDOptions) {
    this.#o = options;
    const { caFile, clientSecretFile } = options.settings;
    if (caFile !== undefined) trust(certificatesIn(caFile));
    if (clientSecretFile !== undefined) read(clientSecretFile);
  }

  /** Where to send the person, and what to remember meanwhile. Rejects with a SignInFailed. */
  async begin(to: string): Promise<{ readonly url: URL; readonly attempt: Attempt }> {
    const configuration = await this.#configure();
    const attempt: Attempt = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      to,
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#o.callback.href,
      scope: this.#o.settings.scopes.join(" "),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: "S256",
    });
    return { url, attempt };
  }

  /** The claims of whoever came back with this query. Rejects with a SignInFailed. */
  async finish(query: string, { state, nonce, verifier }: Attempt): Promise<IDClaims> {
    const configuration = await this.#configure();
    // Of the request only the query counts: its host and path are what a proxy made of them.
    const url = new URL(this.#o.callback);
    url.search = query;
    try {
      const tokens = await client.authorizationCodeGrant(configuration, url, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      return tokens.claims() ?? {};
    } catch (error) {
      throw this.#told(failed(error));
    }
  }

  /** Where signing out goes on at the issuer; undefined where it knows no such place, or is away. */
  async signOut(): Promise<URL | undefined> {
    const configuration = await this.#configure().catch(() => undefined);
    if (configuration?.serverMetadata().end_session_endpoint === undefined) return undefined;
    return client.buildEndSessionUrl(configuration, {
      client_id: this.#o.settings.clientID,
      post_logout_redirect_uri: this.#o.afterSignOut.href,
    });
  }

  async #configure(): Promise<client.Configuration> {
    if (this.#configuration === undefined) {
      if (performance.now() - this.#failedAt < PAUSE_MS) throw away();
      const configuration = this.#discover();
      this.#configuration = configuration;
      configuration.catch((error: unknown) => {
        this.#configuration = undefined;
        this.#failedAt = performance.now();
        if (error instanceof SignInFailed) this.#told(error);
      });
    }
    return await this.#configuration;
  }

  #told(error: SignInFailed): SignInFailed {
    if (error.fault !== undefined) this.#o.onFault(error.fault, error.detail);
    return error;
  }

  async #discover(): Promise<client.Configuration> {
    const { issuer, clientID, clientSecretFile } = this.#o.settings;
    const secret = clientSecretFile === undefined ? undefined : read(clientSecretFile).trim();
    let configuration: client.Configuration;
    try {
      configuration = await client.discovery(
        new URL(issuer),
        clientID,
        { [client.clockTolerance]: CLOCK_TOLERANCE_S },
        secret === undefined ? client.None() : clientSecret(secret),
        {
          timeout: ISSUER_LIMIT_S,
          // The configuration has http for loopback alone.
          ...(issuer.startsWith("http:") ? { execute: [client.allowInsecureRequests] } : {}),
        },
      );
    } catch (error) {
      throw failedDiscovery(error, issuer);
    }
    // An issuer at a root matches with and without its slash, and then no token does.
    const { issuer: own } = configuration.serverMetadata();
    if (own !== issuer) throw otherSpelling(issuer, own);
    return configuration;
  }
}

/** By HTTP Basic, which every issuer takes that says nothing else (OpenID Connect Discovery 1.0, section 3), or in the body. */
function clientSecret(secret: string): client.ClientAuth {
  const [basic, post] = [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)];
  return (issuer, ...request) => {
    const { token_endpoint_auth_methods_supported: methods = [] } = issuer;
    const isInBody = methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
    (isInBody ? post : basic)(issuer, ...request);
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(file, error, "check portal.oidc");
  }
}

/** Node would say nothing of a file with something else in it. */
function certificatesIn(file: string): string {
  const text = read(file);
  try {
    new X509Certificate(text);
  } catch {
    throw new ConfigError(`${file} holds no certificate (PEM); check portal.oidc.caFile`);
  }
  return text;
}

/** The API server is reached by the kubeconfig's own certificates, so this is for the issuer alone. */
function trust(certificates: string): void {
  setDefaultCACertificates([...getCACertificates("default"), certificates]);
}

function failedDiscovery(error: unknown, issuer: string): SignInFailed {
  const { cause } = error instanceof Error ? error : {};
  const body = typeof cause === "object" && cause !== null && "body" in cause ? cause.body : undefined;
  const own = typeof body === "object" && body !== null && "issuer" in body ? body.issuer : undefined;
  if (typeof own === "string" && own !== issuer && own.replace(/\/$/, "") === issuer.replace(/\/$/, ""))
    return otherSpelling(issuer, own);
  return away(detailOf(error));
}

function otherSpelling(issuer: string, own: string): SignInFailed {
  return new SignInFailed(
    `signing in is set up wrongly: portal.oidc.issuer is ${issuer}, and the issuer calls itself ${own}: an administrator has to set it to that`,
    "misnamed",
  );
}

function away(detail = ""): SignInFailed {
  return new SignInFailed(
    "the service where you sign in cannot be reached: try again in a moment",
    "unreachable",
    detail,
  );
}

function failed(error: unknown): SignInFailed {
  if (error instanceof client.AuthorizationResponseError) {
    return error.error === "access_denied"
      ? new SignInFailed(
          "you were not let in where you sign in, or you cancelled it: sign in again, or ask your administrator",
        )
      : new SignInFailed(
          `the service where you sign in refused it (${word(error.error)}): try again; if it goes on, tell your administrator`,
        );
  }
  if (statusOf(error) >= 500) return away(detailOf(error));
  if (error instanceof client.ResponseBodyError) return refused(error.error);
  if (error instanceof client.WWWAuthenticateChallengeError) return refused(String(error.status));
  if (error instanceof client.ClientError) {
    const { code = "" } = error;
    if (code === "OAUTH_JWT_TIMESTAMP_CHECK_FAILED")
      return new SignInFailed(
        "the clocks of the portal and of the service where you sign in differ by more than half a minute: an administrator has to set them right",
        "clock",
      );
    if (code === "OAUTH_TIMEOUT" || code === "OAUTH_ABORT") return away(code);
    // Made of what the browser brought, too, which may be anything.
    const fault = code === "OAUTH_INVALID_RESPONSE" ? undefined : "unacceptable";
    return new SignInFailed(
      `the answer of the service where you sign in is not accepted (${word(code)}): try again; if it goes on, tell your administrator`,
      fault,
      code,
    );
  }
  return away(detailOf(error));
}

function refused(error: string): SignInFailed {
  // A code that was used, or is too old, is the person's.
  const fault = error === "invalid_grant" ? undefined : "refused";
  return new SignInFailed(
    `the service where you sign in refused the portal (${word(error)}): an administrator has to compare portal.oidc with what is registered there`,
    fault,
    error,
  );
}

/** Of the answer that the error is about; 0 where there was none. */
function statusOf(error: unknown): number {
  if (error instanceof client.ResponseBodyError || error instanceof client.WWWAuthenticateChallengeError)
    return error.status;
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Response ? cause.status : 0;
}

/** Why it cannot be reached: a status, or what the system says. */
function detailOf(error: unknown): string {
  const status = statusOf(error);
  if (status !== 0) return String(status);
  const { cause } = error instanceof Error ? error : {};
  for (const each of [cause, error])
    if (each instanceof Error && "code" in each && typeof each.code === "string") return each.code;
  return error instanceof Error ? error.name : "";
}

/** What may stand in a sentence: error codes are words. */
function word(code: string): string {
  return code.replaceAll(/[^A-Za-z0-9_.-]/g, "").slice(0, 64);
}
