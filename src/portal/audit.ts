import { AsyncLocalStorage } from "node:async_hooks";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Log, logEvent } from "../api/logevent.ts";
import type { Call, Requests } from "../kube/transport.ts";
import { clientAddress } from "./clientaddress.ts";
import type { Person } from "./people/person.ts";

/** What is known of a request that may write. */
interface Entry {
  readonly request: FastifyRequest;
  person: Person | undefined;
  /** Has it been held to a limit? */
  isCounted: boolean;
  isLogged: boolean;
}

/** As the API server names them, by the method of a request to it. */
export const WRITE_VERBS: Readonly<
  Partial<Record<Call["method"], "create" | "update" | "patch" | "delete">>
> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/**
 * Who did what: one line for each write that is sent to the API server, made when its answer is there, whether or not anybody
 * waits for the portal's own; and one for each request that wanted to write and was refused. Names and addresses only: nothing
 * of what was sent.
 */
export class Audit {
  readonly #log: Log;
  readonly #current = new AsyncLocalStorage<Entry>();

  constructor(log: Log) {
    this.#log = log;
  }

  observe(server: FastifyInstance): void {
    const entries = new WeakMap<FastifyRequest, Entry>();
    // Behind the body, whose events come from elsewhere.
    server.addHook("preHandler", (request, _reply, done) => {
      if (!mayWrite(request)) return done();
      const entry: Entry = { request, person: undefined, isCounted: false, isLogged: false };
      entries.set(request, entry);
      this.#current.run(entry, done);
    });
    server.addHook("onResponse", async (request, reply) => {
      const entry = entries.get(request);
      // Of what no limit holds, as a path that is none, anybody could fill the log.
      if (entry === undefined || entry.isLogged || !entry.isCounted || reply.statusCode < 400) return;
      const { method, routeOptions } = request;
      const what = { route: routeOptions.url, method, status: reply.statusCode };
      logEvent(this.#log, "WriteRefused", { ...this.#who(entry), ...what });
    });
  }

  /** The request that is being handled is this person's, or nobody's, and within their limit. */
  counted(person: Person | undefined): void {
    const entry = this.#current.getStore();
    if (entry === undefined) return;
    entry.person = person;
    entry.isCounted = true;
  }

  /** The same requests, with a line for each write. */
  writing(requests: Requests): Requests {
    return {
      request: async <T>(call: Call): Promise<T> => {
        const verb = WRITE_VERBS[call.method];
        const entry = this.#current.getStore();
        if (verb === undefined || entry === undefined) return await requests.request<T>(call);
        entry.isLogged = true;
        const what = { ...this.#who(entry), verb };
        try {
          const answer = await requests.request<T>(call);
          logEvent(this.#log, "KeyWritten", { ...what, sshKey: written(call, answer) });
          return answer;
        } catch (error) {
          const result = error instanceof Error && "code" in error ? error.code : "error";
          logEvent(this.#log, "WriteRefused", { ...what, sshKey: written(call, undefined), result });
          throw error;
        }
      },
    };
  }

  signedIn(request: FastifyRequest, { user, signedInBy }: Person): void {
    logEvent(this.#log, "SignedIn", { user, signedInBy, ...from(request) });
  }

  /** `reason` must hold nothing that was sent. */
  signInFailed(request: FastifyRequest, reason: string): void {
    logEvent(this.#log, "SignInFailed", { reason, ...from(request) });
  }

  limited(request: FastifyRequest, limit: string, person: Person | undefined): void {
    const who = person === undefined ? {} : { user: person.user, signedInBy: person.signedInBy };
    logEvent(this.#log, "RateLimited", { limit, ...who, ...from(request) });
  }

  #who({ request, person }: Entry) {
    const who = person === undefined ? {} : { user: person.user, signedInBy: person.signedInBy };
    return { ...who, ...from(request) };
  }
}

function from(request: FastifyRequest) {
  return { address: clientAddress(request), request: request.id };
}

/** Does this method change something? */
export function mayWrite({ method }: FastifyRequest): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}

/** `namespace/name`, by the answer or by the path; of a new SSHKey that was refused by what was sent. */
function written({ path, body }: Call, answer: unknown): string {
  const [, namespace = "", name] = /\/namespaces\/([^/]+)\/[^/]+(?:\/([^/]+))?/.exec(path) ?? [];
  const nameIn = (object: unknown) =>
    (object as { readonly metadata?: { readonly name?: unknown } } | undefined)?.metadata?.name;
  return `${namespace}/${name ?? nameIn(answer) ?? nameIn(body)}`;
}
