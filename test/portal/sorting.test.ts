import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

let cluster: Cluster;
let portal: PortalProcess;
let alice: Visitor;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { namespace } = new Tenant(cluster, await cluster.namespace());
  const { kubeconfig } = cluster.controlPlane;
  portal = await startPortal({ kubeconfig, namespace, args: ["--insecure-user", "alice"] });
  alice = new Visitor(portal.url);
  for (const title of ["beta", "Alpha", "gamma"])
    await alice.submit("/keys/new", "/keys/new", { key: freshKey(), title });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

async function titles(query: string): Promise<readonly string[]> {
  const { text } = await alice.open(`/keys?${query}`);
  return [...text.matchAll(/<th scope="row"[^>]*><a [^>]*>([^<]*)</g)].map(([, title = ""]) => title);
}

describe("the list of keys", () => {
  test.each([
    ["title", ["Alpha", "beta", "gamma"]],
    ["-title", ["gamma", "beta", "Alpha"]],
  ])("is sorted by %s", async (sort, expected) => {
    expect(await titles(`sort=${sort}`)).toEqual(expected);
  });

  test("is as it was when it is to be sorted by what is no column", async () => {
    expect(await titles("sort=__proto__")).toEqual(await titles(""));
  });

  test("says by what it is sorted, and leads to the other way round", async () => {
    const { text } = await alice.open("/keys?sort=title");
    expect(text).toContain(
      '<th scope="col" aria-sort="ascending"><a href="/keys?search=&amp;sort=-title">Title</a></th>',
    );
  });

  test("stays sorted when it is searched", async () => {
    const { text } = await alice.open("/keys?sort=-title");
    expect(text).toContain('<input type="hidden" name="sort" value="-title">');
  });
});
