import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { managedSelector, secretsPath } from "../../src/api/paths.ts";
import { readRequests } from "../cluster/auditlog.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshDSSKey, freshKey, freshNISTP521Key } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

let stage: Stage;
let tenant: Tenant;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
  tenant = await withOneOfEach();
  await stage.allIsHandled();
});

afterAll(async () => {
  await stage.close();
});

describe("in a converged namespace the operator writes nothing", () => {
  test("while nothing happens to it", async () => {
    expect(await writesDuring(async () => undefined)).toEqual([]);
  });

  test("after a restart", async () => {
    expect(
      await writesDuring(async () => {
        await stage.run();
      }),
    ).toEqual([]);
  });

  test("after a crash", async () => {
    expect(
      await writesDuring(async () => {
        await stage.crash();
        await stage.run();
      }),
    ).toEqual([]);
  });

  test("when labels of its SSHKeys are edited", async () => {
    expect(
      await writesDuring(async () => {
        for (const { metadata } of await tenant.list()) await tenant.label(metadata.name, { team: "a" });
      }),
    ).toEqual([]);
  });

  test("when labels and annotations of its Secrets are edited that are not the operator's", async () => {
    const metadata = { labels: { team: "a" }, annotations: { "example.com/note": "a" } };
    expect(await writesDuring(() => tenant.editSecret("sshkeys-alice", { metadata }))).toEqual([]);
  });

  test("when another controller adds a condition of its own", async () => {
    const { status } = await tenant.read("projected");
    const condition = {
      type: "example.com/Audited",
      status: "True",
      reason: "Audited",
      message: "",
      lastTransitionTime: "2026-01-02T03:04:05Z",
    };
    const conditions = [...(status?.conditions ?? []), condition];
    expect(await writesDuring(() => tenant.editStatus("projected", { conditions }))).toEqual([]);
  });

  test("when an SSHKey is applied again as it is", async () => {
    const { spec } = await tenant.read("projected");
    expect(await writesDuring(() => tenant.edit("projected", { ...spec }))).toEqual([]);
  });
});

describe("when secrets.expiryTimeFormat is changed", () => {
  const config = "secrets: { expiryTimeFormat: WithoutZ }";

  test("each Secret that holds an expiring key is written once, and no status and no Event", async () => {
    expect(
      await writesDuring(async () => {
        await stage.run({ config });
      }),
    ).toEqual(["patch secrets/sshkeys-bob"]);
    const { data } = (await tenant.secret("sshkeys-bob")) ?? {};
    expect(data?.authorized_keys).toMatch(/^expiry-time="20391231230000" ssh-ed25519 \S+ \S+\n$/);
  });

  test("nobody has gained or lost access", async () => {
    const changes = (await stage.operator.log()).filter(({ event }) => event === "AccessChanged");
    expect(changes.filter(({ namespace }) => namespace === tenant.namespace)).toEqual([]);
  });

  test("nothing is written from then on", async () => {
    expect(
      await writesDuring(async () => {
        await stage.run({ config });
      }),
    ).toEqual([]);
  });

  test("it is written once more when that is taken back", async () => {
    expect(
      await writesDuring(async () => {
        await stage.run();
      }),
    ).toEqual(["patch secrets/sshkeys-bob"]);
  });
});

test("nothing is listed again once it is watched", async () => {
  const before = (await lists()).length;
  await stage.allIsHandled();
  expect((await lists()).slice(before)).toEqual([]);
});

test("a change costs one Secret write and one status write", async () => {
  const writes = await writesDuring(async () => {
    await tenant.create("one-more", { user: "carol", key: freshKey() });
    await tenant.until("one-more", "Projected");
  });
  expect(writes.filter((write) => !write.includes("events"))).toEqual([
    "create secrets/sshkeys-carol",
    "patch sshkeys/one-more/status",
  ]);
});

test("Secrets are listed and watched by the label alone, but for a single one that stands in the way", async () => {
  const lists = (await requests())
    .filter(({ verb }) => /^(list|watch)$/.test(verb))
    .map(({ uri }) => new URL(uri, "https://cluster"))
    .filter(
      ({ pathname, searchParams }) => pathname.endsWith("/secrets") && !searchParams.has("fieldSelector"),
    );
  expect(new Set(lists.map(({ searchParams }) => searchParams.get("labelSelector")))).toEqual(
    new Set([managedSelector("default")]),
  );
});

test("a Secret that cannot be made is tried once; then it is only looked at whether the other one is gone", async () => {
  await stage.allIsHandled();
  const made = await attemptsIn([tenant]);
  const looked = async () =>
    (await requests()).filter(({ uri }) => uri.includes("fieldSelector=metadata.name%3Dsshkeys-dave")).length;
  const before = await looked();
  await eventually("it is looked at again", async () => (await looked()) > before, DEADLINE_MS);
  expect(await attemptsIn([tenant])).toBe(made);
});

/** What the operator has asked of the API server, refused or not. */
async function requests() {
  const all = await readRequests(stage.cluster.controlPlane.auditLog ?? "");
  return all.filter(({ userAgent }) => userAgent.startsWith("sshkey-operator/"));
}

/** What the operator has listed, but for single objects that it looks at. */
async function lists() {
  return (await requests()).filter(({ verb, uri }) => verb === "list" && !uri.includes("fieldSelector="));
}

/** How often the operator has tried to make a Secret in these namespaces. */
async function attemptsIn(tenants: readonly Tenant[]): Promise<number> {
  const paths = new Set(tenants.map(({ namespace }) => secretsPath(namespace)));
  return (await requests()).filter(
    ({ verb, uri }) => verb === "create" && paths.has(new URL(uri, "https://cluster").pathname),
  ).length;
}

/** The operator's writes in the tenant's namespace, Events included, until all that `act` brought about is handled. */
async function writesDuring(act: () => Promise<void>): Promise<string[]> {
  const before = new Set((await stage.writesIn(tenant)).map(({ id }) => id));
  await act();
  await stage.allIsHandled();
  const writes = (await stage.writesIn(tenant)).filter(({ id }) => !before.has(id));
  return writes.map(({ verb, resource, name, subresource }) => {
    const object = resource === "events" ? resource : `${resource}/${name}`;
    return `${verb} ${object}${subresource === "" ? "" : `/${subresource}`}`;
  });
}

async function withOneOfEach(): Promise<Tenant> {
  const fresh = await stage.tenant();
  const key = freshKey();
  await fresh.create("projected", { user: "alice", key });
  await fresh.create("advised", { user: "alice", key: freshNISTP521Key() });
  await fresh.create("with-options", { user: "alice", key: freshKey(), options: ["restrict"] });
  await fresh.create("expiring", { user: "bob", key: freshKey(), expiresAt: "2040-01-01T00:00:00.5+01:00" });
  await fresh.until("projected", "Projected");
  await fresh.untilYounger();
  await fresh.create("duplicate", { user: "bob", key });
  await fresh.create("weak", { user: "bob", key: freshDSSKey() });
  await fresh.create("invalid", { user: "alice", key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" });
  await fresh.create("expired", { user: "alice", key: freshKey(), expiresAt: "2020-01-01T00:00:00Z" });
  await fresh.create("disabled", { user: "alice", key: freshKey(), disabled: true });
  await fresh.buildCreate("sshkeys-dave", {});
  await fresh.create("conflict", { user: "dave", key: freshKey() });
  const held = freshKey();
  await fresh.create("held", { user: "erin", key: held });
  await fresh.until("held", "Projected");
  await fresh.editSecret("sshkeys-erin", { immutable: true });
  await fresh.edit("held", { disabled: true });
  await fresh.create("waiting", { user: "frank", key: held });
  await fresh.until("with-options", "Projected");
  await fresh.until("expiring", "Projected");
  await fresh.until("duplicate", "Duplicate");
  await fresh.until("weak", "Weak");
  await fresh.until("invalid", "Invalid");
  await fresh.until("expired", "Expired");
  await fresh.until("disabled", "Disabled");
  await fresh.until("conflict", "SecretConflict");
  await fresh.until("held", "SecretConflict");
  await fresh.until("waiting", "Projected");
  return fresh;
}
