import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Policy } from "../../claims/policy.ts";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { VERSION } from "../../version.ts";
import type { Access, Verb } from "../people/access.ts";
import type { Person } from "../people/person.ts";
import type { KeyStore } from "../sshkeys/keystore.ts";
import { AlreadyThere, type KeyWriter } from "../sshkeys/keywriter.ts";
import { newKey } from "../sshkeys/newkey.ts";
import { numberOf } from "../sshkeys/numbers.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { APIDOC, APIDOC_CHECKSUM } from "./apidoc.ts";
import {
  accessDenied,
  badQuery,
  invalid,
  keyNotFound,
  notAuthenticated,
  type Permission,
  unsupportedMediaType,
  userNotFound,
  withMessage,
} from "./errors.ts";
import { BadPage, type ListQuery, listing } from "./listing.ts";
import { sentKey, validationErrors } from "./newkey.ts";
import { deletedRecord, keyRecord, nameOf } from "./record.ts";
import { QueryNotSupported } from "./search.ts";
import { type NumberedUser, Users } from "./users.ts";

export interface ForemanOptions {
  readonly generation: ForemanGeneration;
  readonly policy: Policy;
  readonly store: KeyStore;
  readonly writer: KeyWriter;
  readonly access: Access;
  /** Who asks; undefined for nobody. */
  readonly identify: (request: FastifyRequest) => Promise<Person | undefined>;
}

/** Foreman's API of the SSH keys of users (theforeman.org), under /api and /api/v2. */
export function addForeman(server: FastifyInstance, o: ForemanOptions): void {
  const { generation, store, writer } = o;
  const users = new Users(store);

  for (const base of ["/api", "/api/v2"]) {
    const keys = `${base}/users/:user_id/ssh_keys`;

    server.get(keys, async (request, reply) => {
      const { owner, keys: all } = await keysAsked(request, "list", "view_ssh_keys");
      const records = all.map((key) => keyRecord(key, generation)).sort((a, b) => a.id - b.id);
      return await foreman(reply).send(
        listed(() =>
          listing(records, queryOf(request), {
            fields: KEY_FIELDS,
            searchable: ({ id, name }) => ({ id, name, user_id: owner.id }),
            mayAskForAll: generation !== "1.19",
          }),
        ),
      );
    });

    server.get(`${keys}/:id`, async (request, reply) => {
      const { keys: all } = await keysAsked(request, "list", "view_ssh_keys");
      return await foreman(reply).send(keyRecord(keyOf(all, request), generation));
    });

    server.post(keys, async (request, reply) => {
      const contentType = request.headers["content-type"];
      if (contentType !== undefined && !/^application\/json\s*(?:;|$)/i.test(contentType))
        throw unsupportedMediaType(contentType);
      const { person, owner, keys: all } = await keysAsked(request, "assign", "create_ssh_keys");
      const sent = sentKey(request.body);
      const wrong = validationErrors(sent, generation);
      if (wrong !== undefined) throw invalid(wrong);
      const typed = { key: sent.key ?? "", title: sent.name ?? "", expiresAt: undefined, options: [] };
      const made = newKey(typed, owner.login, o.policy, Date.now());
      if (!("spec" in made)) throw invalid({ key: made.problems.map(({ message }) => message) });
      const parsed = parsePublicKey(made.spec.key);
      if (parsed.ok && all.some(({ facts }) => facts?.blob.equals(parsed.value.blob))) throw TAKEN;
      const key = await writer
        .create(made.spec, { person, namespace: person.namespace })
        .catch((error: unknown) => {
          throw error instanceof AlreadyThere ? TAKEN : error;
        });
      return await foreman(reply.code(201)).send(keyRecord(key, generation));
    });

    server.delete(`${keys}/:id`, async (request, reply) => {
      const { keys: all } = await keysAsked(request, "assign", "destroy_ssh_keys");
      const key = keyOf(all, request);
      await writer.delete(key);
      return await foreman(reply).send(deletedRecord(key, generation));
    });

    server.get(`${base}/users`, async (request, reply) => {
      const person = await somebody(request);
      const known = (await o.access.may(person, "list")) ? users.all(person.namespace) : [];
      const own = users.find(person.user, person);
      const all =
        known.some(({ login }) => login === person.user) || own === undefined ? known : [...known, own];
      return await foreman(reply).send(
        listed(() =>
          listing(all, queryOf(request), {
            fields: USER_FIELDS,
            searchable: ({ id, login }) => ({ id, login }),
            mayAskForAll: generation !== "1.19",
          }),
        ),
      );
    });

    server.get(`${base}/users/:user_id`, async (request, reply) => {
      const { owner, keys: all } = await keysAsked(request, "list", "view_users");
      const ssh_keys = all.map((key) => {
        const { id, name, key: line, length, fingerprint } = keyRecord(key, generation);
        return { id, name, key: line, length, fingerprint };
      });
      return await foreman(reply).send({ ...owner, ssh_keys });
    });

    server.get(`${base}/status`, async (request, reply) => {
      await somebody(request);
      return await foreman(reply).send({ result: "ok", status: 200, version: VERSION, api_version: 2 });
    });
  }

  server.get("/api", async (request, reply) => {
    await somebody(request);
    return await foreman(reply).send({
      links: { ssh_keys: { "List all SSH keys for a user": "/api/users/:user_id/ssh_keys" } },
    });
  });

  // In whatever language it is asked for, there is one.
  server.get("/apidoc/:version", async (request, reply) => {
    const { version = "" } = request.params as { version?: string };
    if (version === "apipie_checksum") return await foreman(reply).send({ checksum: APIDOC_CHECKSUM });
    if (!/^v2(?:\.[A-Za-z_-]{1,16})?\.json$/.test(version)) throw withMessage(404, "Not Found");
    return await foreman(reply).send(APIDOC);
  });

  async function somebody(request: FastifyRequest): Promise<Person> {
    const person = await o.identify(request);
    if (person === undefined) throw notAuthenticated(loginIn(request.headers.authorization));
    return person;
  }

  /** The keys of the user in the path, for who may see, or change, them. */
  async function keysAsked(
    request: FastifyRequest,
    verb: Verb,
    permission: Permission,
  ): Promise<{ person: Person; owner: NumberedUser; keys: readonly PortalKey[] }> {
    const person = await somebody(request);
    const { user_id: id = "" } = request.params as { user_id?: string };
    const owner = users.find(id, person);
    const isOwn = owner?.login === person.user;
    const isAllowed = isOwn ? o.access.mayHaveKeys(person) : await o.access.may(person, verb);
    if (!isAllowed) throw accessDenied(permission);
    if (owner === undefined) throw userNotFound(id);
    return { person, owner, keys: store.ofUser(person.namespace, owner.login) };
  }
}

const TAKEN = invalid({ fingerprint: ["has already been taken"] });

const KEY_FIELDS = { name: "text", id: "integer", user_id: "integer" } as const;
const USER_FIELDS = { login: "text", id: "integer" } as const;

/** `5`, `5-name`, or a name. */
function keyOf(keys: readonly PortalKey[], request: FastifyRequest): PortalKey {
  const { id = "" } = request.params as { id?: string };
  const [, digits] = /^([0-9]+)(?:-.*|\.json)?$/s.exec(id) ?? [];
  const found =
    digits === undefined
      ? keys.filter((key) => nameOf(key) === id)
      : keys.filter((key) => numberOf(key) === Number(digits));
  const [key] = found;
  if (key === undefined) throw keyNotFound(id);
  return key;
}

/** By the query, or by the JSON body that some clients send with a GET. */
function queryOf({ query, body }: FastifyRequest): ListQuery {
  const given = { ...(isRecord(query) ? query : {}), ...(isRecord(body) ? body : {}) };
  const text = (name: string) => {
    const value = given[name];
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
  };
  return { search: text("search"), order: text("order"), page: text("page"), per_page: text("per_page") };
}

function listed<T>(list: () => T): T {
  try {
    return list();
  } catch (error) {
    if (error instanceof QueryNotSupported) throw badQuery(error.message);
    if (error instanceof BadPage) throw withMessage(400, error.message);
    throw error;
  }
}

function foreman(reply: FastifyReply): FastifyReply {
  return reply
    .header("foreman_version", VERSION)
    .header("foreman_api_version", "2")
    .header("apipie-checksum", APIDOC_CHECKSUM)
    .type("application/json; charset=utf-8");
}

/** The user name of HTTP Basic, to be said in an error only. */
function loginIn(authorization = ""): string {
  const [, value = ""] = /^basic +(\S+)$/i.exec(authorization) ?? [];
  return Buffer.from(value, "base64").toString("utf8").split(":")[0] ?? "";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
