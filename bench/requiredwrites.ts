import { API_VERSION, KIND } from "../src/api/names.ts";
import { secretsPath, sshKeyStatusPath, WRITE_QUERY } from "../src/api/paths.ts";
import type { SSHKeyStatus } from "../src/api/sshkey.generated.ts";
import { examined } from "../src/claims/examination.ts";
import { DEFAULT_POLICY } from "../src/claims/policy.ts";
import { toSSHKeyRecord } from "../src/claims/record.ts";
import { DEFAULT_SETTINGS } from "../src/config/settings.ts";
import { Projection } from "../src/projection/projection.ts";
import { buildCreate, toLiveSecret } from "../src/projection/secret.ts";
import { statusWrite } from "../src/projection/status.ts";
import { UserTarget } from "../src/projection/usertarget.ts";
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
  /** Of the SSHKey that the status was computed from. */
  readonly resourceVersion: string;
  readonly status: SSHKeyStatus;
}

/** What has to be written once for these SSHKeys, by whatever operator. */
export interface Required {
  readonly secrets: readonly SecretBody[];
  readonly statuses: readonly StatusBody[];
}

/** Computed by the operator's own pure core, so that it is what the operator will write, byte for byte. */
export function requiredFor(keys: readonly CreatedSSHKey[], now = Date.now()): Required {
  const settings = DEFAULT_SETTINGS.secrets;
  const projection = new Projection(DEFAULT_POLICY, settings);
  for (const key of keys) projection.putSSHKey(examined(toSSHKeyRecord(key)), now);
  const secrets: SecretBody[] = [];
  const statuses: StatusBody[] = [];
  for (const target of projection.targets()) {
    const write = buildCreate(projection.plan(target, now), settings.installation, now);
    if (write.kind !== "create") throw new TypeError("a Secret that is not there can only be created");
    const body = write.object as SecretBody;
    const metadata = { ...body.metadata, uid: target.id, resourceVersion: "1" };
    if (body.data.authorized_keys !== "") {
      secrets.push(body);
      projection.applyResponse(target, toLiveSecret({ ...body, metadata }, settings));
    }
    projection.plan(target, now);
    if (!(target instanceof UserTarget)) continue;
    for (const [claim, verdict] of target.verdicts) {
      const due = verdict && statusWrite(claim, verdict, DEFAULT_SETTINGS.policy, now);
      if (due === undefined) continue;
      const { namespace, name, uid, resourceVersion } = claim.record;
      statuses.push({ namespace, name, uid, resourceVersion, status: due.status });
    }
  }
  return { secrets, statuses };
}

const QUERY = new URLSearchParams(WRITE_QUERY);

/** How a status can be brought to an API server; `apply` is what the operator does. */
export type StatusVerb = "apply" | "jsonpatch" | "merge" | "update";

/** The requests, Secrets first: no status may claim what is not written yet. */
export function writesOf(
  required: Required,
  verb: StatusVerb = "apply",
  keys: readonly CreatedSSHKey[] = [],
): Write[] {
  const byId = new Map(keys.map((key) => [`${key.metadata.namespace}/${key.metadata.name}`, key]));
  return [
    ...required.secrets.map(
      (secret): Write => ({
        method: "POST",
        path: `${secretsPath(secret.metadata.namespace)}?${QUERY}`,
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
  { namespace, name, uid, resourceVersion, status }: StatusBody,
  verb: StatusVerb,
  key: CreatedSSHKey | undefined,
): Write {
  const path = `${sshKeyStatusPath(namespace, name)}?${QUERY}`;
  const patch = { method: "PATCH", path } as const;
  const type = { apiVersion: API_VERSION, kind: KIND };
  switch (verb) {
    case "apply": {
      const body = JSON.stringify({ ...type, metadata: { name, namespace, resourceVersion }, status });
      return { ...patch, path: `${path}&force=true`, contentType: "application/apply-patch+yaml", body };
    }
    case "jsonpatch": {
      const test = { op: "test", path: "/metadata/uid", value: uid };
      const body = JSON.stringify([test, { op: "add", path: "/status", value: status }]);
      return { ...patch, contentType: "application/json-patch+json", body };
    }
    case "merge":
      return {
        ...patch,
        contentType: "application/merge-patch+json",
        body: JSON.stringify({ ...type, metadata: { uid }, status }),
      };
    case "update":
      return {
        method: "PUT",
        path,
        contentType: "application/json",
        body: JSON.stringify({ ...key, status }),
      };
  }
}
