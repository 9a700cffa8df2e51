import type { FastifyReply, FastifyRequest } from "fastify";
import type { ForemanGeneration } from "../../config/portalsettings.ts";
import type { Access, Verb } from "../people/access.ts";
import type { Person } from "../people/person.ts";
import type { KeyStore } from "../sshkeys/keystore.ts";
import { numberOf } from "../sshkeys/numbers.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import { introduce } from "./answer.ts";
import {
  accessDenied,
  keyNotFound,
  notAuthenticated,
  type Permission,
  unsupportedMediaType,
  userNotFound,
  withMessage,
} from "./errors.ts";
import { nameOf } from "./record.ts";
import { LIST_BODY } from "./schemas.ts";
import type { NumberedUser, Users } from "./users.ts";

export interface CallerOptions {
  readonly generation: ForemanGeneration;
  readonly store: KeyStore;
  readonly users: Users;
  readonly access: Access;
  /** Who asks; undefined for nobody. */
  readonly identify: (request: FastifyRequest) => Promise<Person | undefined>;
}

/** Whose keys are asked for, and what one needs for that. */
export interface Asking {
  readonly verb: Verb;
  readonly permission: Permission;
  /** May the user be one who has no keys yet? */
  readonly mayBeNew?: boolean;
}

export interface AskedKeys {
  readonly person: Person;
  readonly owner: NumberedUser;
  readonly keys: readonly PortalKey[];
}

/** Lets callers in, in Foreman's order: who asks, may they, in what form do they ask, whom do they ask for. */
export class Callers {
  readonly #o: CallerOptions;

  constructor(options: CallerOptions) {
    this.#o = options;
  }

  /** Whoever is signed in. */
  async somebody(request: FastifyRequest, reply: FastifyReply): Promise<Person> {
    const person = await this.somebodyKnown(request);
    introduce(reply, this.#o.generation);
    checkSchema(request);
    return person;
  }

  /** As somebody, for what nobody may. */
  async somebodyKnown(request: FastifyRequest): Promise<Person> {
    const person = await this.#o.identify(request);
    if (person === undefined) throw notAuthenticated(loginIn(request.headers.authorization));
    return person;
  }

  /** The keys of the user in the path, for who may see, or change, them. */
  async keysAsked(
    request: FastifyRequest,
    reply: FastifyReply,
    { verb, permission, mayBeNew = false }: Asking,
  ): Promise<AskedKeys> {
    const { access, generation, store, users } = this.#o;
    const person = await this.somebodyKnown(request);
    const { user_id: id = "" } = request.params as { user_id?: string };
    const found = users.find(id, person);
    const isOwn = found?.login === person.user;
    const isAllowed = isOwn ? access.mayHaveKeys(person) : await access.may(person, verb);
    if (!isAllowed) throw accessDenied(permission);
    introduce(reply, generation);
    checkForm(request);
    const owner = found ?? (mayBeNew ? users.unknown(id, person) : undefined);
    if (owner === undefined) throw userNotFound(id);
    checkSchema(request);
    return { person, owner, keys: store.ofUser(person.namespace, owner.login) };
  }
}

/**
 * The key with the id of the path: `5-anything` and `5` are numbers; else it is a name, of several keys with that name the
 * oldest's; and what begins with digits and is no name, as `5.json`, is a number again. A number that two keys have is
 * neither's.
 */
export function keyOf(keys: readonly PortalKey[], request: FastifyRequest): PortalKey {
  const { id = "" } = request.params as { id?: string };
  const [, digits, rest = ""] = /^([0-9]+)(.*)$/s.exec(id) ?? [];
  const isNumber = digits !== undefined && (rest === "" || rest.startsWith("-"));
  const named = isNumber ? [] : keys.filter((key) => nameOf(key) === id);
  const [oldest] = named.toSorted((a, b) => a.createdAt - b.createdAt || numberOf(a) - numberOf(b));
  if (oldest !== undefined) return oldest;
  const numbered = digits === undefined ? [] : keys.filter((key) => numberOf(key) === Number(digits));
  const [key] = numbered;
  if (key === undefined || numbered.length > 1) throw keyNotFound(id);
  return key;
}

/** What is wrong with a request by its schema is said to those only who may make one. */
function checkSchema(request: FastifyRequest): void {
  const { method, body, validationError } = request;
  if (validationError !== undefined) throw withMessage(400, validationError.message);
  if (method !== "GET" || body === undefined) return;
  if (!request.validateInput(body, LIST_BODY))
    throw withMessage(400, "the body of a GET is an object of search, order, page and per_page");
}

/** Whoever sends something sends JSON, and says so. */
function checkForm({ method, headers }: FastifyRequest): void {
  const type = headers["content-type"] ?? "";
  if ((method === "POST" || method === "PUT") && !/^application\/json\s*(?:;|$)/i.test(type))
    throw unsupportedMediaType(type);
}

/** The user name of HTTP Basic, to be said in an error only. */
function loginIn(authorization = ""): string {
  const [, value = ""] = /^basic +(\S+)$/i.exec(authorization) ?? [];
  return Buffer.from(value, "base64").toString("utf8").split(":")[0] ?? "";
}
