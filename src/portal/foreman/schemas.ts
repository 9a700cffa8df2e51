import type { FastifySchema } from "fastify";

/** What the routes take and give, for validation and for the OpenAPI document alike. */

const KEY_PROPERTIES = {
  created_at: { type: "string", description: "When it was made, as `2018-07-24 12:58:20 UTC`." },
  updated_at: { type: "string" },
  id: { type: "integer", description: "48 bits of the UID of the SSHKey." },
  name: {
    type: "string",
    description: "The title of the SSHKey, else the comment of its key, else its name.",
  },
  key: { type: "string", description: "The line as it was sent." },
  length: { type: ["integer", "null"], description: "As the Foreman of `foreman.generation` counts it." },
  fingerprint: {
    type: ["string", "null"],
    description: "In the form of the Foreman of `foreman.generation`.",
  },
  state: { type: "string", description: "Only where the key is not in use: why, as kubectl shows it." },
  state_message: { type: "string", description: "With `state`: what is wrong and what to do." },
} as const;

const KEY = {
  type: "object",
  description: "An SSH key of the user.",
  properties: KEY_PROPERTIES,
  required: ["created_at", "updated_at", "id", "name", "key", "length", "fingerprint"],
} as const;

const { id, name, key, length, fingerprint } = KEY_PROPERTIES;

const DELETED_KEY = {
  type: "object",
  description: "The key that was deleted. Its dates are ISO 8601.",
  properties: {
    ...{ id, name, key, fingerprint, user_id: { type: "integer" }, length },
    ...{ created_at: { type: "string" }, updated_at: { type: "string" } },
  },
  required: ["id", "name", "key", "fingerprint", "user_id", "length", "created_at", "updated_at"],
} as const;

const USER = {
  type: "object",
  description: "A user.",
  properties: {
    id: { type: "integer", description: "48 bits of a hash of namespace and user." },
    login: { type: "string", description: "`spec.user` of the SSHKeys." },
  },
  required: ["id", "login"],
} as const;

const USER_WITH_KEYS = {
  type: "object",
  description: "A user with all keys.",
  properties: {
    ...USER.properties,
    ssh_keys: {
      type: "array",
      items: { type: "object", properties: { id, name, key, length, fingerprint } },
    },
  },
  required: ["id", "login", "ssh_keys"],
} as const;

function listOf(items: object): object {
  return {
    type: "object",
    description: "A page of the list.",
    properties: {
      total: { type: "integer", description: "How many there are, whatever is searched for." },
      subtotal: { type: "integer", description: "How many the search finds." },
      page: { type: "integer" },
      per_page: { type: "integer" },
      search: { type: ["string", "null"] },
      sort: {
        type: "object",
        properties: { by: { type: ["string", "null"] }, order: { type: ["string", "null"] } },
        required: ["by", "order"],
      },
      can_create: { type: "boolean", description: "With `include_permissions`." },
      can_edit: {
        type: "boolean",
        description: "With `include_permissions`; never true, since there is no call that changes one.",
      },
      results: { type: "array", items },
    },
    required: ["total", "subtotal", "page", "per_page", "search", "sort"],
  };
}

const ERROR = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: {
        message: { type: "string" },
        details: { type: "string" },
        errors: { type: "object", additionalProperties: { type: "array", items: { type: "string" } } },
        full_messages: { type: "array", items: { type: "string" } },
      },
    },
  },
  required: ["error"],
} as const;

const ERRORS = {
  400: {
    ...ERROR,
    properties: { error: { type: ["object", "string"] } },
    description: "The JSON, the search, the order or the page is not understood.",
  },
  401: { ...ERROR, description: "Nobody that is known asks." },
  403: { ...ERROR, description: "The person may not." },
  422: { ...ERROR, description: "There is no such user, or what was sent is no key that the user can have." },
} as const;

const NOT_FOUND = { 404: { ...ERROR, description: "The user has no such key." } } as const;

const IGNORED = {
  location_id: { type: ["string", "integer", "null"], description: "Taken, and without effect." },
  organization_id: { type: ["string", "integer", "null"], description: "Taken, and without effect." },
} as const;

const ROOT_NAME = { root_name: { type: "string", description: "What the answer is to be called." } } as const;

const LISTING = {
  search: { type: "string", description: "As `name = laptop or name ~ work*`." },
  order: { type: "string", description: "A field, and ASC or DESC, as `name DESC`." },
  page: { type: "string", description: "From 1 on." },
  per_page: { type: "string", description: "20 where nothing is said. `all` from generation 2 on." },
  include_permissions: { type: "string", description: "With any value, says what the caller may do." },
  ...ROOT_NAME,
  ...IGNORED,
} as const;

const listQuery = { type: "object", properties: LISTING } as const;

/** Some clients send the query of a GET as JSON; Fastify takes no schema for that. */
export const LIST_BODY = {
  type: ["object", "null"],
  properties: {
    ...LISTING,
    search: { type: ["string", "null"] },
    order: { type: ["string", "null"] },
    page: { type: ["string", "integer", "null"] },
    per_page: { type: ["string", "integer", "null"] },
    include_permissions: {},
  },
} as const;

const query = { type: "object", properties: { ...ROOT_NAME, ...IGNORED } } as const;

const userID = {
  user_id: {
    type: "string",
    description: "The number of the user, also with anything after a hyphen, or the login.",
  },
} as const;

const userParams = { type: "object", properties: userID, required: ["user_id"] } as const;

const keyParams = {
  type: "object",
  properties: {
    ...userID,
    id: {
      type: "string",
      description: "The number of the key, also with anything after a hyphen, or its name.",
    },
  },
  required: ["user_id", "id"],
} as const;

/** What is no text is no name; a number is made one. */
const sentText = { type: ["string", "number", "null"] } as const;
const sentKey = {
  name: { ...sentText, description: "At most 255 characters." },
  key: { ...sentText, description: "The line of the .pub file." },
} as const;

const newKeyBody = {
  type: ["object", "array", "null"],
  description: "The key, in `ssh_key` or not; where `ssh_key` is there, only what is in it counts.",
  properties: {
    ...sentKey,
    ssh_key: { type: ["object", "array", "null"], properties: sentKey },
  },
} as const;

const common = { security: [{ bearer: [] }, { basic: [] }] };
const ofKeys = { ...common, tags: ["SSH keys"] };
const ofUsers = { ...common, tags: ["Users"] };

export const SCHEMAS = {
  listKeys: {
    ...ofKeys,
    operationId: "listSSHKeys",
    summary: "List all SSH keys for a user",
    params: userParams,
    querystring: listQuery,
    response: { 200: listOf(KEY), ...ERRORS },
  },
  showKey: {
    ...ofKeys,
    operationId: "showSSHKey",
    summary: "Show an SSH key from a user",
    params: keyParams,
    querystring: query,
    response: { 200: KEY, ...ERRORS, ...NOT_FOUND },
  },
  createKey: {
    ...ofKeys,
    operationId: "addSSHKey",
    summary: "Add an SSH key for a user",
    params: userParams,
    querystring: query,
    body: newKeyBody,
    response: {
      201: KEY,
      ...ERRORS,
      415: { ...ERROR, description: "It was not sent as application/json." },
    },
  },
  deleteKey: {
    ...ofKeys,
    operationId: "deleteSSHKey",
    summary: "Delete an SSH key for a user",
    params: keyParams,
    querystring: query,
    response: { 200: DELETED_KEY, ...ERRORS, ...NOT_FOUND },
  },
  listUsers: {
    ...ofUsers,
    operationId: "listUsers",
    summary: "List the users who have keys, and oneself",
    querystring: listQuery,
    response: { 200: listOf(USER), ...ERRORS },
  },
  showUser: {
    ...ofUsers,
    operationId: "showUser",
    summary: "Show a user with the keys",
    params: userParams,
    querystring: query,
    response: { 200: USER_WITH_KEYS, ...ERRORS },
  },
  status: {
    ...common,
    tags: ["Service"],
    operationId: "showStatus",
    summary: "Show status",
    querystring: query,
    response: {
      200: {
        type: "object",
        description: "It works, for the caller.",
        properties: {
          result: { type: "string" },
          status: { type: "integer" },
          version: { type: "string", description: "The Foreman that `foreman.generation` stands for." },
          api_version: { type: "integer" },
        },
      },
      401: ERRORS[401],
    },
  },
} as const;

/**
 * The options of a route with this schema: the routes of /api/v2 are those of /api again. What a schema refuses is said
 * after the caller is known.
 */
export function documentedOnce(
  base: string,
  schema: object,
): { readonly schema: FastifySchema; readonly attachValidation: true } {
  return { schema: { ...schema, hide: base !== "/api" }, attachValidation: true };
}
