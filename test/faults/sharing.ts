import type { AuthorizedKeysSpec } from "../../src/api/authorizedkeys.generated.ts";
import {
  API_VERSION,
  AUTHORIZED_KEYS_ANNOTATION,
  AUTHORIZED_KEYS_KIND,
  MANAGED_LABEL,
  SECRET_ANNOTATION,
  SHARE_KEYS_ANNOTATION,
} from "../../src/api/names.ts";
import { authorizedKeysPath, namespacePath, secretPath } from "../../src/api/paths.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { NO_OPTION } from "../projection/authorizedkeystruth.ts";
import type { Random } from "../ssh/random.ts";

const NAMES = ["hop", "sftp", "jump", "git"];
/** A Secret for which several AuthorizedKeys may ask. */
const CONTESTED = { secretName: "contested" };
/** A user's Secret is never another's. */
const REFUSED = { secretName: "sshkeys-alice" };
const USERS: readonly (readonly string[])[] = [
  ["alice"],
  ["bob", "alice"],
  ["a*"],
  ["*@example.com", "bob"],
  ["carol@example.com", "Дмитрий"],
];
const OPTIONS = [[], [], [], ["restrict", "pty"], ['command="serve %u"'], [NO_OPTION]];
const LABEL = { team: "a" };
const SELECTING = { namespaceSelector: { matchLabels: LABEL } };

/** Names of the Secrets that AuthorizedKeys of this turmoil ask for, but for those that are users'. */
export const SHARED_SECRETS: readonly string[] = [...NAMES, CONTESTED.secretName];

/** What people do with AuthorizedKeys and with the consent of their namespaces, and others with those Secrets. */
export class Sharing {
  /** Namespaces with AuthorizedKeys. */
  readonly #targets: readonly Tenant[];
  /** Those whose keys are asked for. */
  readonly #sources: readonly Tenant[];

  constructor(targets: readonly Tenant[], sources: readonly Tenant[]) {
    this.#targets = targets;
    this.#sources = sources;
  }

  /** One of these things and its name. */
  choose(random: Random): readonly [name: string, act: () => Promise<void>] {
    const target = random.pick(this.#targets);
    const path = `${authorizedKeysPath(target.namespace)}/${random.pick(NAMES)}`;
    const die = random.below(100);
    if (die < 30) return ["AuthorizedKeys", () => this.#create(target, random)];
    if (die < 35) return ["end of AuthorizedKeys", () => attempt(target, "DELETE", path)];
    if (die < 60)
      return ["edit of AuthorizedKeys", () => attempt(target, "PATCH", path, this.#edit(target, random))];
    if (die < 85) return ["consent", () => this.#consent(random)];
    return ["tampering with a shared Secret", () => this.#tamper(target, random)];
  }

  async #create(target: Tenant, random: Random): Promise<void> {
    const identity = random.pick(["ByNamespace", "ByNamespace", "ByName"] as const);
    const map = this.#map(random, identity);
    const spec: AuthorizedKeysSpec = {
      identity,
      from: this.#from(target, random, identity),
      layout: random.pick(["FilePerLogin", "FilePerLogin", "SingleFile"] as const),
      logins: { rule: random.pick(["User", "LocalPart"] as const), map },
      options: [...random.pick(OPTIONS)],
      ...random.pick([{}, {}, {}, {}, {}, CONTESTED, CONTESTED, REFUSED]),
    };
    await attempt(target, "POST", authorizedKeysPath(target.namespace), {
      apiVersion: API_VERSION,
      kind: AUTHORIZED_KEYS_KIND,
      metadata: { name: random.pick(NAMES) },
      spec,
    });
  }

  /** Some of it the CRD refuses, as it depends on what else the object says. */
  #edit(target: Tenant, random: Random): object {
    const identity = random.pick(["ByNamespace", "ByName"] as const);
    return {
      spec: random.pick<() => object>([
        () => ({ layout: random.pick(["FilePerLogin", "SingleFile"]) }),
        () => ({ layout: random.pick(["FilePerLogin", "SingleFile"]) }),
        () => ({ options: random.pick(OPTIONS) }),
        () => ({ options: random.pick(OPTIONS) }),
        () => ({ from: this.#from(target, random, identity), identity, logins: null }),
        () => ({ from: this.#from(target, random, identity), identity, logins: null }),
        () => ({ logins: { rule: random.pick(["User", "LocalPart"]) } }),
        () => ({ logins: { map: this.#map(random, identity) } }),
      ])(),
    };
  }

  /** With `ByNamespace` all entries but the last name their users, unless it is to be refused. */
  #from({ namespace: own }: Tenant, random: Random, identity: string) {
    const namespaces = [own, ...this.#sources.map(({ namespace }) => namespace)];
    const entries = Array.from({ length: 1 + random.below(3) }, () => {
      const users = random.below(3) === 0 ? undefined : [...random.pick(USERS)];
      const isSelecting = identity === "ByName" && random.below(3) === 0;
      const which = isSelecting ? SELECTING : { namespace: random.pick(namespaces) };
      return { ...which, ...(users === undefined ? {} : { users }) };
    });
    if (identity === "ByName") return entries;
    return entries.map(({ users = [...random.pick(USERS)], ...rest }, index) =>
      index < entries.length - 1 ? { ...rest, users } : rest,
    );
  }

  #map(random: Random, identity: string) {
    if (random.below(2) === 0) return [];
    const namespace = identity === "ByName" ? {} : { namespace: random.pick(this.#sources).namespace };
    return [
      {
        ...namespace,
        user: random.pick(["bob", "carol@example.com", "Дмитрий"]),
        login: random.pick(["root", "alice"]),
      },
    ];
  }

  /** Gives it, narrows it or takes it away. */
  async #consent(random: Random): Promise<void> {
    const source = random.pick(this.#sources);
    const { namespace } = random.pick(this.#targets);
    const shares = random.pick([
      "*",
      "*",
      `nobody, ${namespace}`,
      `${namespace.slice(0, -2)}*`,
      `${namespace.slice(0, -2)}, ^${namespace}$`,
      "",
      null,
    ]);
    const labels = { team: random.pick(["a", "a", null]) };
    const metadata = { labels, annotations: { [SHARE_KEYS_ANNOTATION]: shares } };
    await attempt(source, "PATCH", namespacePath(source.namespace), { metadata });
  }

  async #tamper(target: Tenant, random: Random): Promise<void> {
    const name = random.pick(SHARED_SECRETS);
    const path = secretPath(target.namespace, name);
    const patch = (body: object) => attempt(target, "PATCH", path, body);
    const file = random.pick(["alice", "bob", "authorized_keys", "games", "Not.A.Login"]);
    const { namespace } = random.pick(this.#sources);
    await random.pick([
      () => attempt(target, "DELETE", path),
      () => patch({ stringData: { [file]: `${freshKey()} intruder\n` } }),
      () => patch({ stringData: { [file]: `${freshKey()} ${namespace}/key-${random.below(20)}\n` } }),
      () => patch({ data: { [file]: null } }),
      () => patch({ data: null }),
      () => patch({ metadata: { labels: { [MANAGED_LABEL]: null } } }),
      () => patch({ metadata: { annotations: { [SECRET_ANNOTATION]: "elsewhere/original" } } }),
      () => patch(managed(target.namespace, name)),
      () => patch(managed(target.namespace, name)),
      () => patch({ metadata: { annotations: { [AUTHORIZED_KEYS_ANNOTATION]: random.pick(NAMES) } } }),
    ])();
  }
}

/** Makes a Secret the operator's own again. */
export function managed(namespace: string, name: string): object {
  return {
    metadata: {
      labels: { [MANAGED_LABEL]: "default" },
      annotations: { [SECRET_ANNOTATION]: `${namespace}/${name}` },
    },
  };
}

/** What is not there, is there already or is refused by the CRD is no failure of anybody's. */
export async function attempt(
  { cluster }: Tenant,
  method: "POST" | "PATCH" | "DELETE",
  path: string,
  sent?: object,
): Promise<void> {
  const { status, body } = await cluster.request(method, path, sent);
  if (status >= 300 && ![404, 409, 422].includes(status)) {
    throw new Error(`the API server answers ${status}: ${JSON.stringify(body)}`);
  }
}
