import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyStatusPath } from "../../src/operator/paths.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import type { Fault } from "./faultproxy.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open();
});

afterAll(async () => {
  await arena.close();
});

const ALWAYS = Number.POSITIVE_INFINITY;
const THROTTLED: Fault = { kind: "answer", status: 429, headers: { "retry-after": "2" } };
/** What Node's timers may be early by, in ms. */
const TIMER_SLACK_MS = 20;

describe("429 with Retry-After", () => {
  beforeAll(async () => {
    await arena.run();
  });

  test("to a write is obeyed: not a request for that user before, and the others are served", async () => {
    const [throttled, other] = [await arena.tenant(), await arena.tenant()];
    const { struck, end } = arena.proxy.inject(writesOf(throttled), THROTTLED, ALWAYS);
    await throttled.create("one", { user: "alice", key: freshKey() });
    await struck;
    await other.create("one", { user: "alice", key: freshKey() });
    await other.until("one", "Projected");
    end();
    await throttled.until("one", "Projected");
    const [first, second] = arena.proxy.requests.filter(writesOf(throttled));
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2000 - TIMER_SLACK_MS);
  });

  test("to a write is obeyed by a user whose SSHKeys change meanwhile", async () => {
    const tenant = await arena.tenant();
    const { struck } = arena.proxy.inject(writesOf(tenant), THROTTLED);
    await tenant.create("one", { user: "alice", key: freshKey() });
    const { at } = await struck;
    const key = freshKey();
    await tenant.edit("one", { key });
    await tenant.create("two", { user: "alice", key: freshKey() });
    await tenant.until("two", "Projected");
    const again = arena.proxy.requests.find((r) => writesOf(tenant)(r) && r.at > at);
    expect((again?.at ?? 0) - at).toBeGreaterThanOrEqual(2000 - TIMER_SLACK_MS);
  });

  test.each(["sshkeys", "secrets"])("to a watch on %s is obeyed, and nothing is missed", async (resource) => {
    const tenant = await arena.tenant();
    const isWatch = ({ verb, resource: of }: ProxiedRequest) => verb === "watch" && of === resource;
    const { struck } = arena.proxy.inject(isWatch, THROTTLED);
    arena.proxy.cut(resource);
    const { at } = await struck;
    const key = freshKey();
    await tenant.create("one", { user: "alice", key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("one", key)]);
    const again = await eventually("the watch is taken up again", () =>
      arena.proxy.requests.find((r) => isWatch(r) && r.at > at),
    );
    expect(again.at - at).toBeGreaterThanOrEqual(2000 - TIMER_SLACK_MS);
  });
});

describe("401", () => {
  test("after a token was rotated makes the new one be read at once", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    writeFileSync(arena.proxy.tokenFile, "second");
    arena.proxy.accepts = (token) => token === "second";
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
  });

  test("while the new token is not there yet ends when it is", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    const refused = arena.proxy.inject(writesOf(tenant), { kind: "answer", status: 401 }, ALWAYS);
    await tenant.create("one", { user: "alice", key: freshKey() });
    await eventually("several requests are refused", () => refused.hits >= 4);
    refused.end();
    await tenant.until("one", "Projected");
  });
});

describe("5xx", () => {
  test("to every write of a Secret is told as nobody's to mend, and is over when it ends", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    const failed = arena.proxy.inject(secretWritesOf(tenant), { kind: "answer", status: 500 }, ALWAYS);
    await tenant.create("one", { user: "alice", key: freshKey() });
    const { conditions } = await tenant.until("one", "Pending");
    expect(conditions?.map(({ type }) => type)).not.toContain("Stalled");
    expect(conditions?.find(({ type }) => type === "Ready")?.message).toContain("500");
    failed.end();
    await tenant.until("one", "Projected");
  });

  test("to a creation that is carried out all the same is seen through, though no watch shows it", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    arena.proxy.filter = (line, { resource }) => (resource === "secrets" ? [] : [line]);
    const answered = arena.proxy.inject(secretWritesOf(tenant), {
      kind: "answer",
      status: 504,
      forwarded: true,
    });
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
    arena.proxy.thaw();
    expect([answered.hits, arena.proxy.requests.filter(secretWritesOf(tenant)).length]).toEqual([1, 1]);
  });
});

describe("403 on one namespace", () => {
  test("leaves the others alone, is told, and is over soon after its end without anybody touching an SSHKey", async () => {
    await arena.run();
    const [forbidden, other] = [await arena.tenant(), await arena.tenant()];
    const refused = arena.proxy.inject(secretWritesOf(forbidden), { kind: "answer", status: 403 }, ALWAYS);
    await forbidden.create("one", { user: "alice", key: freshKey() });
    const { conditions } = await forbidden.until("one", "SecretConflict");
    expect(conditions?.find(({ type }) => type === "Stalled")?.status).toBe("True");
    await other.create("one", { user: "alice", key: freshKey() });
    await other.until("one", "Projected");
    refused.end();
    const before = arena.proxy.requests.length;
    await forbidden.until("one", "Projected");
    const attempts = arena.proxy.requests.slice(before).filter(secretWritesOf(forbidden));
    expect(attempts).toHaveLength(1);
  });

  test("never looks as if its keys had been deleted", async () => {
    const [forbidden, other] = [await arena.tenant(), await arena.tenant()];
    await arena.run({ args: ["--namespace", forbidden.namespace, "--namespace", other.namespace] });
    const [one, two] = [freshKey(), freshKey()];
    await forbidden.create("one", { user: "alice", key: one });
    await forbidden.untilFile("sshkeys-alice", [forbidden.line("one", one)]);
    const isTheirs = ({ namespace }: ProxiedRequest) => namespace === forbidden.namespace;
    const refused = arena.proxy.inject(isTheirs, { kind: "answer", status: 403 }, ALWAYS);
    arena.proxy.cut("sshkeys");
    arena.proxy.cut("secrets");
    await eventually("lists or watches are refused", () => refused.hits >= 2);
    await forbidden.create("two", { user: "alice", key: two });
    await other.create("one", { user: "bob", key: freshKey() });
    await other.until("one", "Projected");
    await forbidden.untilFile("sshkeys-alice", [forbidden.line("one", one)]);
    refused.end();
    await forbidden.untilFile("sshkeys-alice", [forbidden.line("one", one), forbidden.line("two", two)]);
  });
});

describe("409", () => {
  test("ten times in a row is tried again until it goes well", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    const isStatus = (r: ProxiedRequest) => writesOf(tenant)(r) && r.resource === "sshkeys";
    const refused = arena.proxy.inject(isStatus, { kind: "answer", status: 409 }, 10);
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
    expect(refused.hits).toBe(10);
  });

  test("storms of another writer on the same status end with the truth", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
    const foreign = {
      type: "Reviewed",
      status: "True",
      reason: "Storm",
      message: "",
      lastTransitionTime: new Date().toISOString(),
    };
    const path = keyStatusPath(tenant.namespace, "one");
    for (let round = 0; round < 50; round += 1) {
      await Promise.all([
        tenant.cluster.request("PATCH", path, {
          status: { fingerprint: `SHA256:${round}`, secretName: null },
        }),
        tenant.cluster.request("PATCH", path, {
          status: { conditions: [{ ...foreign, reason: `R${round}` }] },
        }),
      ]);
    }
    await tenant.until("one", "Projected", ({ fingerprint, secretName }) =>
      [fingerprint?.length === 50, secretName === "sshkeys-alice"].every(Boolean),
    );
    await arena.untilQuiet();
  });
});

test("no write on the way broke a guarantee", async () => {
  const { breaches, secretWrites } = await arena.judge(10_000);
  expect(breaches).toEqual([]);
  expect(secretWrites).toBeGreaterThan(10);
});

/** Writes of Secrets in the tenant's namespace. */
function secretWritesOf(tenant: Tenant): (request: ProxiedRequest) => boolean {
  return (request) => writesOf(tenant)(request) && request.resource === "secrets";
}

/** Writes in the tenant's namespace. */
function writesOf({ namespace }: Tenant): (request: ProxiedRequest) => boolean {
  return (request) => isWrite(request) && request.namespace === namespace;
}
