import type {
  AuthorizedKeys,
  AuthorizedKeysSpec,
  AuthorizedKeysStatus,
} from "../../../src/api/authorizedkeys.generated.ts";
import { API_VERSION, AUTHORIZED_KEYS_KIND, SHARE_KEYS_ANNOTATION } from "../../../src/api/names.ts";
import type { AuthorizedKeysState } from "../../../src/api/omissions.ts";
import { authorizedKeysPath, namespacePath } from "../../../src/api/paths.ts";
import { eventually } from "../../cluster/eventually.ts";
import { DEADLINE_MS, type PlainSecret, type Tenant } from "../tenant.ts";

/** What people of one namespace do with AuthorizedKeys, and see of them. */
export class Bastion {
  readonly tenant: Tenant;

  constructor(tenant: Tenant) {
    this.tenant = tenant;
  }

  async create(name: string, spec: AuthorizedKeysSpec): Promise<void> {
    const object = { apiVersion: API_VERSION, kind: AUTHORIZED_KEYS_KIND, metadata: { name }, spec };
    await this.tenant.send("POST", authorizedKeysPath(this.tenant.namespace), object);
  }

  async edit(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.tenant.send("PATCH", this.#path(name), { spec });
  }

  async editMetadata(name: string, metadata: Readonly<Record<string, unknown>>): Promise<void> {
    await this.tenant.send("PATCH", this.#path(name), { metadata });
  }

  async remove(name: string): Promise<void> {
    await this.tenant.send("DELETE", this.#path(name));
  }

  async read(name: string): Promise<AuthorizedKeys> {
    return (await this.tenant.send("GET", this.#path(name))) as AuthorizedKeys;
  }

  /** Waits until the status has this STATE, speaks of the present spec, and is so. */
  async until(
    name: string,
    state: AuthorizedKeysState,
    holds: (status: AuthorizedKeysStatus) => boolean = () => true,
  ): Promise<AuthorizedKeysStatus> {
    return await eventually(
      `AuthorizedKeys ${name} is ${state}`,
      async () => {
        const { metadata, status = {} } = await this.read(name);
        const ready = status.conditions?.find(({ type }) => type === "Ready");
        const isCurrent = status.observedGeneration === metadata.generation;
        if (isCurrent && ready?.reason === state && holds(status)) return status;
        throw new Error(`it is ${isCurrent ? "" : "not "}of the present spec: ${JSON.stringify(status)}`);
      },
      DEADLINE_MS,
    );
  }

  /** Waits until the Secret has exactly these data keys with these lines. */
  async untilFiles(
    secret: string,
    files: Readonly<Record<string, readonly string[]>>,
    deadlineMs = DEADLINE_MS,
  ): Promise<PlainSecret> {
    const wanted = Object.fromEntries(
      Object.entries(files).map(([dataKey, lines]) => [dataKey, lines.map((line) => `${line}\n`).join("")]),
    );
    return await eventually(
      `Secret ${secret} has ${Object.keys(files).length} files`,
      async () => {
        const found = await this.tenant.secret(secret);
        if (found !== undefined && isSame(found.data, wanted)) return found;
        throw new Error(`it holds ${JSON.stringify(found?.data)} and should hold ${JSON.stringify(wanted)}`);
      },
      deadlineMs,
    );
  }

  #path(name: string): string {
    return `${authorizedKeysPath(this.tenant.namespace)}/${name}`;
  }
}

/** Sets the annotation by which a namespace shares its keys; undefined takes it away. */
export async function share(source: Tenant, shareWith: string | undefined): Promise<void> {
  await annotate(source, { [SHARE_KEYS_ANNOTATION]: shareWith ?? null });
}

export async function annotate(
  tenant: Tenant,
  annotations: Readonly<Record<string, string | null>>,
): Promise<void> {
  await editNamespace(tenant, { annotations });
}

/** Edits the Namespace object itself. */
export async function editNamespace({ namespace, cluster }: Tenant, metadata: object): Promise<void> {
  const { status, body } = await cluster.request("PATCH", namespacePath(namespace), { metadata });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return (
    Object.keys(a).length === Object.keys(b).length &&
    Object.entries(a).every(([dataKey, file]) => b[dataKey] === file)
  );
}

/** What the condition Ready says. */
export function messageOf({ conditions = [] }: AuthorizedKeysStatus): string {
  return conditions.find(({ type }) => type === "Ready")?.message ?? "";
}
