import type { Cluster } from "../../cluster/cluster.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { Tenant } from "../../operator/tenant.ts";
import { flatKubeconfig } from "../flatkubeconfig.ts";
import type { Shape } from "./whoami.ts";

export type KubeconfigShape = readonly [what: string, make: (parts: KubeconfigParts) => Shape];

/** Two people who may do nothing, and one who may do everything. */
type Person = "alice" | "bob" | "admin";

/** What kubeconfigs of one API server are made of. */
export class KubeconfigParts {
  readonly server: string;
  /** In base64. */
  readonly ca: string;
  readonly tokens: Readonly<Record<Person, string>>;
  /** A namespace with one SSHKey. */
  readonly namespace: string;

  private constructor(o: Pick<KubeconfigParts, "server" | "ca" | "tokens" | "namespace">) {
    this.server = o.server;
    this.ca = o.ca;
    this.tokens = o.tokens;
    this.namespace = o.namespace;
  }

  static async of(cluster: Cluster): Promise<KubeconfigParts> {
    const tenant = new Tenant(cluster, await cluster.namespace());
    await tenant.create("laptop", { user: "alice", key: freshKey() });
    const tokenOf = async (name: string) => {
      const accounts = `/api/v1/namespaces/${tenant.namespace}/serviceaccounts`;
      await tenant.send("POST", accounts, { metadata: { name } });
      const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
      const answer = await tenant.send("POST", `${accounts}/${name}/token`, request);
      return (answer as { status: { token: string } }).status.token;
    };
    const { clusters, users } = await flatKubeconfig(cluster);
    return new KubeconfigParts({
      server: clusters[0]?.cluster.server ?? "",
      ca: clusters[0]?.cluster["certificate-authority-data"] ?? "",
      tokens: {
        admin: users[0]?.user.token ?? "",
        alice: await tokenOf("alice"),
        bob: await tokenOf("bob"),
      },
      namespace: tenant.namespace,
    });
  }

  clusterPart(name = "here", more: object = {}) {
    const { server, ca } = this;
    return { name, cluster: { server, "certificate-authority-data": ca, ...more } };
  }

  userPart(person: Person, more: object = {}) {
    return { name: person, user: { token: this.tokens[person], ...more } };
  }

  contextPart(name: string, user: string, more: object = {}) {
    return { name, context: { cluster: "here", user, ...more } };
  }

  /** A whole kubeconfig of one person. */
  config(person: Person, more: object = {}) {
    return {
      clusters: [this.clusterPart()],
      users: [this.userPart(person)],
      contexts: [this.contextPart("mine", person)],
      "current-context": "mine",
      ...more,
    };
  }

  /** The three people, each in a context of their own name; none is the current one. */
  everybody(more: object = {}) {
    const people: readonly Person[] = ["alice", "bob", "admin"];
    return {
      clusters: [this.clusterPart(), { name: "gone", cluster: { server: "https://127.0.0.1:1" } }],
      users: people.map((person) => this.userPart(person)),
      contexts: [
        ...people.map((person) => this.contextPart(person, person, { namespace: this.namespace })),
        { name: "gone", context: { cluster: "gone", user: "alice" } },
      ],
      ...more,
    };
  }
}
