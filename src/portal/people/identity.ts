import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import type { PortalSettings, ProxySettings } from "../../config/portalsettings.ts";
import { isFromOwnPage, ownOrigin } from "./ownpage.ts";
import { asGroups, asUser, type Person, Refused } from "./person.ts";
import type { Sessions } from "./sessions.ts";
import { type Tokens, tokenIn } from "./tokens.ts";

export interface IdentityOptions {
  readonly settings: PortalSettings;
  /** Where people's keys are. */
  readonly namespace: string;
  readonly sessions: Sessions;
  /** Undefined: bearer tokens count for nothing. */
  readonly tokens: Tokens | undefined;
  /** Everybody is this person. */
  readonly insecure: Person | undefined;
}

const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Who sends a request. */
export class Identity {
  readonly #o: IdentityOptions;
  readonly #proxies: BlockList | undefined;

  constructor(options: IdentityOptions) {
    this.#o = options;
    this.#proxies = options.settings.proxy && addresses(options.settings.proxy);
  }

  /** Of a page: a session, or what a proxy says. Undefined for nobody; throws a Refused for whoever cannot be let in. */
  async ofPage(request: FastifyRequest): Promise<Person | undefined> {
    return this.#o.insecure ?? this.#byProxy(request) ?? (await this.#bySession(request));
  }

  /** One that names a namespace of before a change of the configuration, or of another portal with the same keys, is over. */
  async #bySession(request: FastifyRequest): Promise<Person | undefined> {
    const { sessions, settings, namespace } = this.#o;
    const person = await sessions.person(request);
    const namespaces = settings.namespaceClaim === undefined ? [namespace] : settings.namespaces;
    return person && namespaces.includes(person.namespace) ? person : undefined;
  }

  /** Of the REST API: a token, or what a proxy says; never a session, which other sites could make use of. */
  async ofProgram(request: FastifyRequest): Promise<Person | undefined> {
    const person = this.#o.insecure ?? this.#byProxy(request);
    if (person === undefined) return await this.#byToken(request);
    // A proxy, and loopback, let in whatever a browser sends, also what a page of another site made it send.
    const own = ownOrigin(request, this.#o.settings.publicURL);
    if (!READING.has(request.method) && !isFromOwnPage(request, own))
      throw new Refused("this request was made by a page of another site: nothing was changed");
    return person;
  }

  /** Does it bring a token that was good when it was last looked at? */
  hasGoodToken({ headers }: FastifyRequest): boolean {
    const token = tokenIn(headers.authorization);
    return token !== undefined && this.#o.tokens?.wasGood(token) === true;
  }

  async #byToken({ headers }: FastifyRequest): Promise<Person | undefined> {
    const { tokens, settings } = this.#o;
    const token = tokens && tokenIn(headers.authorization);
    if (token === undefined) return undefined;
    const owner = await tokens?.ownerOf(token);
    if (owner === undefined) return undefined;
    const { usernamePrefix, groupsPrefix } = settings;
    if (!owner.username.startsWith(usernamePrefix) || owner.username.startsWith("system:"))
      throw new Refused("this token is no person's: sign in as a person");
    return {
      user: asUser(owner.username.slice(usernamePrefix.length)),
      groups: asGroups(
        owner.groups.flatMap((name) =>
          name.startsWith(groupsPrefix) ? [name.slice(groupsPrefix.length)] : [],
        ),
      ),
      namespace: this.#onlyNamespace("a token"),
      signedInBy: "token",
    };
  }

  #byProxy({ socket, raw }: FastifyRequest): Person | undefined {
    const { settings } = this.#o;
    const { remoteAddress = "" } = socket;
    if (settings.proxy === undefined || !this.#isProxy(remoteAddress)) return undefined;
    const { userHeader, groupsHeader } = settings.proxy;
    const user = only(raw, userHeader);
    if (user === "") return undefined;
    return {
      user: asUser(user),
      groups: asGroups(
        only(raw, groupsHeader)
          .split(",")
          .map((name) => name.trim()),
      ),
      namespace: this.#onlyNamespace("the proxy"),
      signedInBy: "proxy",
    };
  }

  /** Where a claim names a person's namespace, whoever comes without one would be in that of others. */
  #onlyNamespace(way: string): string {
    const { settings, namespace } = this.#o;
    const { namespaceClaim } = settings;
    if (namespaceClaim === undefined) return namespace;
    throw new Refused(
      `the claim ${namespaceClaim} names the namespace of a person here, and ${way} has no claims: sign in on the pages`,
    );
  }

  #isProxy(address: string): boolean {
    const family = isIP(address);
    // It knows the IPv4 client of an IPv6 socket, and of a link-local address leaves the zone aside.
    return family !== 0 && this.#proxies?.check(address, family === 6 ? "ipv6" : "ipv4") === true;
  }
}

function addresses({ addresses: listed }: ProxySettings): BlockList {
  const list = new BlockList();
  for (const item of listed) {
    const [address = "", prefix] = item.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/** The header's value. One that is there twice may be the proxy's word beside the client's own, and nobody knows which is which. */
function only({ headersDistinct }: IncomingMessage, name: string): string {
  const [value = "", ...others] = headersDistinct[name] ?? [];
  if (others.length > 0)
    throw new Refused(
      `the proxy before this portal has sent ${name} more than once: ask your administrator to let it replace what clients send`,
    );
  try {
    // Node reads headers as Latin-1.
    return UTF8.decode(Buffer.from(value, "latin1"));
  } catch {
    // Else all that is none becomes one character, and two names become one person.
    throw new Refused(
      `the proxy before this portal has sent ${name} in another encoding than UTF-8: ask your administrator to let it send UTF-8`,
    );
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
