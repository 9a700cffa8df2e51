import { API_VERSION, KIND } from "../../src/api/names.ts";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { Credentials } from "../../src/kube/credentials.ts";
import { Transport } from "../../src/kube/transport.ts";
import { freshKey } from "../operator/publickeys.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../operator/tenant.ts";

type Sees = (key: SSHKey) => boolean;

/** A user with connections of their own, who makes new SSHKeys and watches what becomes of them. */
export class Bystander {
  readonly #namespace: string;
  readonly #credentials: Credentials;
  readonly #transport: Transport;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<(key: SSHKey) => void>();
  #watching: Promise<void> = Promise.resolve();
  #made = 0;

  private constructor(tenant: Tenant) {
    this.#namespace = tenant.namespace;
    this.#credentials = new Credentials({ kubeconfig: tenant.cluster.controlPlane.kubeconfig });
    this.#transport = new Transport({ credentials: this.#credentials, userAgent: "bystander" });
  }

  /** Watches the SSHKeys of the tenant's namespace from now on. */
  static async arrive(tenant: Tenant): Promise<Bystander> {
    const bystander = new Bystander(tenant);
    const path = sshKeysPath(tenant.namespace);
    const { metadata } = await bystander.#transport.request<{ metadata: { resourceVersion: string } }>({
      method: "GET",
      path,
    });
    bystander.#watching = bystander.#watch(metadata.resourceVersion);
    return bystander;
  }

  /** Waits until a new SSHKey is seen to be Projected, and gives its name. */
  async served(): Promise<string> {
    this.#made += 1;
    const name = `sample-${this.#made}`;
    const seen = this.#seen((key) => key.metadata.name === name && stateOf(key.status) === "Projected");
    await this.#transport.request({
      method: "POST",
      path: sshKeysPath(this.#namespace),
      body: {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name },
        spec: { user: name, key: freshKey() },
      },
      deadlineMs: DEADLINE_MS,
    });
    await seen;
    return name;
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#transport.close();
    this.#credentials.close();
  }

  #seen(sees: Sees): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (key: SSHKey) => {
      if (!sees(key)) return;
      this.#waiting.delete(look);
      resolve();
    };
    this.#waiting.add(look);
    return promise;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const path = sshKeysPath(this.#namespace);
    const query = { watch: "1", resourceVersion };
    try {
      const call = { method: "GET", path, query, signal: this.#stop.signal } as const;
      for await (const line of this.#transport.stream(call, { idleMs: 600_000 })) {
        const { object } = JSON.parse(line) as { object: SSHKey };
        for (const look of this.#waiting) look(object);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}
