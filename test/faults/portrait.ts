import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import type { Tenant } from "../operator/tenant.ts";

/**
 * All Secrets and statuses of a namespace, with everything taken out that differs from run to run: two runs that
 * came to the same end give equal portraits. `keys` are the key lines of the run, in an order of its own.
 */
export async function portrait(tenant: Tenant, keys: readonly string[]): Promise<unknown> {
  const secrets = (await tenant.secrets()).map(({ metadata: { name, labels, annotations }, data }) => ({
    name,
    labels,
    annotations,
    data,
  }));
  const statuses = (await tenant.list()).map(({ metadata, status = {} }) => ({
    name: metadata?.name,
    isCurrent: status.observedGeneration === metadata?.generation,
    ...withoutPrints(status),
  }));
  let text = JSON.stringify({ secrets, statuses }).replaceAll(tenant.namespace, "NAMESPACE");
  for (const [index, key] of keys.entries()) {
    text = text.replaceAll(key.split(" ")[1] ?? "", `KEY-${index}`);
  }
  return JSON.parse(
    text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME").replace(/expiry-time=\\"\d+Z/g, "EXPIRY"),
  );
}

function withoutPrints({ fingerprint, fingerprintMD5, ...rest }: SSHKeyStatus) {
  return { hasPrints: fingerprint !== undefined && fingerprintMD5 !== undefined, ...rest };
}
