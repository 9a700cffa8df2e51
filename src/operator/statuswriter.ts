import type { SSHKeyStatus } from "../api/sshkey.ts";
import type { KeyRecord } from "../keyring/record.ts";
import { isApiError } from "../kube/apierror.ts";
import type { KubeObject } from "../kube/object.ts";
import { FIELD_MANAGER, JSON_PATCH, keyStatusPath, METADATA_ONLY } from "./api.ts";
import type { LeaderTransport } from "./leadertransport.ts";

/** Writes the status of SSHKeys. */
export class StatusWriter {
  readonly #transport: LeaderTransport;

  constructor(transport: LeaderTransport) {
    this.#transport = transport;
  }

  /**
   * Sets the status of exactly this object, not of a later one of the same name. Gives the resourceVersion that holds
   * it, or undefined when the object is gone. Throws ApiError for everything else.
   *
   * A JSON Patch (RFC 6902), for its `test`: the API server ignores a `metadata.uid` that comes with a status.
   */
  async write(
    { namespace, name, uid }: KeyRecord,
    status: SSHKeyStatus,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const { metadata } = await this.#transport.request<KubeObject>({
        method: "PATCH",
        path: keyStatusPath(namespace, name),
        query: { fieldManager: FIELD_MANAGER },
        contentType: JSON_PATCH,
        accept: METADATA_ONLY,
        body: [
          { op: "test", path: "/metadata/uid", value: uid },
          { op: "add", path: "/status", value: status },
        ],
        signal,
      });
      return metadata.resourceVersion;
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      // A status that the schema refuses is Invalid too, and has causes.
      if (isApiError(error, "Invalid") && error.causes.length === 0) return undefined;
      throw error;
    }
  }
}
