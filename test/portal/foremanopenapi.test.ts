import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

let cluster: Cluster;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "admin"];
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), args });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

async function served(): Promise<{ readonly paths: Record<string, Record<string, object>> }> {
  const response = await fetch(new URL("/apidoc/openapi.json", portal.url));
  return (await response.json()) as { readonly paths: Record<string, Record<string, object>> };
}

test("the OpenAPI document is valid", async () => {
  const { valid, errors } = await new Validator().validate(await served());
  expect([valid, errors]).toEqual([true, undefined]);
});

test("it has every route of the SSH keys, once", async () => {
  const { paths } = await served();
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(routes.sort()).toEqual([
    "delete /api/users/{user_id}/ssh_keys/{id}",
    "get /api/status",
    "get /api/users",
    "get /api/users/{user_id}",
    "get /api/users/{user_id}/ssh_keys",
    "get /api/users/{user_id}/ssh_keys/{id}",
    "post /api/users/{user_id}/ssh_keys",
  ]);
});

test("it has a page for people, with every call in it", async () => {
  const response = await fetch(new URL("/apidoc", portal.url));
  const page = await response.text();
  const { paths } = await served();
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(calls.filter((call) => !page.includes(`<code>${call}</code></h2>`))).toEqual([]);
});
