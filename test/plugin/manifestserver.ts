import { API_VERSION } from "../../src/api/names.ts";
import type { Cluster } from "../cluster/cluster.ts";

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
  const path = `/apis/${API_VERSION}/namespaces/${namespace}/${plural}?dryRun=All&fieldValidation=Strict`;
  const { status, body } = await cluster.request("POST", path, yaml, { "content-type": "application/yaml" });
  const { message = "", details }: Answer = Object(body);
  return {
    accepted: status === 201,
    causes: (details?.causes ?? []).map((cause) => `${cause.field}: ${cause.message}`),
    text: `${status} ${message}`,
  };
}

interface Answer {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field: string; readonly message: string }[] };
}
