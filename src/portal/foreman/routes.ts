import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import type { Policy } from "../../claims/policy.ts";
import type { KeyWriter } from "../sshkeys/keywriter.ts";
import { asJSON, mark } from "./answer.ts";
import { APIDOC, APIDOC_CHECKSUM } from "./apidoc.ts";
import { apiPage, type OpenAPIDocument } from "./apipage.ts";
import { type CallerOptions, Callers } from "./caller.ts";
import { withMessage } from "./errors.ts";
import { addKeyRoutes } from "./keyroutes.ts";
import { OPENAPI } from "./openapi.ts";
import { addUserRoutes } from "./userroutes.ts";
import { Users } from "./users.ts";

export interface ForemanOptions extends Omit<CallerOptions, "users"> {
  readonly policy: Policy;
  readonly writer: KeyWriter;
  /** Path of the style sheet of pages. */
  readonly styleSheet: string;
}

/** Foreman's API of the SSH keys of users (theforeman.org), under /api and /api/v2, and what describes it, under /apidoc. */
export function addForeman(server: FastifyInstance, o: ForemanOptions): void {
  const { generation, policy, store, access, writer, styleSheet } = o;
  const users = new Users(store);
  const callers = new Callers({ ...o, users });

  server.register(async (api) => {
    // Who sends something else than JSON is told by the route, who is not let in is told that first.
    api.addContentTypeParser("*", (_request, payload, done) => {
      payload.resume();
      payload.on("end", () => done(null, undefined));
    });
    // The schemas of answers are for the document: nothing is left out because it is not in one.
    api.setSerializerCompiler(() => (data) => JSON.stringify(data));
    api.addHook("onRequest", async (request, reply) => mark(reply, request));
    await api.register(swagger, OPENAPI);

    for (const base of ["/api", "/api/v2"]) {
      addKeyRoutes(api, base, { generation, policy, callers, access, writer });
      addUserRoutes(api, base, { generation, callers, users, access });
    }

    const hidden = { schema: { hide: true } };
    api.get("/api", hidden, async (request, reply) => {
      await callers.somebody(request, reply);
      return await asJSON(reply).send({
        links: { ssh_keys: { "List all SSH keys for a user": "/api/users/:user_id/ssh_keys" } },
      });
    });

    api.get("/apidoc/openapi.json", hidden, async (_request, reply) =>
      reply.type("application/vnd.oai.openapi+json; charset=utf-8").send(api.swagger()),
    );

    api.get("/apidoc", hidden, async (_request, reply) => {
      const document = api.swagger() as unknown as OpenAPIDocument;
      const page = apiPage(document, { styleSheet, documentPath: "/apidoc/openapi.json" });
      return await reply.type("text/html; charset=utf-8").send(String(page));
    });

    // In whatever language it is asked for, there is one.
    api.get("/apidoc/:version", hidden, async (request, reply) => {
      const { version = "" } = request.params as { version?: string };
      if (version === "apipie_checksum") return await asJSON(reply).send({ checksum: APIDOC_CHECKSUM });
      if (!/^v2(?:\.[A-Za-z_-]{1,16})?\.json$/.test(version)) throw withMessage(404, "Not Found");
      return await asJSON(reply).send(APIDOC);
    });
  });
}
