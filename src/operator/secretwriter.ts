import { METADATA_ONLY, managedSelector, secretPath, secretsPath, WRITE_QUERY } from "../api/paths.ts";
import { ApiError } from "../kube/apierror.ts";
import type { Call, Requests } from "../kube/transport.ts";
import type { Answer } from "../projection/delivery.ts";
import type { SecretRequest } from "../projection/reconcile.ts";
import type { SecretObject, SecretWrite } from "../projection/secret.ts";

/** How a request went: the answer that the reconcile continues with, and the error that it stands for. */
export interface SecretAnswer {
  readonly answer: Answer;
  readonly error?: ApiError;
}

/**
 * Carries out what a reconcile asks for. A create never overwrites, and every other write carries what it was
 * decided on, so that nothing foreign, resurrected or newer is touched.
 *
 * A strategic merge patch and not server-side apply: it can take out data that another field manager put in.
 */
export class SecretWriter {
  readonly #requests: Requests;
  readonly #installation: string;
  #inFlight = 0;

  constructor(requests: Requests, installation: string) {
    this.#requests = requests;
    this.#installation = installation;
  }

  /** Requests in flight. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Rejects only on an unexpected error (a bug). */
  async send(request: SecretRequest, signal: AbortSignal): Promise<SecretAnswer> {
    this.#inFlight += 1;
    try {
      return { answer: await this.#send(request, signal) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { answer: answerOf(error, request), error };
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #send(request: SecretRequest, signal: AbortSignal): Promise<Answer> {
    const { namespace, name } = request;
    const written = async (call: Call): Promise<Answer> => ({
      kind: "written",
      object: await this.#requests.request<SecretObject>(call),
    });
    switch (request.kind) {
      case "listManaged":
      case "listMetadata":
        return await this.#list(request, signal);
      case "create":
        return await written({
          method: "POST",
          path: secretsPath(namespace),
          query: WRITE_QUERY,
          body: request.object,
          signal,
        });
      case "update": {
        const contentType = "application/strategic-merge-patch+json";
        const path = secretPath(namespace, name);
        const body = request.patch;
        return await written({ method: "PATCH", path, query: WRITE_QUERY, body, contentType, signal });
      }
      case "delete": {
        const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: request.preconditions };
        await this.#requests.request({ method: "DELETE", path: secretPath(namespace, name), body, signal });
        return { kind: "deleted" };
      }
    }
  }

  /**
   * A list, so that the answer says as of when there is no such Secret, and needs no right to read by name. What
   * `listMetadata` finds may be anybody's Secret, so its data is not asked for.
   */
  async #list({ kind, namespace, name }: SecretRequest, signal: AbortSignal): Promise<Answer> {
    const fieldSelector = `metadata.name=${name}`;
    const { items, metadata } = await this.#requests.request<SecretList>({
      method: "GET",
      path: secretsPath(namespace),
      ...(kind === "listManaged"
        ? { query: { labelSelector: managedSelector(this.#installation), fieldSelector } }
        : { query: { fieldSelector }, accept: METADATA_LIST_ONLY }),
      signal,
    });
    const [object] = items ?? [];
    return { kind: "found", object, resourceVersion: metadata.resourceVersion };
  }
}

const METADATA_LIST_ONLY = METADATA_ONLY.replace("PartialObjectMetadata", "PartialObjectMetadataList");

interface SecretList {
  readonly metadata: { readonly resourceVersion: string };
  /** Null for an empty list of metadata (kube-apiserver 1.36). */
  readonly items: readonly SecretObject[] | null;
}

/** Codes with which another attempt may end differently though nobody acts. */
const RETRYABLE_STATUS = new Set([401, 404, 408, 409, 410, 429]);

function answerOf(error: ApiError, request: SecretRequest): Answer {
  const { status, code } = error;
  const isWrite = request.kind !== "listManaged" && request.kind !== "listMetadata";
  if (isWrite && isNamespaceGone(error, request)) return { kind: "namespace-gone" };
  if (request.kind === "create" && code === "AlreadyExists") return { kind: "exists" };
  if (isWrite && code === "NotFound") return { kind: "missing" };
  if (code === "Unreachable" || code === "CredentialsFailed") return { kind: "void" };
  if (status < 400) return { kind: "lost" };
  if (!isWrite || RETRYABLE_STATUS.has(status)) return { kind: "void" };
  const { namespace, name } = request;
  if (status >= 500) {
    const message = `Writing Secret ${name} failed with a server error (${status} ${code}); the operator retries. If this persists, look for a failing admission webhook.`;
    return { kind: "refused", reason: "server-error", message };
  }
  const message = `The API server rejected the write of Secret ${name} (${status} ${code}); check ResourceQuotas, admission policies and the operator's RBAC in namespace ${namespace}. The operator retries every few seconds.`;
  return { kind: "refused", reason: "rejected", message };
}

function isNamespaceGone(error: ApiError, request: SecretWrite): boolean {
  if (error.causes.some((cause) => cause.reason === "NamespaceTerminating")) return true;
  return request.kind === "create" && error.code === "NotFound";
}
