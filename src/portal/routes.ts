import type { FastifyInstance } from "fastify";
import { logEvent } from "../api/logevent.ts";
import { Audit } from "./audit.ts";
import { Backlog } from "./backlog.ts";
import { Entrance } from "./entrance.ts";
import { addForeman } from "./foreman/routes.ts";
import { Limits } from "./limits.ts";
import { Access } from "./people/access.ts";
import { Identity } from "./people/identity.ts";
import { OpenID } from "./people/openid.ts";
import { ownOrigin } from "./people/ownpage.ts";
import { Refused } from "./people/person.ts";
import { Sessions } from "./people/sessions.ts";
import { Tokens } from "./people/tokens.ts";
import type { PortalOptions } from "./portal.ts";
import { addProblems } from "./problems.ts";
import { Sealer } from "./sealer.ts";
import type { KeyKnowledge } from "./sshkeys/keyknowledge.ts";
import type { KeyStore } from "./sshkeys/keystore.ts";
import { KeyWriter } from "./sshkeys/keywriter.ts";
import { UsedByLists } from "./sshkeys/usedby.ts";
import { assetPath } from "./web/assetpaths.ts";
import { Desk } from "./web/desk.ts";
import { RecentWrites } from "./web/recent.ts";
import { addPages } from "./web/routes.ts";
import { addSignIn } from "./web/signin.ts";

/** Everything that is answered, but for probes. */
export function addRoutes(
  server: FastifyInstance,
  store: KeyStore,
  keyKnowledge: KeyKnowledge,
  isListed: () => boolean,
  options: PortalOptions,
): void {
  const { settings, transport, log, metrics, namespaces } = options;
  const { publicURL, foreman, usedBy, usedByNamespaces } = settings.portal;
  const base = publicURL?.pathname ?? "/";
  const audit = new Audit(log);
  audit.observe(server);
  const writer = new KeyWriter({ requests: metrics.writing(audit.writing(transport)), store });
  const { sealer, sessions, identity, limits, entrance, access } = admit(server, audit, isListed, options);
  addIssuer(server, { base, audit, sealer, sessions, limits }, options);
  const desk = new Desk({
    base,
    originOf: (request) => ownOrigin(request, publicURL),
    store,
    writer,
    access,
    sealer,
    recent: new RecentWrites({ sessions, store, writer }),
    policy: settings.policy,
    keyKnowledge,
    usedBy: usedBy ? new UsedByLists({ reads: transport }) : undefined,
    targetNamespaces: [...new Set([...namespaces, ...usedByNamespaces])],
    identify: (request) => entrance.ofPage(request),
  });
  addPages(server, desk);
  addForeman(server, {
    generation: foreman.generation,
    policy: settings.policy,
    store,
    writer,
    access,
    identify: (request) => entrance.ofProgram(request),
    styleSheet: base + assetPath("portal.css"),
  });
  addProblems(server, { desk, identity, log });
}

/** Who somebody is, how often one may come, and what one may do. */
function admit(server: FastifyInstance, audit: Audit, isListed: () => boolean, options: PortalOptions) {
  const { insecure, metrics, namespaces, transport } = options;
  const { portal: settings } = options.settings;
  const [namespace = ""] = namespaces;
  const requests = metrics.reviewing(transport);
  const sealer = new Sealer(settings.session.keysFolder);
  const isSecure = settings.publicURL?.protocol === "https:";
  const sessions = new Sessions({ sealer, isSecure, lifetime: settings.session.lifetime });
  const tokens = settings.tokens && new Tokens({ requests, ...settings.tokens });
  const identity = new Identity({ settings, namespace, sessions, tokens, insecure });
  const limits = new Limits({
    server,
    onLimited: ({ request, limit, person, isFirst }) => {
      metrics.limited(limit);
      if (isFirst) audit.limited(request, limit, person);
    },
  });
  const backlog = new Backlog();
  backlog.observe(server);
  const entrance = new Entrance({
    identity,
    limits,
    audit,
    backlog,
    hasSignIn: settings.oidc !== undefined,
    isListed,
  });
  return { sealer, sessions, identity, limits, entrance, access: new Access({ requests, settings }) };
}

interface IssuerParts {
  readonly base: string;
  readonly audit: Audit;
  readonly sealer: Sealer;
  readonly sessions: Sessions;
  readonly limits: Limits;
}

/** The sign-in by OpenID Connect, where there is an issuer. */
function addIssuer(server: FastifyInstance, parts: IssuerParts, options: PortalOptions): void {
  const { audit, limits, ...rest } = parts;
  const { metrics, log, namespaces } = options;
  const { portal: settings } = options.settings;
  const { oidc, publicURL } = settings;
  const [namespace = ""] = namespaces;
  if (oidc === undefined || publicURL === undefined) return;
  const openID = new OpenID({
    settings: oidc,
    callback: new URL("callback", publicURL),
    afterSignOut: publicURL,
    onFault: (fault, detail) => {
      metrics.issuerFailed(fault);
      logEvent(log, "IssuerFailed", { fault, detail });
    },
  });
  addSignIn(server, {
    ...rest,
    originOf: (request) => ownOrigin(request, publicURL),
    openID,
    settings,
    namespace,
    limit: (request) => limits.signIn(request),
    onSignIn: (request, result) => {
      if ("user" in result) audit.signedIn(request, result);
      else audit.signInFailed(request, result.message);
      metrics.signedIn("user" in result ? "success" : result instanceof Refused ? "refused" : "failed");
    },
  });
}
