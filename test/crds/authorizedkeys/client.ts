import { API_VERSION, AUTHORIZED_KEYS_KIND, AUTHORIZED_KEYS_PLURAL } from "../../../src/api/names.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { type ObjectClient, type Spec, startObjectClient } from "../objectclient.ts";

/** AuthorizedKeys of one fresh namespace. */
export function startAuthorizedKeysClient(own?: Cluster): Promise<ObjectClient> {
  return startObjectClient(AUTHORIZED_KEYS_PLURAL, authorizedKeys, own);
}

function authorizedKeys(name: string, spec: Spec = {}) {
  return { apiVersion: API_VERSION, kind: AUTHORIZED_KEYS_KIND, metadata: { name }, spec };
}
