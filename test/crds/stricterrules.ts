import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import { parse, stringify } from "yaml";
import { VERSION } from "../../src/api/names.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";

/** An object that was stored before its definition had any rules; by now they are in force. */
export interface OldObject {
  /** Merge-patches it, or what stands behind it: `suffix` is "/status" or a query. */
  patch(suffix: string, body: object): Promise<[status: number, message: string]>;
  remove(): Promise<void>;
}

const GROUP = "old.sshkey-operator.dev";

/** Stores this spec, which the rules would refuse, in the same definition in a group of its own. */
export async function storeBeforeRules(
  { cluster, namespace }: { readonly cluster: Cluster; readonly namespace: string },
  file: string,
  spec: object,
): Promise<OldObject> {
  const crd = parse(await readFile(file, "utf8"));
  const { plural, kind } = crd.spec.names;
  crd.metadata.name = `${plural}.${GROUP}`;
  crd.spec.group = GROUP;
  const path = `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${plural}`;
  const create = async (name: string, query = "") => {
    const object = { apiVersion: `${GROUP}/${VERSION}`, kind, metadata: { name }, spec };
    return (await cluster.request("POST", path + query, object)).status;
  };
  const apply = async (definition: object) => {
    const args = ["apply", "--server-side", "-f", "-"];
    const { code, stderr } = await cluster.kubectl(args, stringify(definition));
    expect([code, stderr]).toEqual([0, ""]);
  };

  const lax = structuredClone(crd);
  delete lax.spec.versions[0].schema.openAPIV3Schema.properties.spec["x-kubernetes-validations"];
  await apply(lax);
  await eventually("the definition without rules is served", async () => (await create("first")) === 201);
  await apply(crd);
  await eventually("the rules are in force", async () => (await create("second", "?dryRun=All")) === 422);
  return {
    async patch(suffix, body) {
      const answer = await cluster.request("PATCH", `${path}/first${suffix}`, body);
      const { message = "" }: { message?: string } = Object(answer.body);
      return [answer.status, message];
    },
    async remove() {
      await cluster.kubectl(["delete", "crd", crd.metadata.name, "--wait=false"]);
    },
  };
}
