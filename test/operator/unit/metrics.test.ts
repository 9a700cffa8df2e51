import { describe, expect, test } from "vitest";
import { NO_KNOWLEDGE } from "../../../src/claims/judgement.ts";
import { toSSHKeyRecord } from "../../../src/claims/record.ts";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import { WorkQueue } from "../../../src/kube/workqueue.ts";
import { type ControllerName, Metrics, workersFor } from "../../../src/operator/metrics.ts";
import { Projection } from "../../../src/projection/projection.ts";
import { fingerprintSHA256 } from "../../../src/ssh/fingerprint.ts";
import { authorizedKeysRecord } from "../../authorizedkeys/scene.ts";
import { parseExposition } from "../../availability/exposition.ts";
import { proof } from "../../claims/keypairs.ts";
import { sshKeyRecord } from "../../claims/sshkeys.ts";
import { eventually } from "../../cluster/eventually.ts";
import { liveSecret, NOW } from "../../projection/secrets.ts";
import { freshKey, freshNISTP521Key } from "../publickeys.ts";

const WORKERS = 3;

/** A controller's queues with their metrics, on a clock that stands still; none of their work ends before the test does. */
const startQueues = (projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets)) => {
  let now = 0;
  const metrics = new Metrics();
  const queueOf = (name: ControllerName) =>
    new WorkQueue<string>({
      namespaceOf: (id) => id.slice(0, id.indexOf("/")),
      now: () => now,
      observer: metrics.queueObserver(name),
    });
  const controller = {
    secrets: queueOf("secret"),
    statuses: queueOf("status"),
    blocked: queueOf("blocked"),
    blockedCount: 2,
  };
  metrics.registerGauges(projection, controller, WORKERS);
  const gate = Promise.withResolvers<void>();
  const stop = new AbortController();
  let begun = 0;
  const process = async () => {
    begun += 1;
    await gate.promise;
  };
  const ended = Promise.all([
    controller.secrets.run(process, WORKERS, stop.signal),
    controller.statuses.run(process, workersFor(WORKERS).status, stop.signal),
  ]);
  return {
    ...controller,
    metrics,
    /** Work on a Secret has begun when this resolves, and then `seconds` pass. */
    async begin(id: string, seconds: number) {
      const before = begun;
      controller.secrets.add(id);
      await eventually(`${id} is worked on`, () => begun > before);
      now += seconds * 1000;
    },
    async end() {
      gate.resolve();
      stop.abort();
      await ended;
    },
    /** The samples of one metric: value and labels. */
    async read(name: string, controllerName: ControllerName | undefined = undefined) {
      const samples = parseExposition(await metrics.registry.metrics()).get(name)?.samples ?? [];
      return samples
        .filter(({ labels }) => controllerName === undefined || labels.controller === controllerName)
        .map(({ value }) => value);
    },
  };
};

describe("metrics of the work under way", () => {
  test("workqueue_unfinished_work_seconds is the time of all of it taken together", async () => {
    const { begin, read, end } = startQueues();
    await begin("team-a/alice", 40);
    await begin("team-b/bob", 2);
    expect(await read("workqueue_unfinished_work_seconds")).toEqual([44, 0, 0]);
    await end();
  });

  test("workqueue_longest_running_processor_seconds is the time of the oldest of it", async () => {
    const { begin, read, end } = startQueues();
    await begin("team-a/alice", 40);
    await begin("team-b/bob", 2);
    expect(await read("workqueue_longest_running_processor_seconds")).toEqual([42, 0, 0]);
    await end();
  });

  test.each(["workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"])(
    "%s is 0 when all is done",
    async (name) => {
      const { begin, read, end } = startQueues();
      await begin("team-a/alice", 40);
      await end();
      expect(await read(name)).toEqual([0, 0, 0]);
    },
  );

  test("controller_runtime_active_workers is how many are worked on, and none of those that wait", async () => {
    const { begin, secrets, read, end } = startQueues();
    for (let i = 0; i < WORKERS; i += 1) await begin(`team-${i}/alice`, 1);
    secrets.add("team-a/alice");
    expect(await read("controller_runtime_active_workers", "secret")).toEqual([WORKERS]);
    expect(await read("workqueue_depth", "secret")).toEqual([1]);
    await end();
  });

  test("controller_runtime_max_concurrent_reconciles is the number of workers, at rest too", async () => {
    const { read, end } = startQueues();
    const name = "controller_runtime_max_concurrent_reconciles";
    expect(await read(name, "secret")).toEqual([WORKERS]);
    expect(await read(name, "status")).toEqual([WORKERS]);
    await end();
  });

  test("sshkey_operator_blocked_secrets is what the controller says", async () => {
    const { read, end } = startQueues();
    expect(await read("sshkey_operator_blocked_secrets")).toEqual([2]);
    await end();
  });
});

describe("metrics of the keys", () => {
  test("sshkey_operator_sshkeys follows every change", async () => {
    const projection = withKeys(3);
    const { read, end } = startQueues(projection);
    expect(await read("sshkey_operator_sshkeys")).toEqual([3]);
    projection.removeSSHKey("team-0", "key-0");
    expect(await read("sshkey_operator_sshkeys")).toEqual([2]);
    await end();
  });

  test("sshkey_operator_proofs follows a proof that comes, is replaced by a wrong one, and goes", async () => {
    const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
    const { metrics, end } = startQueues(projection);
    let generation = 0;
    const countedWith = async (text?: string) => {
      generation += 1;
      const facts = { name: "laptop", generation, resourceVersion: generation };
      projection.putSSHKey(sshKeyRecord(text === undefined ? facts : { ...facts, proof: text }), NOW);
      return await proofsOf(metrics);
    };
    expect(await countedWith()).toEqual({ None: 1 });
    expect(await countedWith(proof({ key: 1, user: "alice" }))).toEqual({ Proven: 1 });
    expect(await countedWith(proof({ key: 2, user: "alice" }))).toEqual({ ProofOfAnotherKey: 1 });
    expect(await countedWith(proof({ key: 1, user: "bob" }))).toEqual({ ProofInvalid: 1 });
    expect(await countedWith()).toEqual({ None: 1 });
    await end();
  });

  test("sshkey_operator_proofs has a proof beside an invalid spec as the condition Proven has it", async () => {
    const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
    const { metrics, end } = startQueues(projection);
    projection.putSSHKey(sshKeyRecord({ name: "laptop", key: "nonsense", proof: "" }), NOW);
    expect(await proofsOf(metrics)).toEqual({ NotChecked: 1 });
    await end();
  });

  test("sshkey_operator_proofs forgets an SSHKey that is gone", async () => {
    const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
    const { metrics, end } = startQueues(projection);
    projection.putSSHKey(sshKeyRecord({ name: "laptop", proof: proof({ key: 1, user: "alice" }) }), NOW);
    projection.removeSSHKey("team-a", "laptop");
    expect(await proofsOf(metrics)).toEqual({});
    await end();
  });

  test("sshkey_operator_advised_sshkeys follows a key that is unusual, is replaced, is put back, revoked, and goes", async () => {
    const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
    const { metrics, end } = startQueues(projection);
    const counted = () => countsOf(metrics, "sshkey_operator_advised_sshkeys", "reason");
    const unusual = freshNISTP521Key();
    for (const [index, key] of [unusual, freshKey(), unusual].entries()) {
      const facts = { name: "laptop", generation: index + 1, resourceVersion: index + 1, key };
      projection.putSSHKey(sshKeyRecord(facts), NOW);
      expect(await counted()).toEqual(key === unusual ? { NISTP521: 1 } : {});
    }
    const [, base64 = ""] = unusual.split(" ");
    projection.claims.setKnowledge({ revoked: new Set([fingerprintSHA256(Buffer.from(base64, "base64"))]) });
    projection.claims.judgeAgain(projection.claims.all(), NOW);
    expect(await counted()).toEqual({});
    projection.claims.setKnowledge(NO_KNOWLEDGE);
    projection.claims.judgeAgain(projection.claims.all(), NOW);
    expect(await counted()).toEqual({ NISTP521: 1 });
    projection.removeSSHKey("team-a", "laptop");
    expect(await counted()).toEqual({});
    await end();
  });

  describe("sshkey_operator_unused_sshkeys", () => {
    const DAY_MS = 86_400_000;
    const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
    const fingerprint = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
    const lastTransitionTime = "2026-01-01T00:00:00Z";
    const status = (days: number | undefined, reason = "Projected", of = fingerprint) => ({
      observedGeneration: 1,
      fingerprint,
      conditions: [{ type: "Ready", status: "True", reason, message: "", lastTransitionTime }],
      ...(days === undefined ? {} : { lastUsed: { time: ago(days), source: "pod/a/b", fingerprint: of } }),
    });
    /** What is counted of one SSHKey after each of these statuses, and when it is gone. */
    const countedWith = async (...statuses: readonly object[]) => {
      const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
      const { read, end } = startQueues(projection);
      const counted: (number | undefined)[] = [];
      const count = async () => counted.push(...(await read("sshkey_operator_unused_sshkeys")));
      for (const [index, each] of statuses.entries()) {
        const facts = { name: "laptop", resourceVersion: index + 1, status: each };
        projection.putSSHKey(sshKeyRecord(facts), Date.now());
        await count();
      }
      projection.removeSSHKey("team-a", "laptop");
      await count();
      await end();
      return counted;
    };

    test("follows an old key that is used, and is used no more", async () => {
      expect(await countedWith(status(undefined), status(1), status(91))).toEqual([1, 0, 1, 0]);
    });

    test("counts a key whose SSHKey was given another one by that", async () => {
      const rotated = { ...status(1, "Projected", "SHA256:another"), claimedSince: ago(100) };
      expect(await countedWith({ ...rotated, claimedSince: ago(2) }, rotated)).toEqual([0, 1, 0]);
    });

    test("counts a key that works, and no other", async () => {
      const states = ["Disabled", "Accepted", "Duplicate"].map((state) => status(undefined, state));
      expect(await countedWith(...states)).toEqual([0, 1, 0, 0]);
    });

    test("believes no day that has not come yet", async () => {
      expect(await countedWith(status(-3))).toEqual([1, 0]);
    });
  });

  test("those of AuthorizedKeys follow what becomes of them and of what they leave out, and forget those that are gone", async () => {
    const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
    const { metrics, end } = startQueues(projection);
    const counted = async () => [
      await countsOf(metrics, "sshkey_operator_authorizedkeys", "state"),
      await countsOf(metrics, "sshkey_operator_omitted", "reason"),
    ];
    projection.setSynced(undefined);
    projection.replaceNamespaces([]);
    projection.authorizedKeys.put(
      authorizedKeysRecord({ from: [{ namespace: "elsewhere" }], secretName: "gate" }),
    );
    const target = projection.target("bastion/gate");
    if (target === undefined) throw new Error("there is no target");
    projection.applyResponse(
      target,
      liveSecret("", { namespace: "bastion", name: "gate", emptyFiles: [], forWhom: {} }),
    );
    projection.plan(target, NOW);
    expect(await counted()).toEqual([{ Projected: 1 }, { NotShared: 1 }]);
    projection.authorizedKeys.remove("bastion", "bastion");
    expect(await counted()).toEqual([{}, {}]);
    await end();
  });

  test("sshkey_operator_blocked_removals is what the statuses of AuthorizedKeys say, and forgets those that are gone", async () => {
    const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
    const { end, read } = startQueues(projection);
    const record = authorizedKeysRecord({});
    const counted = [await read("sshkey_operator_blocked_removals")];
    projection.authorizedKeys.put({ ...record, observed: { ...record.observed, blockedRemovals: 2 } });
    counted.push(await read("sshkey_operator_blocked_removals"));
    projection.authorizedKeys.remove(record.namespace, record.name);
    counted.push(await read("sshkey_operator_blocked_removals"));
    expect(counted).toEqual([[0], [2], [0]]);
    await end();
  });

  test("a scrape costs the same however many SSHKeys there are", async () => {
    const [few, many] = [startQueues(withKeys(1000)), startQueues(withKeys(50_000))];
    const [cheap, dear] = await fastest([few.metrics, many.metrics]);
    expect((dear ?? 0) / (cheap ?? 1)).toBeLessThan(3);
    await Promise.all([few.end(), many.end()]);
  });
});

/** How many SSHKeys have a proof of which worth. */
async function proofsOf(metrics: Metrics): Promise<Readonly<Record<string, number>>> {
  return await countsOf(metrics, "sshkey_operator_proofs", "result");
}

async function countsOf(
  { registry }: Metrics,
  name: string,
  label: string,
): Promise<Readonly<Record<string, number>>> {
  const samples = parseExposition(await registry.metrics()).get(name)?.samples ?? [];
  return Object.fromEntries(samples.map(({ labels, value }) => [labels[label], value]));
}

/** The shortest of many scrapes of each, by turns, in ms. */
async function fastest(all: readonly Metrics[]): Promise<readonly number[]> {
  const best = all.map(() => Number.POSITIVE_INFINITY);
  for (let turn = 0; turn < 30; turn += 1) {
    for (const [index, { registry }] of all.entries()) {
      const started = performance.now();
      await registry.metrics();
      best[index] = Math.min(best[index] ?? 0, performance.now() - started);
    }
  }
  return best;
}

function withKeys(count: number): Projection {
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  for (let index = 0; index < count; index += 1) {
    const metadata = {
      namespace: `team-${index % 100}`,
      name: `key-${index}`,
      uid: `uid-${index}`,
      resourceVersion: String(index + 1),
      generation: 1,
      creationTimestamp: "2026-01-02T03:04:05Z",
    };
    const spec = { user: `user-${index % 1000}`, key: freshKey(), expiresAt: "2040-01-01T00:00:00Z" };
    projection.putSSHKey(toSSHKeyRecord({ metadata, spec }), Date.parse("2026-02-01T00:00:00Z"));
  }
  return projection;
}
