import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { Credentials } from "../../src/kube/credentials.ts";
import { Transport } from "../../src/kube/transport.ts";
import { keyStatusPath, keysPath, METADATA_ONLY, secretsPath } from "../../src/operator/paths.ts";
import { freshKey } from "../operator/publickeys.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";

type Sees = (key: SSHKey) => boolean;

/** A user with connections of their own, who times how long a new SSHKey takes by watching it. */
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
    const path = keysPath(tenant.namespace);
    const { metadata } = await bystander.#transport.request<{ metadata: { resourceVersion: string } }>({
      method: "GET",
      path,
    });
    bystander.#watching = bystander.#watch(metadata.resourceVersion);
    return bystander;
  }

  /** From sending a new SSHKey to seeing it Projected by the operator, in ms. */
  async served(): Promise<number> {
    const started = performance.now();
    await this.#create((key) => stateOf(key.status) === "Projected");
    return performance.now() - started;
  }

  /**
   * The same where no operator serves, each of its steps done from here: what of it is the API server's time. Sees the
   * SSHKey in a watch, creates the Secret, writes the status, and sees that; in ms.
   */
  async unserved(): Promise<number> {
    const started = performance.now();
    const key = await this.#create(() => true);
    const { name = "", resourceVersion } = key.metadata;
    await this.#transport.request({
      method: "POST",
      path: secretsPath(this.#namespace),
      accept: METADATA_ONLY,
      body: { metadata: { name }, stringData: { authorized_keys: `${key.spec.key} ${name}\n` } },
    });
    const seen = this.#seen((each) => each.metadata.name === name && stateOf(each.status) === "Projected");
    await this.#transport.request({
      method: "PATCH",
      path: keyStatusPath(this.#namespace, name),
      query: { fieldManager: "bystander", force: "true" },
      contentType: "application/apply-patch+yaml",
      accept: METADATA_ONLY,
      body: { ...SSHKEY, metadata: { name, resourceVersion }, status: PROJECTED },
    });
    await seen;
    return performance.now() - started;
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#transport.close();
    this.#credentials.close();
  }

  /** Creates an SSHKey, and gives it back when the watch shows one of its name that is as wanted. */
  async #create(sees: Sees): Promise<SSHKey> {
    this.#made += 1;
    const name = `sample-${this.#made}`;
    const seen = this.#seen((key) => key.metadata.name === name && sees(key));
    await this.#transport.request({
      method: "POST",
      path: keysPath(this.#namespace),
      body: {
        ...SSHKEY,
        metadata: { name },
        spec: { user: name, key: freshKey() },
      },
    });
    return await seen;
  }

  #seen(sees: Sees): Promise<SSHKey> {
    const { promise, resolve } = Promise.withResolvers<SSHKey>();
    const look = (key: SSHKey) => {
      if (!sees(key)) return;
      this.#waiting.delete(look);
      resolve(key);
    };
    this.#waiting.add(look);
    return promise;
  }

  async #watch(resourceVersion: string): Promise<void> {
    const path = keysPath(this.#namespace);
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

const SSHKEY = { apiVersion: "sshkey-operator.dev/v1alpha1", kind: "SSHKey" };

const lastTransitionTime = "2026-01-02T03:04:05Z";

/** Of the size that the operator writes. */
const PROJECTED = {
  observedGeneration: 1,
  type: "ssh-ed25519",
  length: 256,
  fingerprint: `SHA256:${"A".repeat(43)}`,
  fingerprintMD5: "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
  secretName: "sshkeys-sample",
  claimedSince: lastTransitionTime,
  conditions: ["Valid", "Unique", "Projected", "Ready"].map((type) => ({
    type,
    status: "True",
    reason: "Projected",
    message: "The key is in the Secret.",
    observedGeneration: 1,
    lastTransitionTime,
  })),
};
