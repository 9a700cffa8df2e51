import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REQUESTED_BY_ANNOTATION } from "../../src/api/names.ts";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import type { State } from "../../src/api/states.ts";
import { userSegment } from "../../src/portal/web/pathsegments.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { grant, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  await grant(cluster, tenant.namespace, "admin", "list,assign");
  await grant(cluster, tenant.namespace, "giver", "assign");
  portal = await startPeoplePortal(cluster, tenant);
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

async function seen(person: string, path: string): Promise<string> {
  return await (await portal.as(person, "GET", path)).text();
}

async function storedOf(user: string): Promise<readonly SSHKey[]> {
  const { items } = (await tenant.send("GET", sshKeysPath(tenant.namespace))) as {
    readonly items: readonly SSHKey[];
  };
  return items.filter(({ spec }) => spec.user === user);
}

/** As the operator says it. */
async function setState(name: string, reason: State): Promise<void> {
  const lastTransitionTime = new Date().toISOString();
  const ready = { type: "Ready", status: "False", reason, message: "said by a test", lastTransitionTime };
  await tenant.editStatus(name, { observedGeneration: 1, conditions: [ready] });
}

/** The row of a user in the list of people, without tags. */
function rowOf(page: string, user: string): string | undefined {
  const row = page.split("<tr>").find((part) => part.includes(`/people/${userSegment(user)}"`));
  return row
    ?.replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

describe("the list of people", () => {
  test("has everybody with the number of keys, by STATE", async () => {
    const names = [await portal.keyOf("carol"), await portal.keyOf("carol"), await portal.keyOf("carol")];
    await setState(names[0] ?? "", "Duplicate");
    await setState(names[1] ?? "", "Projected");
    await eventually("both states are seen", async () => {
      const row = rowOf(await seen("viewer", "/people"), "carol") ?? "";
      return row.includes("Duplicate") && row.includes("Projected");
    });
    const row = rowOf(await seen("viewer", "/people"), "carol") ?? "";
    expect(row).toMatch(/^carol 3 1 /);
    for (const count of ["1 Duplicate", "1 Projected", "1 Pending"]) expect(row).toContain(count);
  });

  test("a search finds names only that hold it, in any case", async () => {
    await portal.keyOf("Dora-Searched");
    const page = await seen("viewer", "/people?search=dora-s");
    expect(page.match(/<tr>\n<th scope="row"/g)).toHaveLength(1);
    expect(rowOf(page, "Dora-Searched")).toBeDefined();
  });

  test("has pages of fifty", async () => {
    const users = Array.from({ length: 51 }, (_, nth) => `many-${String(nth).padStart(2, "0")}`);
    await Promise.all(users.map((user) => tenant.create(`${user}-key`, { user, key: freshKey() })));
    const page = (nth: number) => seen("viewer", `/people?search=many-&page=${nth}`);
    await eventually("all are seen", async () => (await page(1)).includes("51 of "));
    expect([rowOf(await page(1), "many-49"), rowOf(await page(1), "many-50")]).toEqual([
      expect.any(String),
      undefined,
    ]);
    expect(rowOf(await page(2), "many-50")).toBeDefined();
    expect(rowOf(await page(999), "many-50")).toBeDefined();
  });

  test("leads to somebody who has no keys yet", async () => {
    const { status, headers } = await portal.as("admin", "GET", "/people?user=new%2Fcomer");
    expect([status, headers.get("location")]).toEqual([303, "/people/new~2Fcomer"]);
  });

  test("who may assign but not list sees nobody", async () => {
    const statuses = [];
    for (const path of ["/people", "/people/carol", "/people/carol/new"])
      statuses.push((await portal.as("giver", "GET", path)).status);
    expect(statuses).toEqual([403, 403, 403]);
  });
});

describe("the list of people is sorted", () => {
  beforeAll(async () => {
    const states: readonly [string, State][] = [
      ["sorted-a", "Projected"],
      ["sorted-b", "Projected"],
      ["sorted-b", "Disabled"],
      ["sorted-b", "Projected"],
      ["sorted-c", "Invalid"],
      ["sorted-c", "Duplicate"],
    ];
    for (const [user, state] of states) await setState(await portal.keyOf(user), state);
    await eventually("the states are seen", async () => {
      const page = await seen("viewer", "/people?search=sorted-");
      const rows = ["sorted-a", "sorted-b", "sorted-c"].map((user) => rowOf(page, user));
      return rows.every((row) => row !== undefined && !row.includes("Pending"));
    });
  });

  test.each([
    ["by name", "-user", ["sorted-c", "sorted-b", "sorted-a"]],
    ["by the number of keys", "-keys", ["sorted-b", "sorted-c", "sorted-a"]],
    ["by that of keys with problems", "-problems", ["sorted-c", "sorted-a", "sorted-b"]],
  ])("%s", async (_, sort, expected) => {
    const page = await seen("viewer", `/people?search=sorted-&sort=${sort}`);
    const names = [...page.matchAll(/<th scope="row"[^>]*><a [^>]*>([^<]*)</g)].map(([, name]) => name);
    expect(names).toEqual(expected);
  });
});

describe("another person's keys", () => {
  test("an administrator adds one, and the SSHKey says who asked for it", async () => {
    const key = freshKey();
    const answer = await portal.submit("admin", "/people/erin/new", { key, title: "Phone" });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/people/erin"]);
    const [made] = await storedOf("erin");
    expect(made?.spec).toEqual({ user: "erin", key, title: "Phone" });
    expect(made?.metadata.annotations?.[REQUESTED_BY_ANNOTATION]).toBe("admin");
    expect(await seen("erin", "/keys")).toContain("Phone");
  });

  test("an administrator disables, enables and deletes one", async () => {
    const name = await portal.keyOf("frank");
    const done = [];
    for (const verb of ["disable", "enable", "delete"]) {
      await portal.submit("admin", `/people/frank/${name}/${verb}`);
      done.push((await storedOf("frank")).map(({ spec }) => spec.disabled ?? false));
    }
    expect(done).toEqual([[true], [false], []]);
  });

  test("who may only look is offered nothing to change, and can change nothing", async () => {
    const name = await portal.keyOf("grace");
    const pages = [await seen("viewer", "/people/grace"), await seen("viewer", `/people/grace/${name}`)];
    for (const page of pages) expect(page).not.toMatch(/method="post"|\/new"|\/delete"/);
    const [before] = await storedOf("grace");
    for (const path of [`${name}/disable`, `${name}/delete`, "new"])
      expect((await portal.submit("viewer", `/people/grace/${path}`, { key: freshKey() })).status).toBe(403);
    expect(await storedOf("grace")).toEqual([before]);
  });

  test("the key of one is not among another's", async () => {
    const name = await portal.keyOf("heidi");
    expect((await portal.as("admin", "GET", `/people/carol/${name}`)).status).toBe(404);
  });

  test("a form of somebody else's changes nothing", async () => {
    const name = await portal.keyOf("ivan");
    const csrf = await portal.formToken("viewer");
    const body = new URLSearchParams({ csrf });
    const { status } = await portal.as("admin", "POST", `/people/ivan/${name}/delete`, { body });
    expect([status, (await storedOf("ivan")).length]).toEqual([403, 1]);
  });

  test("a name that no user can have is nobody's", async () => {
    for (const segment of ["~", "~0A", "~20", "a".repeat(254)])
      expect((await portal.as("admin", "GET", `/people/${segment}`)).status).toBe(404);
  });

  test.each(["a/b", "..", ".", "50%", "two words", "~", "new", '<b>&"', "ü".repeat(253), "😀".repeat(253)])(
    "%s is a user as any other",
    async (user) => {
      const path = `/people/${userSegment(user)}`;
      const key = freshKey();
      const { headers } = await portal.submit("admin", `${path}/new`, { key, title: "Odd" });
      expect(headers.get("location")).toBe(path);
      const link = /href="([^"]*)">Odd</.exec(await seen("admin", path))?.[1] ?? "";
      expect(await seen("admin", `${link}/raw`)).toBe(`${key}\n`);
      const after = await portal.submit("admin", `${link}/delete`);
      expect([after.headers.get("location"), await storedOf(user)]).toEqual([path, []]);
    },
  );
});
