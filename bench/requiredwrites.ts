import { API_VERSION, KIND, type SSHKeyStatus } from "../src/api/sshkey.ts";
import { Keyring } from "../src/keyring/keyring.ts";
import { DEFAULT_POLICY } from "../src/keyring/policy.ts";
import { readKey } from "../src/keyring/record.ts";
import { secretWrite } from "../src/keyring/secret.ts";
import { statusWrite } from "../src/keyring/status.ts";
import { FIELD_MANAGER, JSON_PATCH, keyStatusPath, MERGE_PATCH, secretsPath } from "../src/operator/api.ts";
import { DEFAULT_SETTINGS } from "../src/operator/settings.ts";
import type { CreatedSSHKey } from "./keyset.ts";
import type { Write } from "./send.ts";

export interface SecretBody {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly data: Readonly<Record<string, string>>;
}

export interface StatusBody {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly status: SSHKeyStatus;
}

/** What has to be written once for these SSHKeys, by whatever operator. */
export interface Required {
  readonly secrets: readonly SecretBody[];
  readonly statuses: readonly StatusBody[];
}

/** Computed by the operator's own pure core, so that it is what the operator will write, byte for byte. */
export function requiredFor(keys: readonly CreatedSSHKey[], now = Date.now()): Required {
  const { secretPrefix, secretRetention } = DEFAULT_SETTINGS;
  const keyring = new Keyring(DEFAULT_POLICY, secretPrefix);
  for (const key of keys) keyring.putKey(readKey(key, DEFAULT_POLICY), now);
  const secrets: SecretBody[] = [];
  const statuses: StatusBody[] = [];
  for (const { id } of keyring.units()) {
    const plan = keyring.plan(id, now);
    if (plan === undefined) continue;
    const write = secretWrite(plan.secret, undefined, secretRetention, now);
    if (write?.kind === "create") secrets.push(write.object as unknown as SecretBody);
    for (const { record, verdict } of plan.keys) {
      const due = verdict && statusWrite(record, verdict, now);
      if (due === undefined) continue;
      const { namespace, name, uid } = record;
      statuses.push({ namespace, name, uid, status: due.status });
    }
  }
  return { secrets, statuses };
}

/** How a status can be brought to an API server; `jsonpatch` is what the operator does. */
export type StatusVerb = "jsonpatch" | "merge" | "apply" | "update";

/** The requests, Secrets first: no status may claim what is not written yet. */
export function writesOf(
  required: Required,
  verb: StatusVerb = "jsonpatch",
  keys: readonly CreatedSSHKey[] = [],
): Write[] {
  const byId = new Map(keys.map((key) => [`${key.metadata.namespace}/${key.metadata.name}`, key]));
  return [
    ...required.secrets.map(
      (secret): Write => ({
        method: "POST",
        path: `${secretsPath(secret.metadata.namespace)}?fieldManager=${FIELD_MANAGER}`,
        contentType: "application/json",
        body: JSON.stringify(secret),
      }),
    ),
    ...required.statuses.map((status) =>
      statusRequest(status, verb, byId.get(`${status.namespace}/${status.name}`)),
    ),
  ];
}

function statusRequest(
  { namespace, name, uid, status }: StatusBody,
  verb: StatusVerb,
  key: CreatedSSHKey | undefined,
): Write {
  const path = `${keyStatusPath(namespace, name)}?fieldManager=${FIELD_MANAGER}`;
  const patch = { method: "PATCH", path } as const;
  const type = { apiVersion: API_VERSION, kind: KIND };
  switch (verb) {
    case "jsonpatch": {
      const test = { op: "test", path: "/metadata/uid", value: uid };
      const body = JSON.stringify([test, { op: "add", path: "/status", value: status }]);
      return { ...patch, contentType: JSON_PATCH, body };
    }
    case "merge":
      return {
        ...patch,
        contentType: MERGE_PATCH,
        body: JSON.stringify({ ...type, metadata: { uid }, status }),
      };
    case "apply": {
      const body = JSON.stringify({ ...type, metadata: { name, namespace, uid }, status });
      return { ...patch, path: `${path}&force=true`, contentType: "application/apply-patch+yaml", body };
    }
    case "update":
      return {
        method: "PUT",
        path,
        contentType: "application/json",
        body: JSON.stringify({ ...key, status }),
      };
  }
}
