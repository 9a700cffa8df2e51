import { GROUP, PLURAL } from "../api/sshkey.ts";
import { isApiError } from "../kube/apierror.ts";
import type { KubeObject } from "../kube/object.ts";
import type { Transport } from "../kube/transport.ts";
import { METADATA_ONLY } from "./api.ts";

/** How long after an installation of the CRD the SSHKeys may take to be applied again, in ms. */
const REINSTALL_GRACE_MS = 5 * 60_000;

/** Times in ms since the epoch. */
export interface Installation {
  /** What was made before this time may have had another CRD, and vanished with it. */
  readonly at: number;
  /** Until this time such an SSHKey may only be waiting to be applied again. */
  readonly graceEnds: number;
}

/**
 * Was an SSHKey made at `createdAt`, and missed since, deleted by somebody? Times in ms since the epoch; those of
 * the API server are whole seconds, so what was made in the CRD's own second may be older.
 */
export function isMeant(createdAt: number, installation: Installation | undefined, now: number): boolean {
  return installation !== undefined && (createdAt > installation.at || now >= installation.graceEnds);
}

/**
 * Tells SSHKeys that somebody deleted from those that vanished because the CRD was deleted: the API server marks
 * the CRD as being deleted first, and then deletes every SSHKey on its own.
 */
export class CRDGuard {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * The installation of the CRD, undefined while it is missing or being deleted: the absence of an SSHKey that was
   * missed before this call then says nothing. Where reading the CRD is forbidden, it counts as having always stood.
   */
  async installation(signal: AbortSignal): Promise<Installation | undefined> {
    try {
      const { metadata } = await this.#transport.request<KubeObject>({
        method: "GET",
        path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${PLURAL}.${GROUP}`,
        accept: METADATA_ONLY,
        signal,
      });
      if (metadata.deletionTimestamp !== undefined) return undefined;
      const at = Date.parse(metadata.creationTimestamp ?? "") || 0;
      return { at, graceEnds: at + REINSTALL_GRACE_MS };
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      if (isApiError(error, "Forbidden")) return { at: 0, graceEnds: 0 };
      throw error;
    }
  }
}
