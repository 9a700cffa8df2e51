import { API_VERSION } from "../../../src/api/names.ts";
import type { KubeObject } from "../../../src/api/object.ts";
import type { Cluster } from "../../cluster/cluster.ts";

/** What the API server says of a manifest: the fields that it refuses, with its words, or that it is none at all. */
export interface ServerVerdict {
  readonly accepted: boolean;
  /** `FIELD: MESSAGE`, without the values that it prints. */
  readonly causes: readonly string[];
  /** What it said, whole. */
  readonly text: string;
}

/** Sends a text as it is, to be read by the API server's own decoder, and to be stored if it were no dry run. */
export async function createInDryRun(
  cluster: Cluster,
  namespace: string,
  plural: string,
  yaml: string,
): Promise<ServerVerdict> {
  const path = `${objectsPath(namespace, plural)}?dryRun=All&fieldValidation=Strict`;
  return await send(cluster, "POST", path, yaml);
}

/** The same with the text in the place of the object of this name. */
export async function updateInDryRun(
  cluster: Cluster,
  namespace: string,
  plural: string,
  name: string,
  yaml: string,
): Promise<ServerVerdict> {
  const path = `${objectsPath(namespace, plural)}/${name}?dryRun=All&fieldValidation=Strict`;
  return await send(cluster, "PUT", path, yaml);
}

/** Stores what the text says; its resourceVersion, or undefined where the API server does not take it. */
export async function createFromText(
  cluster: Cluster,
  namespace: string,
  plural: string,
  yaml: string,
): Promise<string | undefined> {
  const path = `${objectsPath(namespace, plural)}?fieldValidation=Strict`;
  const { status, body } = await cluster.request("POST", path, yaml, YAML);
  return status === 201 ? (body as KubeObject).metadata.resourceVersion : undefined;
}

const YAML = { "content-type": "application/yaml" };

function objectsPath(namespace: string, plural: string): string {
  return `/apis/${API_VERSION}/namespaces/${namespace}/${plural}`;
}

async function send(
  cluster: Cluster,
  method: "POST" | "PUT",
  path: string,
  yaml: string,
): Promise<ServerVerdict> {
  const { status, body } = await cluster.request(method, path, yaml, YAML);
  const { message = "", details }: Answer = Object(body);
  return {
    accepted: status === 201 || status === 200,
    causes: (details?.causes ?? []).map((cause) => `${cause.field}: ${cause.message}`),
    text: `${status} ${message}`,
  };
}

interface Answer {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field: string; readonly message: string }[] };
}
