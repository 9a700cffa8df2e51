import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { KEYS_CHANGED_ANNOTATION } from "../../src/api/names.ts";
import { podPath } from "../../src/api/paths.ts";
import { readRequests } from "../cluster/auditlog.ts";
import { eventually } from "../cluster/eventually.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import { Pods } from "./pods.ts";
import { freshKey } from "./publickeys.ts";
import { ServiceAccount } from "./serviceaccount.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS } from "./tenant.ts";

const ON = { config: "refresh: { pods: true }" };
const ALICE = "sshkeys-alice";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
});

afterAll(async () => {
  await stage.close();
});

/** Alice's Secret holds one key of hers. */
async function withOneKey() {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("only", { user: "alice", key });
  await tenant.untilFile(ALICE, [tenant.line("only", key)]);
  await stage.isIdle();
  return { tenant, pods: new Pods(tenant) };
}

describe("a running pod with the label that mounts a Secret", () => {
  beforeAll(async () => {
    await stage.run(ON);
  });

  test("is annotated after a removal was acknowledged, and again 500 ms later", async () => {
    const { tenant, pods } = await withOneKey();
    await pods.create("bastion", { secrets: [ALICE] });
    await tenant.remove("only");
    const [first, second] = await pods.untilPatched(stage, "bastion", 2);
    expect(first?.receivedAt).toBeGreaterThanOrEqual(await pods.acknowledgedAt(stage, ALICE));
    expect((second?.receivedAt ?? 0) - (first?.answeredAt ?? 0)).toBeGreaterThanOrEqual(499);
    await stage.isIdle();
    expect((await pods.patches(stage)).length).toBe(2);
  });

  test("is annotated once after an addition", async () => {
    const { tenant, pods } = await withOneKey();
    await pods.create("bastion", { secrets: [ALICE] });
    await tenant.create("second", { user: "alice", key: freshKey() });
    const [first] = await pods.untilPatched(stage, "bastion", 1);
    expect(first?.receivedAt).toBeGreaterThanOrEqual(await pods.acknowledgedAt(stage, ALICE));
    await stage.isIdle();
    expect((await pods.patches(stage)).length).toBe(1);
  });

  test("is annotated when somebody else's line is taken out again", async () => {
    const { tenant, pods } = await withOneKey();
    await pods.create("bastion", { secrets: [ALICE] });
    await tenant.editSecret(ALICE, { stringData: { authorized_keys: `${freshKey()}\n` } });
    await pods.untilPatched(stage, "bastion", 2);
    expect((await pods.read("bastion")).metadata.annotations).toHaveProperty([KEYS_CHANGED_ANNOTATION]);
  });

  test("is as it was but for the annotation", async () => {
    const { tenant, pods } = await withOneKey();
    const annotations = { "example.com/kept": "x", [KEYS_CHANGED_ANNOTATION]: "before" };
    const before = await pods.create("bastion", { secrets: [ALICE], annotations });
    await tenant.remove("only");
    const time = await pods.untilRefreshed("bastion", "before");
    const after = await pods.read("bastion");
    expect(withoutVersion(after)).toEqual(
      withoutVersion({
        ...before,
        metadata: { ...before.metadata, annotations: { ...annotations, [KEYS_CHANGED_ANNOTATION]: time } },
      }),
    );
  });

  test("is found among others on many pages, and no other pod is annotated", async () => {
    const { tenant, pods } = await withOneKey();
    const others = Array.from({ length: 300 }, (_, i) => `other-${i}`);
    await Promise.all([
      ...others.map((name) => pods.create(name, { secrets: ["sshkeys-bob"] })),
      pods.create("zz-secret", { secrets: [ALICE] }),
      pods.create("zz-projected", { volumes: [PROJECTED] }),
      pods.create("zz-unlabelled", { secrets: [ALICE], isLabelled: false }),
      pods.create("zz-pending", { secrets: [ALICE], phase: "Pending" }),
      pods.create("zz-ended", { secrets: [ALICE], phase: "Succeeded" }),
      pods.create("zz-terminating", { secrets: [ALICE], finalizers: ["example.com/kept"] }),
    ]);
    await pods.remove("zz-terminating");
    await tenant.remove("only");
    await pods.untilPatched(stage, "zz-secret", 2);
    await pods.untilPatched(stage, "zz-projected", 2);
    await stage.isIdle();
    expect(new Set((await pods.patches(stage)).map(({ name }) => name))).toEqual(
      new Set(["zz-secret", "zz-projected"]),
    );
    await pods.release("zz-terminating");
  });

  test("is counted, and the seconds it took", async () => {
    const { tenant, pods } = await withOneKey();
    await pods.create("bastion", { secrets: [ALICE] });
    const before = await counted();
    await tenant.remove("only");
    await pods.untilPatched(stage, "bastion", 2);
    await stage.isIdle();
    const after = await counted();
    expect([after.annotated - before.annotated, after.durations - before.durations]).toEqual([2, 1]);
  });
});

test("a patch with the UID of another pod is refused: a pod that was made anew is never taken for the one before", async () => {
  const { tenant, pods } = await withOneKey();
  const { metadata } = await pods.create("bastion", { secrets: [ALICE] });
  const patch = (uid: string) => ({ metadata: { uid, annotations: { [KEYS_CHANGED_ANNOTATION]: "now" } } });
  const path = podPath(tenant.namespace, "bastion");
  const other = "00000000-0000-0000-0000-000000000000";
  const refused = await stage.cluster.request("PATCH", path, patch(other));
  const { details } = refused.body as { details: { causes: { field: string }[] } };
  const fields = new Set(details.causes.map(({ field }) => field));
  expect([refused.status, [...fields]]).toEqual([422, ["metadata.uid"]]);
  expect((await stage.cluster.request("PATCH", path, patch(metadata.uid))).status).toBe(200);
});

test("by default no pod is listed or patched", async () => {
  await stage.run();
  const { tenant, pods } = await withOneKey();
  await pods.create("bastion", { secrets: [ALICE] });
  await tenant.remove("only");
  await tenant.untilFile(ALICE, []);
  await stage.isIdle();
  const requests = await readRequests(stage.cluster.controlPlane.auditLog ?? "");
  const own = requests.filter(
    ({ userAgent, uri }) =>
      userAgent.startsWith("sshkey-operator/") && uri.includes(`${tenant.namespace}/pods`),
  );
  expect(own).toEqual([]);
});

test("whoever takes over refreshes the pods of a Secret that was written just before", async () => {
  await stage.run();
  const { tenant, pods } = await withOneKey();
  await pods.create("bastion", { secrets: [ALICE] });
  await tenant.remove("only");
  await tenant.untilFile(ALICE, []);
  await stage.crash();
  await stage.run(ON);
  expect((await pods.untilPatched(stage, "bastion", 2)).length).toBe(2);
});

test("a removal whose answer was lost is refreshed when it has been read that it came through", async () => {
  const proxy = await FaultProxy.start(stage.cluster.controlPlane.kubeconfig);
  onTestFinished(async () => {
    await stage.rest();
    await proxy.stop();
  });
  await stage.run({ ...ON, kubeconfig: proxy.kubeconfig });
  const { tenant, pods } = await withOneKey();
  await pods.create("bastion", { secrets: [ALICE] });
  const lost = proxy.inject(({ verb, resource }) => verb === "patch" && resource === "secrets", {
    kind: "lose",
  });
  await tenant.remove("only");
  expect((await pods.untilPatched(stage, "bastion", 2)).length).toBe(2);
  expect(lost.hits).toBe(1);
});

describe("without the rights on pods", () => {
  const WORK = [
    { apiGroups: [""], resources: ["secrets"], verbs: ["*"] },
    { apiGroups: ["sshkey-operator.dev"], resources: ["*"], verbs: ["*"] },
  ];

  test("Secrets are written, it is said once and counted, and when the rights are there pods are annotated", async () => {
    const tenant = await stage.tenant();
    const pods = new Pods(tenant);
    const account = await ServiceAccount.create(tenant);
    await account.may(WORK);
    const operator = await stage.run({
      ...ON,
      kubeconfig: account.kubeconfig,
      args: ["--namespace", tenant.namespace],
    });
    await pods.create("bastion", { secrets: [ALICE] });
    const keys = [freshKey(), freshKey(), freshKey()];
    for (const [i, key] of keys.entries()) {
      await tenant.create(`key-${i}`, { user: "alice", key });
      await tenant.until(`key-${i}`, "Projected");
    }
    await tenant.remove("key-0");
    await tenant.untilFile(ALICE, [tenant.line("key-1", keys[1] ?? ""), tenant.line("key-2", keys[2] ?? "")]);
    await eventually("it is counted", async () => (await counted()).forbidden > 1, DEADLINE_MS);
    expect((await operator.log()).filter(({ event }) => event === "PodsForbidden").length).toBe(1);
    await account.may([...WORK, { apiGroups: [""], resources: ["pods"], verbs: ["list", "patch"] }]);
    await eventually(
      "the next change is refreshed",
      async () => {
        const key = freshKey();
        await tenant.edit("key-1", { key });
        await tenant.untilFile(ALICE, [tenant.line("key-1", key), tenant.line("key-2", keys[2] ?? "")]);
        return (await pods.patches(stage)).length > 0;
      },
      DEADLINE_MS,
    );
  });
});

const PROJECTED = {
  name: "all",
  projected: {
    sources: [
      { configMap: { name: "other" } },
      { secret: { name: ALICE, optional: true, items: [{ key: "authorized_keys", path: "alice" }] } },
    ],
  },
};

const DURATIONS = "sshkey_operator_pod_refresh_duration_seconds";

async function counted() {
  const { value, samples } = await stage.operator.scrape();
  const results = "sshkey_operator_pod_refreshes_total";
  return {
    annotated: value(results, { result: "annotated" }),
    forbidden: value(results, { result: "forbidden" }),
    durations: samples(DURATIONS).find(({ name }) => name === `${DURATIONS}_count`)?.value ?? 0,
  };
}

function withoutVersion({ metadata, ...rest }: { readonly metadata: object }) {
  const { resourceVersion, managedFields, ...kept } = metadata as Record<string, unknown>;
  return { ...rest, metadata: kept };
}
