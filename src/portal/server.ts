import { randomUUID } from "node:crypto";
import cookie from "@fastify/cookie";
import formbody from "@fastify/formbody";
import rateLimit from "@fastify/rate-limit";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { answerUnreadable, type UnreadableStatus } from "./unreadable.ts";
import { PageProblem } from "./web/problem.ts";
import { TEXTS } from "./web/texts.ts";

export interface ServerOptions {
  readonly log: FastifyBaseLogger;
  /** Is it reached by https? */
  readonly isSecure: boolean;
  /** Does everybody who reaches it come from this very machine? */
  readonly isLoopbackOnly?: boolean;
  /** The address of the issuer, to which the form for signing out leads. */
  readonly issuer?: string | undefined;
  /** Addresses and ranges of proxies, whose word counts on where a request comes from. */
  readonly proxies: readonly string[];
  /** Called for each connection that ends with what could not be read as a request. */
  readonly onUnreadable?: (status: UnreadableStatus) => void;
}

/** A key has at most 16 KiB; what people paste by mistake is still answered with a sentence. */
const MOST_BODY_BYTES = 256 * 1024;
/** Tokens of people with many groups take up to 17 KB. */
const MOST_HEADER_BYTES = 64 * 1024;
/** How long a request may take to arrive whole, in ms. */
const RECEIVE_LIMIT_MS = 15_000;
/** How often it is looked whether that time is over, in ms; Node's default is twice as long as the limit itself. */
const CHECK_INTERVAL_MS = 1000;
/** Names of users have up to 253 characters of up to 4 bytes, each byte as %XX. */
const MOST_PATH_CHARACTERS = 4096;

/** The HTTP server with what holds for every route: limits, headers, no word of a request in an answer's header. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { log, isSecure, issuer, proxies } = options;
  const headers = securityHeaders(isSecure, policyWith(issuer));
  const server: FastifyInstance = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: RECEIVE_LIMIT_MS,
    http: {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: RECEIVE_LIMIT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      // Node's own answer is a bare one.
      requireHostHeader: false,
    },
    clientErrorHandler: answerUnreadable({
      headers: { ...headers, ...UNKEPT },
      onUnreadable: options.onUnreadable,
    }),
    // Of a path that is none no hook is told.
    frameworkErrors: (error, request, reply) => {
      setHeaders(reply, headers);
      server.errorHandler(error, request, reply);
    },
    // For limits and the log: who it is and where links lead to is never made of it.
    trustProxy: proxies.length === 0 ? false : [...proxies],
    genReqId: () => randomUUID(),
    forceCloseConnections: "idle",
    return503OnClosing: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MOST_PATH_CHARACTERS },
    // Nothing is made of one type into another: `{"name":5}` is no name.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } },
  });
  // Programs send searches in the body of a GET, and a JSON content type with a DELETE that has none.
  server.addHttpMethod("GET", { hasBody: true, overrideExisting: true });
  const parse = server.getDefaultJsonParser("ignore", "ignore");
  server.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.trim() === "") done(null, undefined);
    else void parse(request, body, done);
  });
  await server.register(cookie);
  await server.register(formbody);
  await server.register(rateLimit, { global: false });
  server.addHook("onSend", async (_request, reply) => {
    setHeaders(reply, headers);
  });
  server.addHook("onRequest", async ({ raw }, reply) => {
    if (raw.headers.host !== undefined || raw.httpVersion !== "1.1") return;
    reply.code(400).header("connection", "close").type("text/plain; charset=utf-8");
    return reply.send(TEXTS.unreadable[400]);
  });
  if (options.isLoopbackOnly) server.addHook("onRequest", refuseOtherHosts);
  // An expectation may be left aside (RFC 9110, 10.1.1); Node's own answer is a bare one.
  server.server.on("checkExpectation", (request, response) =>
    server.server.emit("request", request, response),
  );
  return server;
}

/** A page of another site must not reach a portal on loopback by a name of its own. */
async function refuseOtherHosts({ headers }: FastifyRequest): Promise<void> {
  if (!/^(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?$/.test(headers.host ?? ""))
    throw new PageProblem("forbidden");
}

/**
 * Everything comes from this very origin, nothing is inline, nobody frames it. Of the answer to a form, browsers hold a redirect
 * to form-action, too.
 */
function policyWith(issuer: string | undefined): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    `form-action 'self'${issuer === undefined ? "" : ` ${new URL(issuer).origin}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}

/** What is personal stays out of caches. */
const UNKEPT = { "cache-control": "no-store" };

/** Of every answer. */
function securityHeaders(isSecure: boolean, contentSecurityPolicy: string): Readonly<Record<string, string>> {
  return {
    "content-security-policy": contentSecurityPolicy,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    ...(isSecure ? { "strict-transport-security": "max-age=31536000" } : {}),
  };
}

function setHeaders(reply: FastifyReply, headers: Readonly<Record<string, string>>): void {
  reply.headers(headers);
  if (!reply.hasHeader("cache-control")) reply.headers(UNKEPT);
}
