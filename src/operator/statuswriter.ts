import { API_VERSION } from "../api/names.ts";
import type { KubeObject } from "../api/object.ts";
import { METADATA_ONLY, WRITE_QUERY } from "../api/paths.ts";
import { isApiError } from "../kube/apierror.ts";
import type { Call, Requests } from "../kube/transport.ts";
import type { JSONPatch } from "../projection/status.ts";

/** The object whose status is written, as it was seen when that was computed. */
export interface StatusObject {
  readonly kind: string;
  /** Of its status. */
  readonly path: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
}

/** What another client has put into the stored status under the operator's names, and is not in the desired one. */
export type StrayFields<S> = (stored: S, desired: S) => JSONPatch;

/** Writes statuses, and of each only what the operator owns. */
export class StatusWriter {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /**
   * Server-side apply: what others put beside the fields and conditions of the operator stays, also what they add at
   * this moment. The resourceVersion holds it to the very object that the status was computed from; the API server
   * ignores a UID here. Returns the new resourceVersion, `stale` if the object has changed (409), `gone` if it no longer
   * exists (404). Throws ApiError for everything else.
   */
  async write<S extends object>(
    { kind, path, namespace, name, resourceVersion }: StatusObject,
    status: S,
    signal: AbortSignal,
    strays: StrayFields<S> = () => [],
  ): Promise<string | "stale" | "gone"> {
    const apply: Call = {
      method: "PATCH",
      path,
      query: { ...WRITE_QUERY, force: "true" },
      contentType: "application/apply-patch+yaml",
      accept: METADATA_ONLY,
      body: { apiVersion: API_VERSION, kind, metadata: { name, namespace, resourceVersion }, status },
      signal,
    };
    try {
      const { metadata } = await this.#requests.request<KubeObject>(apply);
      if (metadata.resourceVersion !== resourceVersion) return metadata.resourceVersion;
      return await this.#removeStrays(apply, status, strays);
    } catch (error) {
      if (isApiError(error, "NotFound")) return "gone";
      if (isApiError(error, "Conflict")) return "stale";
      throw error;
    }
  }

  /** The apply changed nothing, though the status was another one: somebody else owns what is too much in it. */
  async #removeStrays<S extends object>(
    apply: Call,
    desired: S,
    strayFields: StrayFields<S>,
  ): Promise<string> {
    const { metadata, status } = await this.#requests.request<KubeObject & { readonly status?: S }>({
      ...apply,
      accept: "application/json",
    });
    const { resourceVersion } = metadata;
    const strays = strayFields(status ?? ({} as S), desired);
    if (strays.length === 0) return resourceVersion;
    const { metadata: after } = await this.#requests.request<KubeObject>({
      ...apply,
      query: WRITE_QUERY,
      contentType: "application/json-patch+json",
      body: [{ op: "replace", path: "/metadata/resourceVersion", value: resourceVersion }, ...strays],
    });
    return after.resourceVersion;
  }
}
