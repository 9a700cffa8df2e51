import { DEFAULT_POLICY } from "../../src/keyring/policy.ts";
import { readKey, type StoredSSHKey } from "../../src/keyring/record.ts";
import { secretName } from "../../src/keyring/secretname.ts";
import { outcome } from "../keyring/model.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";

/**
 * How the Secrets and statuses of these namespaces differ from what the model makes of their SSHKeys at this moment;
 * empty when they do not. The namespaces must be all that have SSHKeys.
 */
export async function differences(tenants: readonly Tenant[]): Promise<readonly string[]> {
  const found: string[] = [];
  const objects = (await Promise.all(tenants.map((tenant) => tenant.list()))).flat();
  const records = objects.map((object) => readKey(object as StoredSSHKey, DEFAULT_POLICY));
  const { states, files } = outcome(records, DEFAULT_POLICY, Date.now());
  for (const { metadata, status } of objects) {
    const id = `${metadata.namespace}/${metadata.name}`;
    const said = status?.observedGeneration === metadata.generation ? stateOf(status) : "nothing yet";
    if (said !== states[id]) found.push(`${id} says ${said}, not ${states[id]}`);
  }
  const expected = new Map<string, string>();
  for (const [id, names] of Object.entries(files)) {
    const slash = id.indexOf("/");
    const namespace = id.slice(0, slash);
    const lines = names.map((name) => {
      const key = records.find((each) => each.namespace === namespace && each.name === name)?.key;
      return `${key?.base64} ${namespace}/${name}`;
    });
    expected.set(`${namespace}/${secretName("sshkeys-", id.slice(slash + 1))}`, lines.join());
  }
  for (const tenant of tenants) {
    for (const { metadata, data } of await tenant.secrets()) {
      const id = `${tenant.namespace}/${metadata.name}`;
      const lines = (data.authorized_keys ?? "none").split("\n").slice(0, -1);
      const held = lines.map((line) => line.split(" ").slice(-2).join(" ")).join();
      if (held !== (expected.get(id) ?? ""))
        found.push(`Secret ${id} holds [${held}], not [${expected.get(id)}]`);
      if (Object.keys(data).join() !== "authorized_keys") found.push(`Secret ${id} holds strays`);
      expected.delete(id);
    }
  }
  for (const id of expected.keys()) found.push(`Secret ${id} is missing`);
  return found;
}
