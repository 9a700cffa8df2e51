import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATION } from "../../../src/api/names.ts";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, type Tenant } from "../tenant.ts";
import { Bastion } from "./bastion.ts";

type Files = Readonly<Record<string, readonly string[]>>;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(() => stage.close());

describe.concurrent("an AuthorizedKeys that is deleted", () => {
  test("leaves an empty Secret with the same files, for the pods that mount it", async () => {
    const { tenant, bastion } = await withOneKey();
    const before = await tenant.secret("gate");
    await bastion.remove("gate");
    const { metadata } = await bastion.untilFiles("gate", { alice: [] });
    expect([metadata.uid, metadata.ownerReferences, metadata.finalizers]).toEqual([
      before?.metadata.uid,
      undefined,
      undefined,
    ]);
  });

  test("and made again has its keys back in the same Secret", async () => {
    const { tenant, bastion, files } = await withOneKey();
    const before = await tenant.secret("gate");
    await bastion.remove("gate");
    await bastion.untilFiles("gate", { alice: [] });
    await bastion.create("gate", {});
    const { metadata } = await bastion.untilFiles("gate", files);
    expect(metadata.uid).toBe(before?.metadata.uid);
  });

  test("is out of force while a finalizer keeps the object, and says so", async () => {
    const { bastion } = await withOneKey();
    await bastion.editMetadata("gate", { finalizers: ["example.com/keep"] });
    await bastion.remove("gate");
    await bastion.untilFiles("gate", { alice: [] });
    await bastion.until("gate", "Terminating");
    await bastion.editMetadata("gate", { finalizers: null });
  });
});

describe.concurrent("the Secret of an AuthorizedKeys", () => {
  test.each<readonly [string, object]>([
    ["a file is edited", { stringData: { alice: "x" } }],
    ["a file is emptied", { data: { alice: "" } }],
    ["a file is removed", { data: { alice: null } }],
    ["a key of a stranger is added", { stringData: { root: `${freshKey()} people/mallory\n` } }],
    ["a file that is no login's is added", { stringData: { "X.sh": "#!/bin/sh\n" } }],
    ["it says that it is of another object", forWhom("another")],
    ["it says nothing of its object", forWhom(null)],
  ])("is restored after %s", async (_, patch) => {
    const { tenant, bastion, files } = await withOneKey();
    const before = await tenant.secret("gate");
    await tenant.editSecret("gate", patch);
    const isRestored = async () => {
      const { metadata } = await bastion.untilFiles("gate", filesAfter(patch, files));
      expect(metadata.annotations).toEqual({
        [SECRET_ANNOTATION]: `${tenant.namespace}/gate`,
        [AUTHORIZED_KEYS_ANNOTATION]: "gate",
      });
      return metadata.resourceVersion !== before?.metadata.resourceVersion;
    };
    await eventually("the Secret is restored", isRestored, DEADLINE_MS);
  });

  test("comes back after it is deleted", async () => {
    const { tenant, bastion, files } = await withOneKey();
    const before = await tenant.secret("gate");
    await tenant.removeSecret("gate");
    const isBack = async () =>
      (await bastion.untilFiles("gate", files)).metadata.uid !== before?.metadata.uid;
    await eventually("the Secret is back", isBack, DEADLINE_MS);
  });

  test("that loses its label is told and left alone, and taken up again with it", async () => {
    const { tenant, bastion } = await withOneKey();
    await tenant.editSecret("gate", { metadata: { labels: { [MANAGED_LABEL]: null } } });
    await bastion.until("gate", "SecretConflict");
    const before = await tenant.secret("gate");
    await tenant.edit("laptop", { disabled: true });
    const { blockedRemovals } = await bastion.until(
      "gate",
      "SecretConflict",
      (status) => status.blockedRemovals !== 0,
    );
    expect(blockedRemovals).toBe(1);
    expect(await tenant.secret("gate")).toEqual(before);
    await tenant.editSecret("gate", { metadata: { labels: { [MANAGED_LABEL]: "default" } } });
    await bastion.untilFiles("gate", { alice: [] });
    await bastion.until("gate", "Projected");
  });

  test("that is immutable says how many keys should be out of it, and stalls until it is deleted", async () => {
    const { tenant, bastion } = await withOneKey();
    await tenant.editSecret("gate", { immutable: true });
    await tenant.edit("laptop", { disabled: true });
    const status = await bastion.until("gate", "SecretConflict", (each) => each.blockedRemovals === 1);
    const stalled = status.conditions?.find(({ type }) => type === "Stalled");
    expect([stalled?.status, status.keyCount]).toEqual(["True", 1]);
    expect(stalled?.message).toMatch(/immutable.* kubectl delete secret -n /);
    await tenant.removeSecret("gate");
    await bastion.untilFiles("gate", { alice: [] });
    const after = await bastion.until("gate", "Projected");
    expect([after.blockedRemovals, after.keyCount]).toEqual([0, 0]);
  });

  test("that is immutable is no conflict any more once it is as it should be without a write", async () => {
    const { tenant, bastion } = await withOneKey();
    await tenant.editSecret("gate", { immutable: true });
    await tenant.create("phone", { user: "bob", key: freshKey() });
    await bastion.until("gate", "SecretConflict");
    await tenant.remove("phone");
    await bastion.until("gate", "Projected");
  });
});

test("keys that should be out of a Secret that is immutable are counted by a metric, after a restart too", async () => {
  const { tenant, bastion } = await withOneKey();
  const counted = async () => (await stage.operator.scrape()).value("sshkey_operator_blocked_removals");
  const untilCounted = (count: number) =>
    eventually(`${count} are counted`, async () => (await counted()) === count, DEADLINE_MS);
  expect(await counted()).toBe(0);
  await tenant.editSecret("gate", { immutable: true });
  await tenant.edit("laptop", { disabled: true });
  await untilCounted(1);
  await stage.crash();
  await stage.run();
  await untilCounted(1);
  await tenant.removeSecret("gate");
  await bastion.untilFiles("gate", { alice: [] });
  await untilCounted(0);
});

test("an AuthorizedKeys that is deleted while the operator is down leaves an empty Secret too", async () => {
  const { bastion } = await withOneKey();
  await stage.crash();
  await bastion.remove("gate");
  await stage.run();
  await bastion.untilFiles("gate", { alice: [] });
});

describe("with a short retention", () => {
  beforeAll(async () => {
    await stage.run({ config: "secrets: { retention: 1s }" });
  });

  test("the Secret of an AuthorizedKeys that is gone is collected", async () => {
    const { tenant, bastion } = await withOneKey();
    await bastion.remove("gate");
    await eventually("it is collected", async () => (await tenant.secret("gate")) === undefined, DEADLINE_MS);
  });

  test("that of one without any key is not", async () => {
    const { tenant, bastion } = await withOneKey();
    await tenant.remove("laptop");
    await bastion.untilFiles("gate", {});
    await stage.allIsHandled();
    await bastion.untilFiles("gate", {});
  });

  test("the file of a user who is gone is taken out, and that of one who is named stays", async () => {
    const { tenant, bastion } = await withOneKey();
    await tenant.create("phone", { user: "bob", key: freshKey() });
    await bastion.create("named", { from: [{ users: ["alice", "bo*"] }] });
    await bastion.until("named", "Projected", ({ userCount }) => userCount === 2);
    await tenant.remove("laptop");
    await tenant.remove("phone");
    await bastion.untilFiles("named", { alice: [] });
  });
});

async function withOneKey(): Promise<{ tenant: Tenant; bastion: Bastion; files: Files }> {
  const tenant = await stage.tenant();
  const bastion = new Bastion(tenant);
  const key = freshKey();
  await tenant.create("laptop", { user: "alice", key });
  await bastion.create("gate", {});
  await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 1);
  return { tenant, bastion, files: { alice: [tenant.line("laptop", key)] } };
}

function forWhom(object: string | null): object {
  return { metadata: { annotations: { [AUTHORIZED_KEYS_ANNOTATION]: object } } };
}

/** A file of somebody who could be a login stays, empty, as that of a user who is gone. */
function filesAfter(patch: object, files: Files) {
  return "stringData" in patch && Object.hasOwn(Object(patch.stringData), "root")
    ? { ...files, root: [] }
    : files;
}
