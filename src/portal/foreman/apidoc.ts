import { hash } from "node:crypto";

interface Param {
  readonly name: string;
  readonly full_name: string;
  readonly description: string;
  readonly required: boolean;
  readonly allow_nil: boolean;
  readonly validator: string;
  readonly expected_type: string;
  readonly metadata: null;
  readonly show: boolean;
  readonly validations: readonly string[];
  readonly params?: readonly Param[];
}

function param(name: string, description: string, o: Partial<Param> = {}): Param {
  const { expected_type = "string" } = o;
  const validator =
    expected_type === "numeric"
      ? "Must be a Integer"
      : expected_type === "hash"
        ? "Must be a Hash"
        : "Must be a String";
  return {
    name,
    full_name: name,
    description,
    required: false,
    allow_nil: false,
    validator,
    expected_type,
    metadata: null,
    show: true,
    validations: [],
    ...o,
  };
}

const TAXONOMIES = [
  param("location_id", "Scope by locations", { expected_type: "numeric" }),
  param("organization_id", "Scope by organizations", { expected_type: "numeric" }),
];
const USER = param("user_id", "ID of the user", { required: true });
const ID = param("id", "", { required: true });
const LISTING = [
  param("search", "filter results"),
  param("order", "Sort field and order, eg. 'id DESC'"),
  param("page", "paginate results", { expected_type: "numeric" }),
  param("per_page", "number of entries per request"),
];
const KEY = param("ssh_key", "", {
  required: true,
  expected_type: "hash",
  params: [
    param("name", "", { full_name: "ssh_key[name]", required: true }),
    param("key", "Public SSH key", { full_name: "ssh_key[key]", required: true }),
  ],
});

interface Route {
  readonly method: string;
  readonly path: string;
}

function method(
  name: string,
  description: string,
  routes: readonly Route[],
  params: readonly Param[],
  search: readonly object[] = [],
): object {
  return {
    doc_url: `/apidoc/v2/${name}`,
    name,
    apis: routes.map(({ method: verb, path }) => ({
      api_url: path,
      http_method: verb,
      short_description: description,
      deprecated: null,
    })),
    formats: ["json"],
    full_description: "",
    errors: [],
    params,
    returns: [],
    examples: [],
    metadata: search.length === 0 ? null : { search },
    see: [],
    headers: [],
    show: true,
  };
}

function resource(name: string, methods: readonly object[]): object {
  return {
    doc_url: `/apidoc/v2/${name}`,
    id: name,
    api_url: "/api",
    name: name.replaceAll("_", " "),
    short_description: "",
    full_description: "",
    version: "v2",
    formats: ["json"],
    metadata: null,
    methods,
    headers: [],
    deprecated: false,
  };
}

/** What hammer (0.13 to 5.1) looks up when it loads, and ends without; there is nothing behind them. */
const LOOKED_UP = [
  "architectures",
  "compute_resources",
  "config_templates",
  "domains",
  "environments",
  "hostgroups",
  "locations",
  "media",
  "operatingsystems",
  "organizations",
  "provisioning_templates",
  "ptables",
  "roles",
  "smart_proxies",
  "subnets",
  "usergroups",
] as const;

function resources(): Readonly<Record<string, object>> {
  const keys = "/api/users/:user_id/ssh_keys";
  const searchable = [
    { name: "id", type: "integer" },
    { name: "name", type: "string" },
    { name: "user_id", type: "integer" },
  ];
  return {
    home: resource("home", [
      method("index", "Show available API links", [{ method: "GET", path: "/api" }], []),
      method("status", "Show status", [{ method: "GET", path: "/api/status" }], []),
    ]),
    ssh_keys: resource("ssh_keys", [
      method(
        "index",
        "List all SSH keys for a user",
        [{ method: "GET", path: keys }],
        [...TAXONOMIES, USER, ...LISTING],
        searchable,
      ),
      method(
        "show",
        "Show an SSH key from a user",
        [{ method: "GET", path: `${keys}/:id` }],
        [...TAXONOMIES, ID, USER],
      ),
      method(
        "create",
        "Add an SSH key for a user",
        [{ method: "POST", path: keys }],
        [...TAXONOMIES, USER, KEY],
      ),
      method(
        "destroy",
        "Delete an SSH key for a user",
        [{ method: "DELETE", path: `${keys}/:id` }],
        [...TAXONOMIES, ID, USER],
      ),
    ]),
    users: resource("users", [
      method(
        "index",
        "List all users",
        [{ method: "GET", path: "/api/users" }],
        [...TAXONOMIES, ...LISTING],
        [
          { name: "id", type: "integer" },
          { name: "login", type: "string" },
        ],
      ),
      method("show", "Show a user", [{ method: "GET", path: "/api/users/:id" }], [ID]),
      // hammer looks these up when it loads, too; whoever calls them may not.
      method("create", "Create a user", [{ method: "POST", path: "/api/users" }], []),
      method("update", "Update a user", [{ method: "PUT", path: "/api/users/:id" }], [ID]),
      method("destroy", "Delete a user", [{ method: "DELETE", path: "/api/users/:id" }], [ID]),
    ]),
    ...Object.fromEntries(LOOKED_UP.map((name) => [name, resource(name, [])])),
  };
}

/**
 * What programs that speak Foreman's API (hammer, apypie) read before they make a call: apipie's description of the
 * resources. Every description and type is a text: null makes both of them fail.
 */
export const APIDOC = {
  docs: {
    name: "Foreman",
    info: "SSH keys of users, kept as SSHKeys of Kubernetes.",
    resources: resources(),
  },
};

/** Clients keep what they have read until this changes. */
export const APIDOC_CHECKSUM = hash("md5", JSON.stringify(APIDOC));
