/** How the portal works. Files are read where they are used, so that a rotated one is seen. */
export interface PortalSettings {
  /**
   * Where people reach it, with a path that ends in `/`. Links, cookies and the addresses given to the issuer are made of
   * it, never of what a request says of itself. By https, but for a try on loopback. Undefined: only for an insecure user.
   */
  readonly publicURL: URL | undefined;
  readonly oidc: OIDCSettings | undefined;
  /** Bearer tokens of the cluster that are good for this audience. */
  readonly tokens: { readonly audience: string } | undefined;
  readonly proxy: ProxySettings | undefined;
  /**
   * Proxies in front of the portal: what they say in X-Forwarded-For is where a request comes from, for limits and the log.
   * Addresses and CIDR ranges; who may say who somebody is, is `proxy`.
   */
  readonly trustedProxies: readonly string[];
  /** People outside of these groups have no keys here; undefined: everybody signed in may. */
  readonly groups: readonly string[] | undefined;
  /** What the API server puts before the names of people and groups of the same issuer. */
  readonly usernamePrefix: string;
  readonly groupsPrefix: string;
  /** The claim that names a person's namespace, one of `namespaces`; undefined: all are in the portal's one. */
  readonly namespaceClaim: string | undefined;
  readonly namespaces: readonly string[];
  readonly session: SessionSettings;
  /** Are pods listed to say where a key is used? */
  readonly usedBy: boolean;
  /** Further namespaces whose AuthorizedKeys are listed for that, for people who may list them themselves. */
  readonly usedByNamespaces: readonly string[];
  readonly foreman: { readonly generation: ForemanGeneration };
}

/** OpenID Connect: who signs people in, and which claims say who they are. */
export interface OIDCSettings {
  readonly issuer: string;
  readonly clientID: string;
  /** File with the client's secret; undefined: a public client, with PKCE alone. */
  readonly clientSecretFile: string | undefined;
  /** File with the certificates of the issuer's authority (PEM). */
  readonly caFile: string | undefined;
  readonly scopes: readonly string[];
  /** `sub`, `email` (when verified), or one that the administrator declares immutable. */
  readonly userClaim: string;
  readonly groupsClaim: string;
}

/** A proxy that has signed people in. Its headers count only from these addresses. */
export interface ProxySettings {
  /** Addresses and CIDR ranges. */
  readonly addresses: readonly string[];
  readonly userHeader: string;
  readonly groupsHeader: string;
}

export interface SessionSettings {
  /** Folder of key files, at least 32 bytes each: the newest by name seals, all of them open. Undefined: one of this process' own. */
  readonly keysFolder: string | undefined;
  /** In ms: how long a person stays signed in. */
  readonly lifetime: number;
}

/** Which Foreman's fingerprints and lengths the API has. */
export const FOREMAN_GENERATIONS = ["1.19", "2", "5.1"] as const;
export type ForemanGeneration = (typeof FOREMAN_GENERATIONS)[number];

export const DEFAULT_PORTAL_SETTINGS: PortalSettings = {
  publicURL: undefined,
  oidc: undefined,
  tokens: undefined,
  proxy: undefined,
  trustedProxies: [],
  groups: undefined,
  usernamePrefix: "",
  groupsPrefix: "",
  namespaceClaim: undefined,
  namespaces: [],
  session: { keysFolder: undefined, lifetime: 12 * 60 * 60 * 1000 },
  usedBy: true,
  usedByNamespaces: [],
  foreman: { generation: "1.19" },
};
