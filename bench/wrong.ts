import { secretsPath, sshKeysPath } from "../src/api/paths.ts";
import { statusDigest } from "../src/claims/observedstatus.ts";
import type { StoredSSHKey } from "../src/claims/record.ts";
import type { SecretObject } from "../src/projection/secret.ts";
import type { Required } from "./requiredwrites.ts";
import type { Site } from "./site.ts";

/** Each Secret and status that is not what it should be, transition times aside; empty when all are right. */
export async function wrongAt({ client }: Site, required: Required): Promise<string[]> {
  const keys = await client.list<StoredSSHKey>(sshKeysPath());
  const secrets = await client.list<SecretObject>(secretsPath());
  const files = new Map(secrets.items.map((s) => [`${s.metadata.namespace}/${s.metadata.name}`, s.data]));
  const digests = new Map(keys.items.map((key) => [key.metadata.uid, statusDigest(key.status)]));
  const wrong: string[] = [];
  for (const { metadata, data } of required.secrets) {
    const id = `${metadata.namespace}/${metadata.name}`;
    if (JSON.stringify(files.get(id)) !== JSON.stringify(data)) wrong.push(`Secret ${id}`);
  }
  for (const { namespace, name, uid, status } of required.statuses) {
    if (digests.get(uid) !== statusDigest(status)) wrong.push(`status of ${namespace}/${name}`);
  }
  return wrong;
}
