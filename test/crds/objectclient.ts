import { randomBytes } from "node:crypto";
import { GROUP, VERSION } from "../../src/api/names.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";

/** Objects of one kind in one fresh namespace on a real API server, as a test writes and reads them. */
export interface ObjectClient {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Creates an object of this spec, as `make` completes it; `dryRun` stores nothing. */
  create(spec: Spec, o?: { dryRun?: boolean }): Promise<Outcome>;
  /** Merge-patches the object, or its status if `subresource` is "/status". */
  patch(name: string, patch: object, subresource?: "/status"): Promise<Outcome>;
  read(name: string): Promise<Outcome>;
  stop(): Promise<void>;
}

/** Any JSON is allowed, so that a test can break every rule. */
export type Spec = Readonly<Record<string, unknown>>;

export interface Outcome {
  /** HTTP status. */
  readonly code: number;
  /** Name of the object that was asked for, whatever came of it. */
  readonly name: string;
  /** The API server's message, empty unless it refused. */
  readonly message: string;
  /** The whole answer as text. */
  readonly text: string;
  readonly object: Spec & { readonly spec?: Spec; readonly status?: Spec };
}

/** In the cluster that all files share, unless it is given one of its own. */
export async function startObjectClient(
  plural: string,
  make: (name: string, spec: Spec) => object,
  own?: Cluster,
): Promise<ObjectClient> {
  const cluster = own ?? (await sharedCluster());
  const namespace = await cluster.namespace();
  const path = `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${plural}`;

  const send = async (method: "GET" | "POST" | "PATCH", name: string, under: string, body?: unknown) => {
    const answer = await cluster.request(method, `${path}${under}`, body);
    return outcome(name, answer.status, answer.body);
  };
  return {
    cluster,
    namespace,
    create(spec, o = {}) {
      const name = `key-${randomBytes(6).toString("hex")}`;
      return send("POST", name, o.dryRun === true ? "?dryRun=All" : "", make(name, spec));
    },
    patch: (name, patch, subresource) => send("PATCH", name, `/${name}${subresource ?? ""}`, patch),
    read: (name) => send("GET", name, `/${name}`),
    stop: () => cluster.stop(),
  };
}

function outcome(name: string, code: number, body: unknown): Outcome {
  const object: Outcome["object"] & { readonly message?: string } = Object(body);
  return {
    code,
    name,
    message: code < 400 ? "" : (object.message ?? ""),
    text: JSON.stringify(body),
    object,
  };
}
