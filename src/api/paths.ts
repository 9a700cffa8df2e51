import { API_VERSION, AUTHORIZED_KEYS_PLURAL, FIELD_MANAGER, GROUP, MANAGED_LABEL, PLURAL } from "./names.ts";

/** Where the objects that the operator works with stand in the API. */

export function sshKeysPath(namespace?: string): string {
  return `/apis/${API_VERSION}${inNamespace(namespace)}/${PLURAL}`;
}

export function sshKeyStatusPath(namespace: string, name: string): string {
  return `${sshKeysPath(namespace)}/${encodeURIComponent(name)}/status`;
}

export function secretsPath(namespace?: string): string {
  return `/api/v1${inNamespace(namespace)}/secrets`;
}

export function secretPath(namespace: string, name: string): string {
  return `${secretsPath(namespace)}/${encodeURIComponent(name)}`;
}

export function authorizedKeysPath(namespace?: string): string {
  return `/apis/${API_VERSION}${inNamespace(namespace)}/${AUTHORIZED_KEYS_PLURAL}`;
}

export function authorizedKeysStatusPath(namespace: string, name: string): string {
  return `${authorizedKeysPath(namespace)}/${encodeURIComponent(name)}/status`;
}

export const NAMESPACES_PATH = "/api/v1/namespaces";

export function namespacePath(name: string): string {
  return `${NAMESPACES_PATH}/${encodeURIComponent(name)}`;
}

export function crdPath(plural: string): string {
  return `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${GROUP}`;
}

export function podsPath(namespace: string): string {
  return `/api/v1${inNamespace(namespace)}/pods`;
}

export function podPath(namespace: string, name: string): string {
  return `${podsPath(namespace)}/${encodeURIComponent(name)}`;
}

/** Only Secrets with the installation's label are listed and watched. */
export function managedSelector(installation: string): string {
  return `${MANAGED_LABEL}=${installation}`;
}

/** An answer without spec and data: enough to know that a write was made, and its resourceVersion. */
export const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/** Unknown fields are not looked for, which takes the API server a twelfth of a write's CPU: nobody reads its warnings. */
export const WRITE_QUERY = { fieldManager: FIELD_MANAGER, fieldValidation: "Ignore" } as const;

function inNamespace(namespace: string | undefined): string {
  return namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
}
