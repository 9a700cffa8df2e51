import { isIP } from "node:net";
import type { Node } from "yaml";
import type { FieldReader } from "./fieldreader.ts";
import {
  DEFAULT_PORTAL_SETTINGS,
  FOREMAN_GENERATIONS,
  type OIDCSettings,
  type PortalSettings,
  type ProxySettings,
} from "./portalsettings.ts";

/** The section `portal` of the configuration file. Throws a ConfigError that names the line. */
export function portalSettings(reader: FieldReader, node: Node | null, name: string): PortalSettings {
  let settings = DEFAULT_PORTAL_SETTINGS;
  const set = (part: Partial<PortalSettings>) => {
    settings = { ...settings, ...part };
  };
  reader.fields(node, name, {
    publicURL: (n, at) => set({ publicURL: publicURL(reader, n, at) }),
    oidc: (n, at) => set({ oidc: oidcSettings(reader, n, at) }),
    tokens: (n, at) => {
      reader.fields(n, at, { audience: (a, of) => set({ tokens: { audience: word(reader, a, of) } }) });
      if (settings.tokens === undefined)
        reader.fail(n, `${at} needs audience: what a token must be good for`);
    },
    proxy: (n, at) => set({ proxy: proxySettings(reader, n, at) }),
    trustedProxies: (n, at) => set({ trustedProxies: addresses(reader, n, at) }),
    groups: (n, at) => set({ groups: reader.texts(n, at, GROUP, GROUP_RULE) }),
    usernamePrefix: (n, at) => set({ usernamePrefix: prefix(reader, n, at) }),
    groupsPrefix: (n, at) => set({ groupsPrefix: prefix(reader, n, at) }),
    namespaceClaim: (n, at) => set({ namespaceClaim: word(reader, n, at) }),
    namespaces: (n, at) => set({ namespaces: reader.texts(n, at, NAMESPACE, "the name of a namespace") }),
    session: (n, at) =>
      reader.fields(n, at, {
        keysFolder: (k, of) => set({ session: { ...settings.session, keysFolder: reader.path(k, of) } }),
        lifetime: (k, of) => set({ session: { ...settings.session, lifetime: lifetime(reader, k, of) } }),
      }),
    usedBy: (n, at) => set({ usedBy: reader.boolean(n, at) }),
    usedByNamespaces: (n, at) => set({ usedByNamespaces: targetNamespaces(reader, n, at) }),
    foreman: (n, at) =>
      reader.fields(n, at, {
        generation: (g, of) => set({ foreman: { generation: reader.oneOf(g, of, FOREMAN_GENERATIONS) } }),
      }),
  });
  if (settings.namespaceClaim !== undefined && settings.namespaces.length === 0)
    reader.fail(node, "namespaceClaim needs namespaces: list those that the claim may name");
  if (settings.oidc !== undefined && settings.publicURL === undefined)
    reader.fail(
      node,
      "oidc needs publicURL: the address that people open, such as https://keys.example.com/",
    );
  if (settings.proxy !== undefined && settings.publicURL === undefined)
    reader.fail(
      node,
      "proxy needs publicURL: the address that people open, such as https://keys.example.com/",
    );
  return settings;
}

function oidcSettings(reader: FieldReader, node: Node | null, name: string): OIDCSettings {
  let issuer: string | undefined;
  let clientID: string | undefined;
  let rest: Omit<OIDCSettings, "issuer" | "clientID"> = {
    clientSecretFile: undefined,
    caFile: undefined,
    scopes: ["openid", "profile", "email"],
    userClaim: "sub",
    groupsClaim: "groups",
  };
  const set = (part: Partial<typeof rest>) => {
    rest = { ...rest, ...part };
  };
  reader.fields(node, name, {
    issuer: (n, at) => {
      issuer = reader.text(
        n,
        at,
        ISSUER,
        "the issuer's https address (http on loopback alone), without a query, as its metadata spells it",
      );
    },
    clientID: (n, at) => {
      clientID = word(reader, n, at);
    },
    clientSecretFile: (n, at) => set({ clientSecretFile: reader.path(n, at) }),
    caFile: (n, at) => set({ caFile: reader.path(n, at) }),
    scopes: (n, at) => set({ scopes: reader.texts(n, at, SCOPE, "a scope such as groups") }),
    userClaim: (n, at) => set({ userClaim: word(reader, n, at) }),
    groupsClaim: (n, at) => set({ groupsClaim: word(reader, n, at) }),
  });
  if (issuer === undefined || clientID === undefined) reader.fail(node, `${name} needs issuer and clientID`);
  if (!rest.scopes.includes("openid")) reader.fail(node, "scopes must hold openid");
  return { issuer, clientID, ...rest };
}

function proxySettings(reader: FieldReader, node: Node | null, name: string): ProxySettings {
  let settings: ProxySettings = {
    addresses: [],
    userHeader: "x-forwarded-user",
    groupsHeader: "x-forwarded-groups",
  };
  const header = (n: Node | null, at: string) =>
    reader.text(n, at, /^[A-Za-z][A-Za-z0-9-]{0,63}$/, "the name of a header").toLowerCase();
  reader.fields(node, name, {
    addresses: (n, at) => {
      settings = { ...settings, addresses: addresses(reader, n, at) };
    },
    userHeader: (n, at) => {
      settings = { ...settings, userHeader: header(n, at) };
    },
    groupsHeader: (n, at) => {
      settings = { ...settings, groupsHeader: header(n, at) };
    },
  });
  if (settings.addresses.length === 0)
    reader.fail(node, `${name} needs addresses: only from there do its headers count`);
  return settings;
}

/** Each is a question and a list when somebody looks at a key. */
const MOST_TARGET_NAMESPACES = 32;

function targetNamespaces(reader: FieldReader, node: Node | null, name: string): readonly string[] {
  const listed = reader.texts(node, name, NAMESPACE, "the name of a namespace");
  if (listed.length > MOST_TARGET_NAMESPACES)
    reader.fail(node, `${name} takes at most ${MOST_TARGET_NAMESPACES} namespaces`);
  return listed;
}

function addresses(reader: FieldReader, node: Node | null, name: string): readonly string[] {
  const rule = "an address or range such as 10.0.0.0/8";
  const listed = reader.texts(node, name, ADDRESS, rule);
  const wrong = listed.find((item) => {
    const [address = "", prefix = "0"] = item.split("/");
    const family = isIP(address);
    return family === 0 || Number(prefix) > (family === 6 ? 128 : 32);
  });
  return wrong === undefined ? listed : reader.fail(node, `${name}: ${wrong} must be ${rule}`);
}

function publicURL(reader: FieldReader, node: Node | null, name: string): URL {
  const rule =
    "the https address that people open (http on loopback alone), ending in /, such as https://keys.example.com/";
  const text = reader.text(node, name, PUBLIC_URL, rule);
  return URL.canParse(text) ? new URL(text) : reader.fail(node, `${name} must be ${rule}`);
}

function lifetime(reader: FieldReader, node: Node | null, name: string): number {
  const time = reader.duration(node, name);
  const [least, most] = [60_000, 30 * 24 * 60 * 60 * 1000];
  return time >= least && time <= most ? time : reader.fail(node, `${name} must be between 1m and 30d`);
}

function prefix(reader: FieldReader, node: Node | null, name: string): string {
  return reader.text(
    node,
    name,
    /^(?!system:)[!-~]{0,512}$/,
    "up to 512 printable characters that are not system:",
  );
}

function word(reader: FieldReader, node: Node | null, name: string): string {
  return reader.text(node, name, /^[!-~]{1,253}$/, "1 to 253 printable characters without spaces");
}

/** What goes over the network goes by https. Loopback does not, and browsers trust it without. */
const PUBLIC_URL = /^(?:https:\/\/|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?=[:/]))[^?#@]{0,500}\/$/;
const ISSUER =
  /^(?:https:\/\/(?=[^/])|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?=[:/]|$))[^?#@\s]{0,500}$/;
const SCOPE = /^[!#-[\]-~]{1,100}$/;
const ADDRESS = /^[0-9a-fA-F:.]{2,45}(?:\/[0-9]{1,3})?$/;
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const GROUP = /^(?!system:).{1,253}$/u;
const GROUP_RULE = "the name of a group, which never begins with system:";
