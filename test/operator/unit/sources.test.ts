import { describe, expect, it, onTestFinished, vi } from "vitest";
import { PLURAL } from "../../../src/api/names.ts";
import type { StoredSSHKey } from "../../../src/claims/record.ts";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import type { Call, Transport } from "../../../src/kube/transport.ts";
import { guardAuthorizedKeys, guardSSHKeys } from "../../../src/operator/deletionguard.ts";
import type { Log } from "../../../src/operator/logevent.ts";
import type { Metrics } from "../../../src/operator/metrics.ts";
import { crdPath, secretsPath, sshKeysPath } from "../../../src/operator/paths.ts";
import { Sources } from "../../../src/operator/sources.ts";
import { Projection } from "../../../src/projection/projection.ts";
import { proof } from "../../claims/keypairs.ts";
import { CREATED, type SSHKeyFacts, sshKey, sshKeyRecord } from "../../claims/sshkeys.ts";
import { NOW } from "../../projection/secrets.ts";
import { only, refusal, scripted, until } from "./fakes.ts";

const CRD_PATH = crdPath(PLURAL);
type Fields = Readonly<Record<string, unknown>>;

const STANDS = { metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } };
const ALICE = "team-a/sshkeys-alice";

function listOf(...items: readonly unknown[]) {
  return { metadata: { resourceVersion: "100" }, items };
}

/** Sources and DeletionGuard of an API server that answers by path, a call at a time if need be; the rest is empty lists. */
function follow(answers: Readonly<Record<string, unknown>>, namespaces?: readonly string[]) {
  const server = scripted((call) => {
    const answer = answers[call.path] ?? (call.path === CRD_PATH ? STANDS : listOf());
    return typeof answer === "function" ? answer(call) : answer;
  });
  const shown = new Map<string, string[]>();
  const watched = new Set<string>();
  const transport = only<Transport>({
    request: (call) => server.request(call),
    async read(call, reader) {
      reader.take(Buffer.from(JSON.stringify(await server.request(call))));
      return reader.end();
    },
    async *stream({ path, signal }: Call, { onOpen }) {
      onOpen?.();
      watched.add(path);
      while (signal?.aborted !== true) {
        const event = shown.get(path)?.shift();
        if (event !== undefined) yield event;
        await until("an event comes or it ends", () => signal?.aborted === true || hasEvents(path));
      }
    },
  });
  const hasEvents = (path: string) => (shown.get(path)?.length ?? 0) > 0;
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  const put = vi.spyOn(projection, "putSSHKey");
  const suspend = vi.spyOn(projection, "suspend");
  const logged: string[] = [];
  const write = ({ event, resource, namespace, state }: Fields) => {
    logged.push([event, resource, namespace, state].filter((part) => part !== undefined).join(" "));
  };
  const log = only<Log>({ info: write, warn: write });
  const specs: string[] = [];
  const metrics = only<Metrics>({ changeObserved: (id) => void specs.push(id), watchRestarted() {} });
  const shared = { transport, projection, log, metrics, now: () => NOW, onChange: () => {} };
  const deletions = guardSSHKeys(shared);
  const authorizedKeysDeletions = guardAuthorizedKeys(shared);
  const sources = new Sources({
    ...shared,
    deletions,
    authorizedKeysDeletions,
    settings: { ...DEFAULT_SETTINGS, namespaces },
  });
  let isReady = false;
  void sources.whenReady().then(() => {
    isReady = true;
  });
  return {
    projection,
    deletions,
    calls: server.calls,
    logged,
    specs,
    /** What the operator has seen of SSHKeys, in order: name, resourceVersion and what the proof is worth. */
    get seen() {
      return put.mock.calls.map(([r]) => `${r.name} ${r.resourceVersion} ${r.proof?.result ?? "None"}`);
    },
    /** Namespaces that were, in order. */
    get suspended() {
      return suspend.mock.calls.map(([namespace]) => namespace);
    },
    get isReady() {
      return isReady;
    },
    isSynced: (namespace: string) => projection.isSynced(namespace),
    /** Paths that are watched, so their lists are complete. */
    watched,
    /** Lists and watches; ends with the test. */
    start() {
      const stop = new AbortController();
      const ended = Promise.all([sources.run(stop.signal), deletions.run(stop.signal)]);
      onTestFinished(async () => {
        stop.abort();
        await ended;
      });
    },
    /** The watch of this path shows an event. */
    show(path: string, type: "ADDED" | "MODIFIED" | "DELETED", object: StoredSSHKey) {
      shown.set(path, [...(shown.get(path) ?? []), JSON.stringify({ type, object })]);
    },
    claim: (name: string) => projection.claims.get("team-a", name),
  };
}

describe("a namespace", () => {
  it.each([
    ["Secrets", secretsPath(), sshKeysPath()],
    ["SSHKeys", sshKeysPath(), secretsPath()],
  ])("is not synced before the list of %s is complete", async (_, missing, complete) => {
    const list = Promise.withResolvers<unknown>();
    const scene = follow({ [missing]: list.promise });
    scene.start();
    await until("the other list is complete", () => scene.watched.has(complete));
    expect([scene.isSynced("team-a"), scene.isReady]).toEqual([false, false]);
    list.resolve(listOf());
    await until("it is synced and ready", () => scene.isSynced("team-a") && scene.isReady);
  });

  it("is not synced by a list whose last page is missing", async () => {
    const page = Promise.withResolvers<unknown>();
    const first = { metadata: { resourceVersion: "100", continue: "there is more" }, items: [] };
    const answer = ({ query }: Call) => (query?.continue === undefined ? first : page.promise);
    const scene = follow({ [sshKeysPath()]: answer });
    scene.start();
    await until("the last page is asked for", () =>
      scene.calls.some(({ query }) => query?.continue !== undefined),
    );
    await until("the other list is complete", () => scene.watched.has(secretsPath()));
    expect(scene.isSynced("team-a")).toBe(false);
    page.resolve(listOf());
    await until("it is synced", () => scene.isSynced("team-a"));
  });

  it("that is forbidden does not keep the other one from being synced", async () => {
    const scene = follow({ [sshKeysPath("team-b")]: refusal(403, "Forbidden") }, ["team-a", "team-b"]);
    scene.start();
    await until("one is synced", () => scene.isSynced("team-a"));
    expect(scene.isSynced("team-b")).toBe(false);
  });

  it.each([
    ["forbidden", refusal(403, "Forbidden")],
    ["notfound", refusal(404, "NotFound")],
  ])("that is %s does not keep the sources from being ready", async (state, answer) => {
    const scene = follow({ [secretsPath("team-b")]: answer }, ["team-a", "team-b"]);
    scene.start();
    await until("it is known", () => scene.logged.includes(`NamespaceInaccessible secrets team-b ${state}`));
    await until("the sources are ready", () => scene.isReady);
    expect([scene.isSynced("team-a"), scene.isSynced("team-b")]).toEqual([true, false]);
  });

  it("that nobody answers for does keep them", async () => {
    const scene = follow({ [secretsPath("team-b")]: refusal(503) }, ["team-a", "team-b"]);
    scene.start();
    await until("the other one is synced", () => scene.isSynced("team-a"));
    expect(scene.isReady).toBe(false);
  });

  it("that is forbidden and the only one is not ready: there is nothing to do without it", async () => {
    const scene = follow({ [sshKeysPath("team-a")]: refusal(403, "Forbidden") }, ["team-a"]);
    scene.start();
    await until("it is known", () => scene.logged.includes("NamespaceInaccessible sshkeys team-a forbidden"));
    expect(scene.isReady).toBe(false);
  });

  it("that is not served is never synced", async () => {
    const scene = follow({}, ["team-a"]);
    scene.start();
    await until("the served one is synced", () => scene.isSynced("team-a"));
    expect(scene.isSynced("team-c")).toBe(false);
  });
});

describe("a deletionTimestamp", () => {
  const terminating = sshKey({ name: "laptop", isTerminating: true, resourceVersion: 101, generation: 2 });

  it("that a watch shows takes effect only when it is believed", async () => {
    const crd = Promise.withResolvers<unknown>();
    const scene = follow({ [sshKeysPath()]: listOf(sshKey({ name: "laptop" })), [CRD_PATH]: crd.promise });
    scene.start();
    scene.show(sshKeysPath(), "MODIFIED", terminating);
    await until("the CRD is being read", () => scene.calls.some(({ path }) => path === CRD_PATH));
    expect([scene.claim("laptop")?.isInForce, scene.deletions.waitMs(ALICE)]).toEqual([
      true,
      Number.POSITIVE_INFINITY,
    ]);
    crd.resolve(STANDS);
    await until("it takes effect", () => scene.claim("laptop")?.isInForce === false);
  });

  it("that a list shows takes effect only when it is believed", async () => {
    const crd = Promise.withResolvers<unknown>();
    const scene = follow({ [sshKeysPath()]: listOf(terminating), [CRD_PATH]: crd.promise });
    scene.start();
    await until("the CRD is being read", () => scene.calls.some(({ path }) => path === CRD_PATH));
    expect(scene.claim("laptop")?.isInForce).toBe(true);
    crd.resolve(STANDS);
    await until("it takes effect", () => scene.claim("laptop")?.isInForce === false);
  });

  it("that was believed is not asked about again", async () => {
    const scene = follow({ [sshKeysPath()]: listOf(terminating) });
    scene.start();
    await until("it takes effect", () => scene.claim("laptop")?.isInForce === false);
    const edited = sshKey({ name: "laptop", isTerminating: true, resourceVersion: 102, generation: 3 });
    scene.show(sshKeysPath(), "MODIFIED", edited);
    await until("the edit is known", () => scene.claim("laptop")?.record.generation === 3);
    expect([scene.claim("laptop")?.isInForce, scene.deletions.waitMs(ALICE)]).toEqual([false, 0]);
  });

  it("is not believed while the CRD is being deleted", async () => {
    const deleted = { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } };
    const scene = follow({ [sshKeysPath()]: listOf(terminating), [CRD_PATH]: deleted });
    scene.start();
    await until("it is told", () => scene.logged.includes("DeletionUnconfirmed"));
    expect(scene.claim("laptop")?.isInForce).toBe(true);
  });
});

describe("an SSHKey that a list lacks", () => {
  it("stays in force until its deletion is believed", async () => {
    const crd = Promise.withResolvers<unknown>();
    const scene = follow({ [CRD_PATH]: crd.promise });
    scene.projection.putSSHKey(sshKeyRecord({ name: "laptop" }), NOW);
    scene.start();
    await until("it is synced", () => scene.isSynced("team-a"));
    expect([scene.claim("laptop")?.isInForce, scene.deletions.waitMs(ALICE)]).toEqual([
      true,
      Number.POSITIVE_INFINITY,
    ]);
    crd.resolve(STANDS);
    await until("it is gone", () => scene.claim("laptop") === undefined);
  });

  it("of another namespace is none of its business", async () => {
    const scene = follow({}, ["team-a"]);
    scene.projection.putSSHKey(sshKeyRecord({ name: "laptop", namespace: "team-b" }), NOW);
    scene.start();
    await until("it is synced", () => scene.isSynced("team-a"));
    expect(scene.deletions.waitMs("team-b/sshkeys-alice")).toBe(0);
  });

  it("and that a watch shows again is not removed", async () => {
    const crd = Promise.withResolvers<unknown>();
    const scene = follow({ [CRD_PATH]: crd.promise });
    scene.projection.putSSHKey(sshKeyRecord({ name: "laptop" }), NOW);
    scene.projection.putSSHKey(sshKeyRecord({ name: "other", user: "bob", key: 2 }), NOW);
    scene.start();
    await until("it is in doubt", () => scene.deletions.waitMs(ALICE) > 0);
    scene.show(sshKeysPath(), "ADDED", sshKey({ name: "laptop", resourceVersion: 101 }));
    await until("it is back", () => scene.deletions.waitMs(ALICE) === 0);
    crd.resolve(STANDS);
    await until("another one is gone", () => scene.claim("other") === undefined);
    expect(scene.claim("laptop")?.isInForce).toBe(true);
  });
});

describe("an SSHKey that a watch shows as deleted", () => {
  it("stays in force until that is believed", async () => {
    const crd = Promise.withResolvers<unknown>();
    const laptop = sshKey({ name: "laptop" });
    const scene = follow({ [sshKeysPath()]: listOf(laptop), [CRD_PATH]: crd.promise });
    scene.start();
    scene.show(sshKeysPath(), "DELETED", sshKey({ name: "laptop", resourceVersion: 101 }));
    await until("the CRD is being read", () => scene.calls.some(({ path }) => path === CRD_PATH));
    expect(scene.claim("laptop")?.isInForce).toBe(true);
    crd.resolve(STANDS);
    await until("it is gone", () => scene.claim("laptop") === undefined);
  });
});

describe("what a list shows", () => {
  it("dates edits that no status attests behind everybody, wherever they stand in it", async () => {
    const edited = sshKey({ name: "edited", generation: 2, createdAt: CREATED - 10 });
    const holder = sshKey({ name: "holder", createdAt: NOW / 1000 + 3600 });
    const scene = follow({ [sshKeysPath()]: listOf(edited, holder) });
    scene.start();
    await until("it is synced", () => scene.isSynced("team-a"));
    expect([scene.claim("holder")?.isHolder, scene.claim("edited")?.isHolder]).toEqual([true, false]);
  });

  it("is told as a new spec, each once", async () => {
    const scene = follow({ [sshKeysPath()]: listOf(sshKey({ name: "a" }), sshKey({ name: "b", key: 2 })) });
    scene.start();
    await until("it is synced", () => scene.isSynced("team-a"));
    expect(scene.specs).toEqual(["team-a/a", "team-a/b"]);
  });
});

describe("an SSHKey that a watch shows with a proof", () => {
  const PROOF = proof({ key: 1, user: "alice" });

  /** Shows these one right after the other, and waits until one with a proof that came after them is seen. */
  async function afterShowing(
    ...events: (readonly [type: "ADDED" | "MODIFIED" | "DELETED", facts: Partial<SSHKeyFacts>])[]
  ) {
    const scene = follow({});
    scene.start();
    await until("it is watched", () => scene.watched.has(sshKeysPath()));
    const shown = events.map(([type, facts], i) => {
      const version = { resourceVersion: 101 + i, generation: 1 + i };
      return [type, sshKey({ name: "laptop", ...version, ...facts })] as const;
    });
    const last = sshKey({
      name: "last",
      user: "bob",
      key: 2,
      proof: proof({ key: 2, user: "bob" }),
      resourceVersion: 199,
    });
    for (const [type, object] of [...shown, ["ADDED", last] as const])
      scene.show(sshKeysPath(), type, object);
    await until("the last one is seen", () => scene.claim("last") !== undefined);
    return scene;
  }

  it("is seen when that is verified, and not before", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }]);
    expect(scene.seen).toEqual(["laptop 101 Proven", "last 199 Proven"]);
  });

  it("is told as a new spec once", async () => {
    expect((await afterShowing(["ADDED", { proof: PROOF }])).specs).toEqual(["team-a/laptop", "team-a/last"]);
  });

  it("is seen when that is refuted", async () => {
    const scene = await afterShowing(["ADDED", { proof: proof({ key: 1, user: "bob" }) }]);
    expect(scene.seen).toEqual(["laptop 101 ProofInvalid", "last 199 Proven"]);
  });

  it("is seen at once when there is nothing to verify", async () => {
    const scene = await afterShowing(["ADDED", { proof: "nonsense" }], ["MODIFIED", {}]);
    expect(scene.seen).toEqual(["laptop 101 ProofInvalid", "laptop 102 None", "last 199 Proven"]);
  });

  it("is never seen so when a newer one has none", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }], ["MODIFIED", {}]);
    expect(scene.seen).toEqual(["laptop 102 None", "last 199 Proven"]);
  });

  it("is seen as the newest that has this proof", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }], ["MODIFIED", { proof: PROOF }]);
    expect(scene.seen).toEqual(["laptop 102 Proven", "last 199 Proven"]);
  });

  it.each([
    ["disabled", { disabled: true }],
    ["terminating", { isTerminating: true }],
  ])("and as %s is seen at once, and again when that is verified", async (_, facts) => {
    const scene = await afterShowing(["ADDED", {}], ["MODIFIED", { proof: PROOF, ...facts }]);
    const seen = scene.seen.filter((each) => each.startsWith("laptop"));
    expect(seen.slice(0, 2)).toEqual(["laptop 101 None", "laptop 102 Unverified"]);
    expect(seen.at(-1)).toBe("laptop 102 Proven");
  });

  it("is seen in the end with the newest proof", async () => {
    const scene = await afterShowing(
      ["ADDED", { proof: PROOF }],
      ["MODIFIED", { proof: proof({ key: 1, user: "bob" }) }],
    );
    expect(scene.claim("laptop")?.record.proof?.result).toBe("ProofInvalid");
  });

  it("is never seen when it is removed before it was verified", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }], ["DELETED", { proof: PROOF }]);
    expect(scene.seen).toEqual(["last 199 Proven"]);
  });

  it.each([
    ["a proof", { proof: PROOF }, "laptop 103 Proven"],
    ["none", {}, "laptop 103 None"],
  ])("is never seen when another one of its name with %s has come after it", async (_, facts, seen) => {
    const scene = await afterShowing(
      ["ADDED", { proof: PROOF }],
      ["DELETED", { proof: PROOF }],
      ["ADDED", { ...facts, uid: "another" }],
    );
    expect(scene.seen.filter((each) => each.startsWith("laptop"))).toEqual([seen]);
  });

  it("is never seen when history goes back before it was verified", async () => {
    const lists = [listOf(), listOf(sshKey({ name: "restored", key: 3 }))];
    const scene = follow({ [sshKeysPath()]: () => lists.shift() ?? listOf() });
    scene.start();
    await until("it is watched", () => scene.watched.has(sshKeysPath()));
    scene.show(sshKeysPath(), "ADDED", sshKey({ name: "laptop", proof: PROOF, resourceVersion: 101 }));
    scene.show(sshKeysPath(), "ADDED", sshKey({ name: "old", resourceVersion: 50 }));
    await until("it is listed again", () => scene.claim("restored") !== undefined);
    expect(scene.seen).toEqual(["restored 1 None"]);
  });

  it("is seen at once in the first list, and its namespace alone waits until that is verified", async () => {
    const others = sshKey({ name: "others", namespace: "team-b" });
    const scene = follow({ [sshKeysPath()]: listOf(sshKey({ name: "laptop", proof: PROOF }), others) });
    scene.start();
    await until("it is synced", () => scene.isSynced("team-a"));
    expect([scene.suspended, scene.seen]).toEqual([
      ["team-a"],
      ["laptop 1 Unverified", "others 1 None", "laptop 1 Proven"],
    ]);
  });
});
