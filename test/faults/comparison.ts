import { secretName } from "../../src/projection/usertarget.ts";
import { claimedSince, factOf } from "../cluster/facts.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";
import { type Fact, oracle } from "../oracle/oracle.ts";

/** The configuration that is built in. */
export const RULES = {
  scope: "Namespace",
  maximumKeysPerUser: 1000,
  proofs: "Optional",
  expiryTimeFormat: "WithZ",
} as const;

/**
 * How the users' Secrets and the statuses of the SSHKeys of these namespaces differ from what the oracle makes of these at
 * this moment; empty when they do not. Since when each has its key is taken from its status: the checker judges that.
 */
export async function differences(tenants: readonly Tenant[]): Promise<readonly string[]> {
  const found: string[] = [];
  const objects = (await Promise.all(tenants.map((tenant) => tenant.list()))).flat();
  const facts: readonly Fact[] = objects.map((object) => factOf(object, claimedSince(object)));
  const { states, holders, uniqueness, files } = oracle(facts, RULES, Date.now());
  for (const { metadata, status } of objects) {
    const id = `${metadata.namespace}/${metadata.name}`;
    const said = status?.observedGeneration === metadata.generation ? stateOf(status) : "nothing yet";
    if (said !== states[id]) found.push(`${id} says ${said}, not ${states[id]}`);
    const holder = status?.duplicateOf?.name;
    if (holder !== holders[id]) found.push(`${id} names ${holder} as the holder, not ${holders[id]}`);
    const unique = status?.conditions?.find(({ type }) => type === "Unique")?.reason;
    if (unique !== uniqueness[id]) found.push(`${id} says ${unique}, not ${uniqueness[id]}`);
  }
  const expected = new Map(Object.entries(files));
  for (const tenant of tenants) {
    for (const { metadata, data } of await tenant.secrets()) {
      if (!metadata.name.startsWith("sshkeys-")) continue;
      if (Object.keys(data).join() !== "authorized_keys") found.push(`Secret ${metadata.name} holds strays`);
      const user = metadata.annotations?.["sshkey-operator.dev/user"] ?? "";
      const id = `${tenant.namespace}/${user}`;
      // Whose it was nobody knows any more, if that user has no SSHKey left.
      const isOther = secretName("sshkeys-", user) !== metadata.name;
      if (isOther && data.authorized_keys === "") continue;
      const file = (expected.get(id) ?? []).map((line) => `${line}\n`).join("");
      expected.delete(id);
      if (data.authorized_keys !== file)
        found.push(`Secret ${metadata.name} of ${id} holds [${data.authorized_keys}], not [${file}]`);
    }
  }
  for (const id of expected.keys()) found.push(`there is no Secret of ${id}`);
  return found;
}
