import {
  type DesiredSecret,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  readSecret,
  type SecretObject,
  type SecretRecord,
  type SecretWrite,
} from "../keyring/secret.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import {
  FIELD_MANAGER,
  MANAGED_SELECTOR,
  MERGE_PATCH,
  METADATA_ONLY,
  secretPath,
  secretsPath,
} from "./api.ts";
import type { LeaderTransport } from "./leadertransport.ts";

export type SecretOutcome =
  | { readonly kind: "written"; readonly secret: SecretRecord }
  | {
      readonly kind: "collected";
      readonly namespace: string;
      readonly name: string;
      readonly resourceVersion: string;
    }
  /** The Secret cannot be written until a person acts. */
  | { readonly kind: "conflict"; readonly message: string }
  /** Nothing is left to be done here. */
  | { readonly kind: "namespaceGone" };

/**
 * Writes managed Secrets. Creation never overwrites, every other write carries the UID and the resourceVersion
 * that the decision was made on, so that nothing foreign, resurrected or newer is ever touched.
 *
 * A merge patch and not server-side apply: it can take out data that another field manager put in.
 */
export class SecretWriter {
  readonly #transport: LeaderTransport;
  #sending = 0;

  constructor(transport: LeaderTransport) {
    this.#transport = transport;
  }

  /** How many Secrets are being written at the moment. */
  get sending(): number {
    return this.#sending;
  }

  /** Sends a write of the desired Secret. Throws ApiError for what another attempt may mend. */
  async send(write: SecretWrite, desired: DesiredSecret, signal: AbortSignal): Promise<SecretOutcome> {
    this.#sending += 1;
    try {
      return await this.#send(write, desired, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return await this.#explain(error, write, desired, signal);
    } finally {
      this.#sending -= 1;
    }
  }

  /**
   * The managed Secret of this name as it is now, or the resourceVersion as of which there is none. A list, since a
   * read by name would show the data of a Secret that is not the operator's own.
   */
  async read(namespace: string, name: string, signal: AbortSignal): Promise<SecretObject | string> {
    const query = { labelSelector: MANAGED_SELECTOR, fieldSelector: `metadata.name=${name}` };
    const { items, metadata } = await this.#transport.request<SecretList>({
      method: "GET",
      path: secretsPath(namespace),
      query,
      signal,
    });
    const [secret] = items;
    return secret ?? metadata.resourceVersion;
  }

  async #send(
    write: SecretWrite,
    { namespace, name }: DesiredSecret,
    signal: AbortSignal,
  ): Promise<SecretOutcome> {
    const query = { fieldManager: FIELD_MANAGER };
    switch (write.kind) {
      case "create": {
        const path = secretsPath(namespace);
        const call = { method: "POST", path, query, body: write.object, signal } as const;
        return { kind: "written", secret: readSecret(await this.#transport.request<SecretObject>(call)) };
      }
      case "update": {
        const path = secretPath(namespace, name);
        const contentType = MERGE_PATCH;
        const call = { method: "PATCH", path, query, body: write.patch, contentType, signal } as const;
        return { kind: "written", secret: readSecret(await this.#transport.request<SecretObject>(call)) };
      }
      case "collect": {
        const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: write.preconditions };
        await this.#transport.request({ method: "DELETE", path: secretPath(namespace, name), body, signal });
        return { kind: "collected", namespace, name, resourceVersion: write.preconditions.resourceVersion };
      }
    }
  }

  /** What a refused write means; throws the error again if another attempt may mend it. */
  async #explain(
    error: ApiError,
    write: SecretWrite,
    desired: DesiredSecret,
    signal: AbortSignal,
  ): Promise<SecretOutcome> {
    const { namespace, name } = desired;
    if (error.causes.some((cause) => cause.reason === "NamespaceTerminating"))
      return { kind: "namespaceGone" };
    if (write.kind === "collect") throw error;
    if (write.kind === "create" && error.code === "NotFound") return { kind: "namespaceGone" };
    if (write.kind === "create" && error.code === "AlreadyExists") {
      // Our own, not yet seen by the watch, is worth another attempt; anything else is not ours to touch.
      if (await this.#isManaged(desired, signal)) throw error;
      const message = `Secret ${name} exists already and is not managed by ${MANAGED_BY}; delete or rename it, or label it ${MANAGED_BY_LABEL}=${MANAGED_BY} to hand it over.`;
      return { kind: "conflict", message };
    }
    if (isApiError(error, "Forbidden", "Invalid", "RequestEntityTooLarge")) {
      const message = `The API server refuses to write Secret ${name} (${error.status} ${error.code}); look for a quota, an admission policy, or an immutable Secret in namespace ${namespace}.`;
      return { kind: "conflict", message };
    }
    throw error;
  }

  /** Reads the labels of the Secret, never its data. A Secret that is gone meanwhile counts as managed: try again. */
  async #isManaged({ namespace, name }: DesiredSecret, signal: AbortSignal): Promise<boolean> {
    const path = secretPath(namespace, name);
    try {
      const call = { method: "GET", path, accept: METADATA_ONLY, signal } as const;
      const { metadata } = await this.#transport.request<SecretObject>(call);
      return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
    } catch (error) {
      if (isApiError(error, "NotFound")) return true;
      throw error;
    }
  }
}

interface SecretList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly SecretObject[];
}
