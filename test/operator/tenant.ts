import { API_VERSION, KIND } from "../../src/api/names.ts";
import {
  managedSelector,
  secretPath,
  secretsPath,
  sshKeyStatusPath,
  sshKeysPath,
} from "../../src/api/paths.ts";
import type { SSHKey, SSHKeySpec, SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import type { State } from "../../src/api/states.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";

/** How long anything may take before a test fails; what is waited for mostly comes within milliseconds. */
export const DEADLINE_MS = 180_000;

/** A Secret with its data decoded. */
export interface PlainSecret {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly unknown[];
    readonly finalizers?: readonly string[];
  };
  readonly data: Readonly<Record<string, string>>;
}

/** What people of one namespace do with their SSHKeys and see of them. */
export class Tenant {
  readonly cluster: Cluster;
  readonly namespace: string;

  constructor(cluster: Cluster, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
  }

  /** Creates the SSHKey; fails the test when the API server refuses it. */
  async create(name: string, spec: SSHKeySpec): Promise<SSHKey> {
    const object = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec };
    return (await this.send("POST", sshKeysPath(this.namespace), object)) as SSHKey;
  }

  /** Waits until an SSHKey that is made now is younger than every other: creation times are whole seconds. */
  async untilYounger(): Promise<void> {
    const now = Math.floor(Date.now() / 1000);
    await eventually("the next second", () => Math.floor(Date.now() / 1000) > now);
  }

  /** Merge-patches the spec; null removes a field. */
  async edit(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.send("PATCH", this.#path(name), { spec });
  }

  async label(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.send("PATCH", this.#path(name), { metadata: { labels } });
  }

  async editStatus(name: string, status: object): Promise<void> {
    await this.send("PATCH", sshKeyStatusPath(this.namespace, name), { status });
  }

  async remove(name: string): Promise<void> {
    await this.send("DELETE", this.#path(name));
  }

  async read(name: string): Promise<SSHKey> {
    return (await this.send("GET", this.#path(name))) as SSHKey;
  }

  async list(): Promise<readonly SSHKey[]> {
    return ((await this.send("GET", sshKeysPath(this.namespace))) as { items: SSHKey[] }).items;
  }

  /** Waits until the status has this STATE and speaks of the present spec. */
  async until(name: string, state: State, holds: (status: SSHKeyStatus) => boolean = () => true) {
    return await eventually(
      `SSHKey ${name} is ${state}`,
      async () => {
        const { metadata, status = {} } = await this.read(name);
        const isCurrent = status.observedGeneration === metadata?.generation;
        const found = stateOf(status);
        if (isCurrent && found === state && holds(status)) return status;
        throw new Error(
          `it is ${found}, ${isCurrent ? "" : "not "}of the present spec: ${readyOf(status)?.message}`,
        );
      },
      DEADLINE_MS,
    );
  }

  /** Waits until the Secret's authorized_keys is exactly these lines. */
  async untilFile(secret: string, lines: readonly string[]): Promise<PlainSecret> {
    const file = lines.map((line) => `${line}\n`).join("");
    return await eventually(
      `Secret ${secret} holds ${lines.length} lines`,
      async () => {
        const found = await this.secret(secret);
        if (found?.data.authorized_keys === file) return found;
        throw new Error(`it holds ${JSON.stringify(found?.data)}`);
      },
      DEADLINE_MS,
    );
  }

  async secret(name: string): Promise<PlainSecret | undefined> {
    const { status, body } = await this.cluster.request("GET", secretPath(this.namespace, name));
    if (status === 404) return undefined;
    return plain(body as PlainSecret);
  }

  /** The managed Secrets of the namespace by name. */
  async secrets(): Promise<readonly PlainSecret[]> {
    const path = `${secretsPath(this.namespace)}?labelSelector=${encodeURIComponent(managedSelector("default"))}`;
    return ((await this.send("GET", path)) as { items: PlainSecret[] }).items.map(plain);
  }

  async buildCreate(name: string, data: Readonly<Record<string, string>>, rest: object = {}): Promise<void> {
    await this.send("POST", secretsPath(this.namespace), { metadata: { name }, stringData: data, ...rest });
  }

  async editSecret(name: string, patch: object): Promise<void> {
    await this.send("PATCH", secretPath(this.namespace, name), patch);
  }

  async removeSecret(name: string): Promise<void> {
    await this.send("DELETE", secretPath(this.namespace, name));
  }

  /** The line that an accepted key makes in a file. */
  line(name: string, key: string, options = ""): string {
    const [type, base64] = key.split(" ");
    return `${options === "" ? "" : `${options} `}${type} ${base64} ${this.namespace}/${name}`;
  }

  /** The body of a success; anything else fails the test. */
  async send(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body?: object,
  ): Promise<unknown> {
    const answer = await this.cluster.request(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  #path(name: string): string {
    return `${sshKeysPath(this.namespace)}/${name}`;
  }
}

export function readyOf(status: SSHKeyStatus | undefined) {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

export function stateOf(status: SSHKeyStatus | undefined): string {
  return readyOf(status)?.reason ?? "";
}

function plain(secret: PlainSecret): PlainSecret {
  const data = Object.entries(secret.data ?? {});
  return {
    ...secret,
    data: Object.fromEntries(
      data.map(([name, value]) => [name, Buffer.from(value, "base64").toString("utf8")]),
    ),
  };
}
