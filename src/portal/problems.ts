import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { Unread } from "./backlog.ts";
import { NotListed } from "./entrance.ts";
import { asJSON, mark } from "./foreman/answer.ts";
import { badJSON, ForemanError, invalid, tooManyTries, withMessage } from "./foreman/errors.ts";
import { TooMany } from "./limits.ts";
import type { Identity } from "./people/identity.ts";
import { SignInFailed } from "./people/openid.ts";
import { Refused } from "./people/person.ts";
import { Busy } from "./people/tokens.ts";
import { Gone } from "./sshkeys/keywriter.ts";
import type { Desk } from "./web/desk.ts";
import { PageProblem, problemContent } from "./web/problem.ts";
import { TEXTS } from "./web/texts.ts";

export interface ProblemsOptions {
  /** Sends the pages. */
  readonly desk: Desk;
  readonly identity: Identity;
  readonly log: Logger;
}

/** Whatever goes wrong is answered: to people by a page, to programs in Foreman's shape, those of the server itself, too. */
export function addProblems(server: FastifyInstance, { desk, identity, log }: ProblemsOptions): void {
  server.setNotFoundHandler((request, reply) =>
    isForeman(request)
      ? answerProgram(withMessage(404, "Not Found"), request, reply)
      : answerPerson(new PageProblem("notFound"), request, reply),
  );
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof TooMany) reply.header("retry-after", error.retryAfterSeconds);
    return isForeman(request)
      ? answerProgram(foremanError(error, request, log), request, reply)
      : answerPerson(pageProblem(error, request, log), request, reply);
  });

  function answerProgram(
    { statusCode, body }: ForemanError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply {
    // Of what is no route, and of a path that is none, the routes' own hook is not told.
    mark(reply, request);
    return asJSON(reply.code(statusCode)).send(body);
  }

  async function answerPerson(
    error: PageProblem,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const person = await identity.ofPage(request).catch(() => undefined);
    const { title } = TEXTS.problems[error.kind];
    const content = problemContent(error, desk.o.base, request.id);
    return await desk.showProblem(reply.code(error.statusCode), person, { title, content });
  }
}

function isForeman({ url }: FastifyRequest): boolean {
  return /^\/api(?:doc)?(?:[/?]|$)/.test(url);
}

function foremanError(error: unknown, request: FastifyRequest, log: Logger): ForemanError {
  if (error instanceof ForemanError) return error;
  if (isRefusal(error))
    return error.code === "Forbidden" ? withMessage(403, error.said()) : invalid({ base: [error.said()] });
  if (error instanceof Refused) return withMessage(403, error.message);
  if (error instanceof NotListed) return withMessage(503, error.message);
  if (error instanceof TooMany)
    return error.limit === "tries" ? tooManyTries() : withMessage(429, error.message);
  const { statusCode = 500, code, message } = error as FastifyError;
  if (error instanceof Busy || error instanceof ApiError) {
    log.warn({ event: "RequestFailed", request: request.id, error: message });
    if (isApiError(error, "Forbidden")) return withMessage(403, TEXTS.problems.portalMayNot);
    if (isApiError(error, "NotFound")) return withMessage(503, TEXTS.problems.notSetUp.text);
    return withMessage(503, "the cluster cannot be asked at the moment: try again");
  }
  if (statusCode < 500)
    return error instanceof SyntaxError || code === "FST_ERR_CTP_INVALID_JSON_BODY"
      ? badJSON(message)
      : withMessage(statusCode, message);
  log.error({ event: "RequestFailed", request: request.id, code, err: error });
  return withMessage(500, "something went wrong; nothing is known to have been changed");
}

function pageProblem(error: unknown, request: FastifyRequest, log: Logger): PageProblem {
  if (error instanceof PageProblem) return error;
  if (isRefusal(error)) return new PageProblem("forbidden", error.said());
  if (error instanceof Refused) return new PageProblem("refused", error.message);
  if (error instanceof NotListed) return new PageProblem("unavailable");
  if (error instanceof TooMany || error instanceof Unread) return new PageProblem("tooMany");
  if (error instanceof Gone) return new PageProblem("notFound", TEXTS.problems.gone);
  if (error instanceof SignInFailed) return new PageProblem("signIn", error.message);
  if (error instanceof ApiError) {
    log.warn({ event: "RequestFailed", request: request.id, error: error.message });
    if (error.code === "Forbidden") return new PageProblem("forbidden", TEXTS.problems.portalMayNot);
    return new PageProblem(error.code === "NotFound" ? "notSetUp" : "unavailable");
  }
  const { statusCode = 500, code } = error as FastifyError;
  // What Fastify refuses before a route sees it.
  if (statusCode < 500) return new PageProblem(statusCode === 413 ? "tooLarge" : "notFound");
  log.error({ event: "RequestFailed", request: request.id, code, err: error });
  return new PageProblem("unexpected");
}

/**
 * Does the API server refuse what somebody sent, as an admission policy or a quota does, with words for who sent it? That the
 * portal's own account may not write is no such refusal.
 */
function isRefusal(error: unknown): error is ApiError {
  if (!(error instanceof ApiError) || error.said() === "") return false;
  if (error.code === "Forbidden") return !/ cannot [a-z]+ (?:resource|path) /.test(error.said());
  return error.code === "Invalid" || error.code === "BadRequest";
}
