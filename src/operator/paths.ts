import { API_VERSION, FIELD_MANAGER, GROUP, MANAGED_LABEL, PLURAL } from "../api/names.ts";

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

export const CRD_PATH = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${PLURAL}.${GROUP}`;

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
