import type { FastifyInstance } from "fastify";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import type { Access } from "../people/access.ts";
import { asJSON, FOREMAN_VERSIONS } from "./answer.ts";
import type { Callers } from "./caller.ts";
import { accessDenied } from "./errors.ts";
import { listing } from "./listing.ts";
import { listed, queryOf, rooted } from "./query.ts";
import { keyRecord } from "./record.ts";
import { documentedOnce, SCHEMAS } from "./schemas.ts";
import type { Users } from "./users.ts";

export interface UserRoutesOptions {
  readonly generation: ForemanGeneration;
  readonly callers: Callers;
  readonly users: Users;
  readonly access: Access;
}

const FIELDS = { login: "text", id: "integer" } as const;

/** What clients look up before they ask for keys: users by login, and whether it works at all. */
export function addUserRoutes(server: FastifyInstance, base: string, o: UserRoutesOptions): void {
  const { generation, callers, users, access } = o;

  server.get(`${base}/users`, documentedOnce(base, SCHEMAS.listUsers), async (request, reply) => {
    const person = await callers.somebody(request, reply);
    const query = queryOf(request);
    const known = (await access.may(person, "list")) ? users.all(person.namespace) : [];
    const own = users.find(person.user, person);
    const isMissing = own !== undefined && !known.some(({ login }) => login === person.user);
    const all = isMissing ? [...known, own].sort((a, b) => a.id - b.id) : known;
    const list = listed(() =>
      listing(all, query, {
        fields: FIELDS,
        searchable: ({ id, login }) => ({ id, login }),
        mayAskForAll: generation !== "1.19",
        permissions: query.include_permissions ? { can_create: false, can_edit: false } : undefined,
      }),
    );
    return await asJSON(reply).send(list);
  });

  server.get(`${base}/users/:user_id`, documentedOnce(base, SCHEMAS.showUser), async (request, reply) => {
    const asking = { verb: "list", permission: "view_users" } as const;
    const { owner, keys } = await callers.keysAsked(request, reply, asking);
    const ssh_keys = keys
      .map((key) => keyRecord(key, generation))
      .sort((a, b) => a.id - b.id)
      .map(({ created_at: _created, updated_at: _updated, ...record }) => record);
    return await asJSON(reply).send(rooted({ ...owner, ssh_keys }, request));
  });

  // Users are people who sign in. The apidoc has these, since hammer does not load without them.
  const hidden = { schema: { hide: true } };
  server.post(`${base}/users`, hidden, async (request) => {
    await callers.somebodyKnown(request);
    throw accessDenied("create_users");
  });
  server.put(`${base}/users/:user_id`, hidden, async (request) => {
    await callers.somebodyKnown(request);
    throw accessDenied("edit_users");
  });
  server.delete(`${base}/users/:user_id`, hidden, async (request) => {
    await callers.somebodyKnown(request);
    throw accessDenied("destroy_users");
  });

  server.get(`${base}/status`, documentedOnce(base, SCHEMAS.status), async (request, reply) => {
    await callers.somebody(request, reply);
    const version = FOREMAN_VERSIONS[generation];
    return await asJSON(reply).send({ result: "ok", status: 200, version, api_version: 2 });
  });
}
