import { API_VERSION, KIND } from "../api/names.ts";
import type { KubeObject } from "../api/object.ts";
import type { SSHKeyStatus } from "../api/sshkey.generated.ts";
import type { SSHKeyRecord, StoredSSHKey } from "../claims/record.ts";
import { isApiError } from "../kube/apierror.ts";
import type { Call, Requests } from "../kube/transport.ts";
import { strayFields } from "../projection/status.ts";
import { METADATA_ONLY, sshKeyStatusPath, WRITE_QUERY } from "./paths.ts";

/** Writes the status of SSHKeys, and of it only what the operator owns. */
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
  async write(
    record: SSHKeyRecord,
    status: SSHKeyStatus,
    signal: AbortSignal,
  ): Promise<string | "stale" | "gone"> {
    const { namespace, name, resourceVersion } = record;
    const apply: Call = {
      method: "PATCH",
      path: sshKeyStatusPath(namespace, name),
      query: { ...WRITE_QUERY, force: "true" },
      contentType: "application/apply-patch+yaml",
      accept: METADATA_ONLY,
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace, resourceVersion }, status },
      signal,
    };
    try {
      const { metadata } = await this.#requests.request<KubeObject>(apply);
      if (metadata.resourceVersion !== resourceVersion) return metadata.resourceVersion;
      return await this.#removeStrays(apply, status);
    } catch (error) {
      if (isApiError(error, "NotFound")) return "gone";
      if (isApiError(error, "Conflict")) return "stale";
      throw error;
    }
  }

  /** The apply changed nothing, though the status was another one: somebody else owns what is too much in it. */
  async #removeStrays(apply: Call, desired: SSHKeyStatus): Promise<string> {
    const { metadata, status = {} } = await this.#requests.request<StoredSSHKey>({
      ...apply,
      accept: "application/json",
    });
    const { resourceVersion } = metadata;
    const strays = strayFields(status, desired);
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
