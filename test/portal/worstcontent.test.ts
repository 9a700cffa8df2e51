import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { Tenant } from "../operator/tenant.ts";
import { grant, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

/** What the worst that somebody may write costs everybody: each of these held the portal up for seconds, or filled its memory. */

let cluster: Cluster;
let tenant: Tenant;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  portal = await startPeoplePortal(cluster, tenant);
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

/** A GET with a body, which fetch sends not. */
async function getWithBody(person: string, path: string, body: object) {
  const text = JSON.stringify(body);
  const headers = {
    "x-forwarded-user": person,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  };
  return await new Promise<{ readonly status: number; readonly text: string }>((done, fail) => {
    request(new URL(path, portal.url), { method: "GET", headers }, (answer) => {
      let received = "";
      answer.on("data", (chunk) => {
        received += chunk;
      });
      answer.on("end", () => done({ status: answer.statusCode ?? 0, text: received }));
    })
      .on("error", fail)
      .end(text);
  });
}

describe("a search", () => {
  test.each(["z|", "z or ", "-z,", "name = z or ", "(", "id ^ (1,"])(
    "of as many words as a body holds is refused: %j",
    async (word) => {
      const search = word.repeat(Math.floor(200_000 / word.length));
      const { status, text } = await getWithBody("mallory", "/api/users/mallory/ssh_keys", { search });
      expect([status, text]).toEqual([400, expect.stringContaining("the search has more than")]);
    },
  );

  test("of as many words as people type is answered", async () => {
    const search = Array.from({ length: 100 }, (_, nth) => `name = laptop-${nth}`).join(" or ");
    const query = new URLSearchParams({ search });
    expect((await portal.as("mallory", "GET", `/api/users/mallory/ssh_keys?${query}`)).status).toBe(200);
  });
});
