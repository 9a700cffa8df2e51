import { API_VERSION, PLURAL } from "../api/sshkey.ts";
import { MANAGED_BY, MANAGED_BY_LABEL } from "../keyring/secret.ts";

/** Where the objects that the operator works with stand in the API. */

export function keysPath(namespace?: string): string {
  return `/apis/${API_VERSION}${inNamespace(namespace)}/${PLURAL}`;
}

export function keyStatusPath(namespace: string, name: string): string {
  return `${keysPath(namespace)}/${encodeURIComponent(name)}/status`;
}

export function secretsPath(namespace?: string): string {
  return `/api/v1${inNamespace(namespace)}/secrets`;
}

export function secretPath(namespace: string, name: string): string {
  return `${secretsPath(namespace)}/${encodeURIComponent(name)}`;
}

/** Only Secrets with the label are listed and watched. */
export const MANAGED_SELECTOR = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

/** Whose writes managedFields shows. */
export const FIELD_MANAGER = "sshkey-operator";

export const MERGE_PATCH = "application/merge-patch+json";
export const JSON_PATCH = "application/json-patch+json";

/** An answer without spec and data: enough to know that a write was made, and its resourceVersion. */
export const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

function inNamespace(namespace: string | undefined): string {
  return namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
}
