import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { Bastion } from "../operator/authorizedkeys/bastion.ts";
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

describe("a form", () => {
  /** How long its answer takes, in ms: the least of three. */
  async function cost(type: string, body: string): Promise<number> {
    const times: number[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const since = performance.now();
      const answer = await portal.as(undefined, "POST", "/keys/new", {
        body,
        headers: { "content-type": type },
      });
      await answer.text();
      times.push(performance.now() - since);
    }
    return Math.min(...times);
  }

  const BYTES = 250_000;
  const part = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n';

  test.each([
    ["application/x-www-form-urlencoded", "a&"],
    ["multipart/form-data; boundary=x", part],
  ])("of nobody's with as many fields as fit costs no more than one with few: %s", async (type, field) => {
    const plain = await cost(type, "a".repeat(BYTES));
    const many = await cost(type, `${field.repeat(Math.floor(BYTES / field.length))}--x--\r\n`);
    expect(many).toBeLessThan(10 * plain + 50);
  });
});

describe("where a key is used", () => {
  const VOLUMES = 8000;
  const TARGETS = 300;

  async function makePod(name: string): Promise<void> {
    const volumes = Array.from({ length: VOLUMES }, (_, nth) => ({
      name: `v${nth}`,
      secret: { secretName: "x" },
    }));
    const spec = { automountServiceAccountToken: false, containers: [{ name: "c", image: "none" }], volumes };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
    await tenant.send("POST", `/api/v1/namespaces/${tenant.namespace}/pods`, pod);
  }

  test("costs little, however much in pods is compared with however many AuthorizedKeys", async () => {
    const [used, unused] = [await portal.keyOf("alice"), await portal.keyOf("alice")];
    const lastTransitionTime = new Date().toISOString();
    const ready = { type: "Ready", status: "True", reason: "Projected", message: "in", lastTransitionTime };
    await tenant.editStatus(used, { observedGeneration: 1, secretName: "y", conditions: [ready] });
    await Promise.all(["one", "two", "three"].map(makePod));
    const bastion = new Bastion(tenant);
    for (let nth = 0; nth < TARGETS; nth += 1)
      await bastion.create(`t${nth}`, { from: [{ users: ["alice"] }], layout: "SingleFile" });
    const opened = async (key: string) => {
      const since = performance.now();
      const text = await (await portal.as("alice", "GET", `/keys/${key}`)).text();
      return { text, ms: performance.now() - since };
    };
    await eventually("all are seen", async () =>
      (await opened(used)).text.includes(`${TARGETS} AuthorizedKeys`),
    );
    const [plain, worst] = [await opened(unused), await opened(used)];
    expect(worst.ms).toBeLessThan(10 * plain.ms + 100);
  });
});

test("nobody writes more into the log than the limit of strangers lets them, whatever they send where", async () => {
  const before = (await portal.log()).length;
  const headers = { origin: "https://evil.example" };
  for (const path of ["/none", "/api/none", "/sign-out", "/keys/new/draft", "/keys"])
    for (let nth = 0; nth < 20; nth += 1) await portal.as(undefined, "POST", path, { headers });
  await portal.as(undefined, "POST", "/keys/new", { headers });
  const written = async () => (await portal.log()).slice(before).split("\n");
  await eventually("what is counted is told", async () =>
    (await written()).some((line) => line.includes('"route":"/keys/new"')),
  );
  expect((await written()).filter((line) => line.includes("WriteRefused"))).toHaveLength(1);
});
