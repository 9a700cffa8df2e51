import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

/** What people open. */
export const PUBLIC_ORIGIN = "https://keys.example.org";

/** A portal before which a proxy on loopback, the test, says who asks. */
export const PEOPLE_CONFIG = `portal:
  publicURL: ${PUBLIC_ORIGIN}/
  oidc: {issuer: "https://127.0.0.1:1/", clientID: portal}
  tokens: {audience: portal}
  proxy: {addresses: [127.0.0.1]}
`;

export interface Sent {
  readonly body?: URLSearchParams | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PeoplePortal extends PortalProcess {
  /** Sends a request as this person; undefined for nobody. Follows no redirect. */
  as(person: string | undefined, method: string, path: string, sent?: Sent): Promise<Response>;
  /** Sends a form of this person's, with its token, as a browser does. */
  submit(
    person: string | undefined,
    path: string,
    fields?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /** A token for this person's forms. */
  formToken(person: string): Promise<string>;
  /** An SSHKey that the portal has seen; gives its name, which is its title, too. */
  keyOf(user: string): Promise<string>;
}

export async function startPeoplePortal(
  cluster: Cluster,
  tenant: Tenant,
  config = PEOPLE_CONFIG,
  kubeconfig = cluster.controlPlane.kubeconfig,
): Promise<PeoplePortal> {
  const portal = await startPortal({ kubeconfig, namespace: tenant.namespace, config });
  let keys = 0;
  const as: PeoplePortal["as"] = async (person, method, path, { body, headers = {} } = {}) =>
    await fetch(new URL(path, portal.url), {
      method,
      redirect: "manual",
      headers: { ...(person === undefined ? {} : { "x-forwarded-user": person }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  const formToken = async (person: string) => {
    const page = await (await as(person, "GET", "/keys/new")).text();
    return /name="csrf" value="([^"]*)"/.exec(page)?.[1] ?? "";
  };
  return {
    ...portal,
    as,
    formToken,
    async submit(person, path, fields = {}) {
      const csrf = person === undefined ? "" : await formToken(person);
      const headers = { origin: PUBLIC_ORIGIN, "sec-fetch-site": "same-origin" };
      return await as(person, "POST", path, { body: new URLSearchParams({ csrf, ...fields }), headers });
    },
    async keyOf(user) {
      keys += 1;
      const name = `key-${keys}`;
      await tenant.create(name, { user, key: freshKey(), title: name });
      await eventually("the portal has seen it", async () => (await as(user, "GET", `/keys/${name}`)).ok);
      return name;
    },
  };
}

/** Lets a user do this with the SSHKeys of everybody in the namespace. */
export async function grant(cluster: Cluster, namespace: string, user: string, verbs: string): Promise<void> {
  const commands = [
    ["create", "role", user, "-n", namespace, `--verb=${verbs}`, "--resource=sshkeys.sshkey-operator.dev"],
    ["create", "rolebinding", user, "-n", namespace, `--role=${user}`, `--user=${user}`],
  ];
  for (const command of commands) {
    const { code, stderr } = await cluster.kubectl(command);
    if (code !== 0) throw new Error(stderr);
  }
}
