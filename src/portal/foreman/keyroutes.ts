import type { FastifyInstance } from "fastify";
import type { Policy } from "../../claims/policy.ts";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import type { Access } from "../people/access.ts";
import { AlreadyThere, type KeyWriter } from "../sshkeys/keywriter.ts";
import { asJSON } from "./answer.ts";
import { type Callers, keyOf } from "./caller.ts";
import { invalid } from "./errors.ts";
import { listing } from "./listing.ts";
import { sentKey, TAKEN, wantedKey } from "./newkey.ts";
import { listed, queryOf, rooted } from "./query.ts";
import { deletedRecord, keyRecord } from "./record.ts";
import { documentedOnce, SCHEMAS } from "./schemas.ts";

export interface KeyRoutesOptions {
  readonly generation: ForemanGeneration;
  readonly policy: Policy;
  readonly callers: Callers;
  readonly access: Access;
  readonly writer: KeyWriter;
}

const FIELDS = { name: "text", id: "integer", user_id: "integer" } as const;

/** The SSH keys of users: list, show, create and delete. A key is never changed. */
export function addKeyRoutes(server: FastifyInstance, base: string, o: KeyRoutesOptions): void {
  const { generation, policy, callers, access, writer } = o;
  const keys = `${base}/users/:user_id/ssh_keys`;

  server.get(keys, documentedOnce(base, SCHEMAS.listKeys), async (request, reply) => {
    const asking = { verb: "list", permission: "view_ssh_keys" } as const;
    const { person, owner, keys: all } = await callers.keysAsked(request, reply, asking);
    const query = queryOf(request);
    const mayCreate = async () => owner.login === person.user || (await access.may(person, "assign"));
    const permissions = query.include_permissions
      ? { can_create: await mayCreate(), can_edit: false }
      : undefined;
    const records = all.map((key) => keyRecord(key, generation)).sort((a, b) => a.id - b.id);
    const list = listed(() =>
      listing(records, query, {
        fields: FIELDS,
        searchable: ({ id, name }) => ({ id, name, user_id: owner.id }),
        mayAskForAll: generation !== "1.19",
        permissions,
      }),
    );
    return await asJSON(reply).send(list);
  });

  server.get(`${keys}/:id`, documentedOnce(base, SCHEMAS.showKey), async (request, reply) => {
    const asking = { verb: "list", permission: "view_ssh_keys" } as const;
    const { keys: all } = await callers.keysAsked(request, reply, asking);
    return await asJSON(reply).send(rooted(keyRecord(keyOf(all, request), generation), request));
  });

  server.post(keys, documentedOnce(base, SCHEMAS.createKey), async (request, reply) => {
    const asking = { verb: "assign", permission: "create_ssh_keys", mayBeNew: true } as const;
    const { person, owner, keys: all } = await callers.keysAsked(request, reply, asking);
    const wanted = wantedKey(sentKey(request.body), {
      ...{ user: owner.login, others: all },
      ...{ generation, policy, now: Date.now() },
    });
    if (wanted.spec === undefined) throw invalid(wanted.errors);
    const key = await writer
      .create(wanted.spec, { person, namespace: person.namespace })
      .catch((error: unknown) => {
        throw error instanceof AlreadyThere ? invalid({ fingerprint: [TAKEN] }) : error;
      });
    return await asJSON(reply.code(201)).send(rooted(keyRecord(key, generation), request));
  });

  server.delete(`${keys}/:id`, documentedOnce(base, SCHEMAS.deleteKey), async (request, reply) => {
    const asking = { verb: "assign", permission: "destroy_ssh_keys" } as const;
    const { keys: all } = await callers.keysAsked(request, reply, asking);
    const key = keyOf(all, request);
    await writer.delete(key);
    return await asJSON(reply).send(deletedRecord(key, generation));
  });
}
