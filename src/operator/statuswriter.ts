import { API_VERSION, KIND } from "../api/sshkey.ts";
import type { KeyRecord } from "../keyring/record.ts";
import { isApiError } from "../kube/apierror.ts";
import type { KubeObject } from "../kube/object.ts";
import { FIELD_MANAGER, keyStatusPath, MERGE_PATCH, METADATA_ONLY } from "./api.ts";
import type { LeaderTransport } from "./leadertransport.ts";

/** Writes the status of SSHKeys. */
export class StatusWriter {
  readonly #transport: LeaderTransport;

  constructor(transport: LeaderTransport) {
    this.#transport = transport;
  }

  /**
   * Sends the merge patch for exactly this object, not for a later one of the same name. Gives the
   * resourceVersion that holds it, or undefined when the object is gone. Throws ApiError for everything else.
   */
  async write(
    { namespace, name, uid }: KeyRecord,
    status: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const { metadata } = await this.#transport.request<KubeObject>({
        method: "PATCH",
        path: keyStatusPath(namespace, name),
        query: { fieldManager: FIELD_MANAGER },
        contentType: MERGE_PATCH,
        accept: METADATA_ONLY,
        body: { apiVersion: API_VERSION, kind: KIND, metadata: { uid }, status },
        signal,
      });
      return metadata.resourceVersion;
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      const isOtherUid =
        isApiError(error, "Invalid", "Conflict") && error.causes.some((c) => c.field === "metadata.uid");
      if (isOtherUid) return undefined;
      throw error;
    }
  }
}
