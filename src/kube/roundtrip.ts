import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  request,
} from "node:http";
import { request as secureRequest } from "node:https";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { RequestScope } from "./requestscope.ts";

/** As `urlToHttpOptions` returns it. */
export type ServerAddress = Pick<RequestOptions, "protocol" | "hostname" | "port">;

/** A request with all that goes over the wire. */
export interface Outgoing {
  readonly server: ServerAddress;
  readonly path: string;
  readonly method: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | undefined;
  /** Called once there is a connection, before any byte is written. */
  readonly mayBeSent: () => boolean;
}

/** Nothing of the request has reached the server. */
export class NotSentError extends Error {
  override readonly name = "NotSentError";
  /** Why; "refused" when `mayBeSent` returned false. */
  readonly code: string;

  constructor(code: string, cause?: Error) {
    super(`not sent: ${code}`, { cause });
    this.code = code;
  }
}

/** How long TCP, proxy and TLS may take for a new connection, in ms. */
const CONNECT_LIMIT_MS = 10_000;

/**
 * One HTTP round trip: sends the request and resolves with the response headers, the body unread. When the scope ends,
 * the request and the reading of the body are aborted. Rejects with a NotSentError, or with Node's error when the
 * connection breaks later.
 */
export function roundTrip(outgoing: Outgoing, agent: Agent, scope: RequestScope): Promise<IncomingMessage> {
  const { server, path, method, headers, body, mayBeSent } = outgoing;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { protocol, hostname, port } = server;
  const open = protocol === "https:" ? secureRequest : request;
  const sent = open({ protocol, hostname, port, path, method, headers, agent });
  let isSent = false;
  const connecting = setTimeout(() => {
    // While all connections are in use none is being made.
    if (isQueued(sent, agent)) connecting.refresh();
    else sent.destroy(new NotSentError("ETIMEDOUT"));
  }, CONNECT_LIMIT_MS);
  sent.on("error", (error: NodeJS.ErrnoException) => {
    clearTimeout(connecting);
    const isKnown = isSent || error instanceof NotSentError;
    reject(isKnown ? error : new NotSentError(error.code ?? "unknown", error));
  });
  sent.on("response", resolve);
  scope.onEnd(() => {
    // A request that has no connection yet emits nothing when it is destroyed.
    clearTimeout(connecting);
    sent.destroy();
  });
  whenConnected(sent, () => {
    clearTimeout(connecting);
    // A process that was paused while it waited for the connection must not send when it wakes up.
    if (!mayBeSent()) {
      sent.destroy(new NotSentError("refused"));
      return;
    }
    isSent = true;
    sent.end(body);
  });
  return scope.race(promise);
}

/** The whole body as text. */
export async function bodyOf(answer: IncomingMessage): Promise<string> {
  // As text from the start: buffers of large answers would stay until the next big garbage collection.
  answer.setEncoding("utf8");
  let text = "";
  await forEachChunk<string>(answer, (chunk) => {
    text += chunk;
  });
  return text;
}

/**
 * Calls `take` with each chunk of the body, and reads on when what it returns has resolved. Resolves when the body is
 * complete. Rejects when the connection breaks, and with what `take` throws. (With events: async iteration takes several
 * times as long for each chunk.)
 */
export function forEachChunk<T>(
  answer: IncomingMessage,
  take: (chunk: T) => void | Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: unknown) => {
    reject(error);
    answer.destroy();
  };
  answer.on("data", (chunk: T) => {
    try {
      const taken = take(chunk);
      if (taken === undefined) return;
      answer.pause();
      taken.then(() => answer.resume(), fail);
    } catch (error) {
      fail(error);
    }
  });
  answer.on("end", resolve);
  answer.on("error", reject);
  return promise;
}

/** Does the request wait until another one is done with its connection? */
function isQueued(sent: ClientRequest, { requests }: Agent): boolean {
  return Object.values(requests).some((waiting) => waiting?.includes(sent));
}

/** Calls `act` as soon as the request has a connection that is complete, TLS and all. */
function whenConnected(sent: ClientRequest, act: () => void): void {
  sent.on("socket", (socket: Socket) => {
    // Only the socket itself knows: an aborted request may have left it to the next one before the handshake was done.
    if (socket instanceof TLSSocket && socket.getFinished() === undefined) socket.once("secureConnect", act);
    else if (socket.connecting) socket.once("connect", act);
    else act();
  });
}
