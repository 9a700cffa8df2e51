import {
  API_VERSION,
  AUTHORIZED_KEYS_ANNOTATION,
  AUTHORIZED_KEYS_KIND,
  DATA_KEY,
  KIND,
  MANAGED_LABEL,
  SECRET_ANNOTATION,
} from "../../src/api/names.ts";
import { ed25519 } from "../claims/sshkeys.ts";

/** The namespace of Secrets, unless they say otherwise. */
export const TEAM = "team-a";

/** As data of a Secret. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** A Secret that is not managed. */
export function secret(name: string, data: Readonly<Record<string, string>>) {
  return { metadata: { name }, data };
}

/** A Secret as the operator writes it. */
export function managed(name: string, o: { label?: string; data?: object; namespace?: string } = {}) {
  const { label = "default", data = { [DATA_KEY]: "" }, namespace = TEAM } = o;
  const annotations = { [SECRET_ANNOTATION]: `${namespace}/${name}` };
  return { metadata: { name, labels: { [MANAGED_LABEL]: label }, annotations }, type: "Opaque", data };
}

/** The same, of a type that the API server fills with a token. */
export function accountToken(name: string) {
  const { metadata, data } = managed(name);
  const annotations = { ...metadata.annotations, "kubernetes.io/service-account.name": "default" };
  return { metadata: { ...metadata, annotations }, type: "kubernetes.io/service-account-token", data };
}

/** A Secret as the operator writes it for an AuthorizedKeys of the same name, with these data keys, each empty. */
export function managedFor(name: string, dataKeys: readonly string[]) {
  const { metadata, type } = managed(name);
  const annotations = { ...metadata.annotations, [AUTHORIZED_KEYS_ANNOTATION]: name };
  const data = Object.fromEntries(dataKeys.map((key) => [key, ""]));
  return { metadata: { ...metadata, annotations }, type, data };
}

export function pod(name: string) {
  return {
    metadata: { name, annotations: { kept: "x" }, labels: { app: "bastion" } },
    spec: { containers: [{ name: "main", image: "bastion" }] },
  };
}

export function sshKey(name: string, user: string) {
  return { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: { user, key: ed25519(1) } };
}

/** Of everybody in its own namespace. */
export function authorizedKeys(name: string, spec: object = {}) {
  return { apiVersion: API_VERSION, kind: AUTHORIZED_KEYS_KIND, metadata: { name }, spec };
}

/** So many field managers who say that they wrote the file of a Secret. */
export function fieldManagers(count: number): readonly object[] {
  const fieldsV1 = { "f:data": { "f:authorized_keys": {} } };
  const time = "2026-01-01T00:00:00Z";
  return Array.from({ length: count }, (_, i) => {
    return { manager: `m${i}`, operation: "Apply", apiVersion: "v1", time, fieldsType: "FieldsV1", fieldsV1 };
  });
}
