import { afterAll, beforeAll, expect, test } from "vitest";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { PlainSecret, Tenant } from "./tenant.ts";

const SECRET = "sshkeys-alice";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
});

afterAll(async () => {
  await stage.close();
});

/** What a backup tool has of a namespace that has been lost since. */
interface Backup {
  readonly tenant: Tenant;
  readonly key: string;
  readonly secret: PlainSecret;
}

test("Secrets that come back before their SSHKeys are emptied while the operator runs, and filled again", async () => {
  const { tenant, key, secret } = await lost();
  await stage.run();
  await restoreSecret(tenant, secret);
  await tenant.untilFile(SECRET, []);
  await restoreSSHKey(tenant, key);
  await tenant.untilFile(SECRET, [tenant.line("laptop", key)]);
});

test("Secrets that come back before their SSHKeys are not written at all if the operator starts after both", async () => {
  const { tenant, key, secret } = await lost();
  await restoreSecret(tenant, secret);
  await restoreSSHKey(tenant, key);
  await stage.run();
  await tenant.until("laptop", "Projected");
  await stage.allIsHandled();
  const writes = await stage.writesIn(tenant);
  const { metadata } = (await tenant.secret(SECRET)) ?? {};
  expect(
    writes.filter(({ resource, answered }) => resource === "secrets" && uidOf(answered) === metadata?.uid),
  ).toEqual([]);
});

test("SSHKeys alone are a complete backup", async () => {
  const { tenant, key } = await lost();
  await stage.run();
  await restoreSSHKey(tenant, key);
  await tenant.untilFile(SECRET, [tenant.line("laptop", key)]);
});

test("a restore into another namespace leaves a copy there, and the keys work once that is deleted", async () => {
  const { secret } = await lost();
  const [elsewhere, key] = [await stage.tenant(), freshKey()];
  await stage.run();
  await restoreSecret(elsewhere, secret);
  await restoreSSHKey(elsewhere, key);
  await elsewhere.until("laptop", "SecretConflict");
  expect((await elsewhere.secret(SECRET))?.data).toEqual(secret.data);
  await elsewhere.removeSecret(SECRET);
  await elsewhere.untilFile(SECRET, [elsewhere.line("laptop", key)]);
});

/** A namespace whose SSHKey and Secret are gone; the operator is stopped. */
async function lost(): Promise<Backup> {
  await stage.run();
  const [tenant, key] = [await stage.tenant(), freshKey()];
  await tenant.create("laptop", { user: "alice", key });
  await tenant.until("laptop", "Projected");
  const secret = await tenant.secret(SECRET);
  if (secret === undefined) throw new Error("there is no Secret to back up");
  await stage.rest();
  await tenant.remove("laptop");
  await tenant.removeSecret(SECRET);
  return { tenant, key, secret };
}

/** As Velero does: what the API server gives an object is left out. */
async function restoreSecret(tenant: Tenant, { metadata, data }: PlainSecret): Promise<void> {
  const { labels = {}, annotations = {} } = metadata;
  await tenant.buildCreate(SECRET, data, { metadata: { name: SECRET, labels, annotations } });
}

async function restoreSSHKey(tenant: Tenant, key: string): Promise<void> {
  await tenant.create("laptop", { user: "alice", key });
}

function uidOf(object: Readonly<Record<string, unknown>>): unknown {
  return (object.metadata as { readonly uid?: string } | undefined)?.uid;
}
