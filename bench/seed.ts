import { randomUUID } from "node:crypto";
import { Client as SocketClient } from "undici";
import { API_VERSION } from "../src/api/names.ts";
import { secretPath, secretsPath, sshKeyStatusPath, sshKeysPath } from "../src/api/paths.ts";
import { type CreatedSSHKey, creation, type NewSSHKey, newSSHKey } from "./keyset.ts";
import { type Required, requiredFor, writesOf } from "./requiredwrites.ts";
import { BEST, sendAll } from "./send.ts";
import type { Site } from "./site.ts";

/** Objects in one transaction; etcd takes 128 operations (--max-txn-ops). */
const BATCH = 100;
const TRANSACTIONS_AT_ONCE = 4;

/**
 * Makes a converged cluster of these keys: SSHKeys with their statuses, and Secrets. They are put into etcd directly,
 * which takes seconds for 100,000 where the API server takes minutes; a sample that went through the API server
 * lends them its managedFields, so that they are as long as real ones.
 */
export async function seedConverged(site: Site, keys: readonly NewSSHKey[]): Promise<void> {
  const sample = await sampleFields(site);
  const created = keys.map((key) => asCreated(key));
  const required = requiredFor(created);
  const statuses = new Map(required.statuses.map((s) => [s.uid, s.status]));
  const puts: Put[] = [];
  for (const key of created) {
    const { uid } = key.metadata;
    const { resourceVersion: _, ...metadata } = key.metadata;
    const value = { ...key, metadata: { ...metadata, managedFields: sample.key }, status: statuses.get(uid) };
    puts.push(sshKeyPut(key.metadata, value));
  }
  for (const secret of required.secrets) {
    const { namespace, name } = secret.metadata;
    const metadata = { ...secret.metadata, ...identity(), managedFields: sample.secret };
    puts.push({ key: `/registry/secrets/${namespace}/${name}`, value: { ...secret, metadata } });
  }
  await putAll(etcdOf(site), puts);
}

/** The same of SSHKeys alone, which no operator has seen. */
export async function seedSSHKeys(site: Site, keys: readonly NewSSHKey[]): Promise<void> {
  await putAll(
    etcdOf(site),
    keys.map((key) => sshKeyPut(key.metadata, asCreated(key))),
  );
}

/** Creates the keys through the API server; gives them back as created, and the ms that took. */
export async function load(
  site: Site,
  keys: readonly NewSSHKey[],
): Promise<{ readonly created: CreatedSSHKey[]; readonly ms: number }> {
  const created: CreatedSSHKey[] = [];
  const ms = await sendAll(keys.map(creation), {
    ...BEST,
    kubeconfig: site.controlPlane.kubeconfig,
    onAnswer: (index, text) => {
      const { metadata } = JSON.parse(text);
      const key = keys[index];
      if (key !== undefined) created.push({ ...key, metadata });
    },
  });
  return { created, ms };
}

function asCreated(key: NewSSHKey): CreatedSSHKey {
  const metadata = { ...key.metadata, ...identity(), resourceVersion: "1", generation: 1 };
  return { apiVersion: API_VERSION, kind: key.kind, metadata, spec: key.spec };
}

function identity(): { readonly uid: string; readonly creationTimestamp: string } {
  return { uid: randomUUID(), creationTimestamp: `${new Date().toISOString().slice(0, 19)}Z` };
}

/** managedFields of an SSHKey with a status and of a Secret, as the API server writes them. */
async function sampleFields({ client, controlPlane }: Site): Promise<{ key: unknown; secret: unknown }> {
  const namespace = "default";
  const created = await client.json<CreatedSSHKey>(
    "POST",
    sshKeysPath(namespace),
    newSSHKey(namespace, "sample", "sample", -1),
  );
  const required: Required = requiredFor([created]);
  await sendAll(writesOf(required), { ...BEST, kubeconfig: controlPlane.kubeconfig });
  const path = sshKeyStatusPath(namespace, "sample").replace(/\/status$/, "");
  const secret = required.secrets[0]?.metadata.name ?? "";
  const fields = {
    key: (await client.json<Managed>("GET", path)).metadata.managedFields,
    secret: (await client.json<Managed>("GET", secretPath(namespace, secret))).metadata.managedFields,
  };
  await client.json("DELETE", path);
  await client.json("DELETE", `${secretsPath(namespace)}/${secret}`);
  return fields;
}

interface Managed {
  readonly metadata: { readonly managedFields: unknown };
}

function sshKeyPut({ namespace, name }: NewSSHKey["metadata"], value: unknown): Put {
  return { key: `/registry/sshkey-operator.dev/sshkeys/${namespace}/${name}`, value };
}

function etcdOf({ controlPlane }: Site): string {
  return controlPlane.etcdEndpoint.replace("unix://", "");
}

interface Put {
  readonly key: string;
  readonly value: unknown;
}

async function putAll(socketPath: string, puts: readonly Put[]): Promise<void> {
  const client = new SocketClient("http://localhost", { socketPath, pipelining: TRANSACTIONS_AT_ONCE });
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  let next = 0;
  const worker = async () => {
    for (let from = next; from < puts.length; from = next) {
      next += BATCH;
      const success = puts.slice(from, from + BATCH).map(({ key, value }) => ({
        requestPut: { key: base64(key), value: base64(`${JSON.stringify(value)}\n`) },
      }));
      // https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
      const body = JSON.stringify({ success });
      const answer = await client.request({ method: "POST", path: "/v3/kv/txn", body });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`etcd answered ${answer.statusCode}: ${text}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: TRANSACTIONS_AT_ONCE }, worker));
  } finally {
    await client.destroy();
  }
}
