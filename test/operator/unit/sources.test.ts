import { describe, expect, it } from "vitest";
import { secretsPath, sshKeysPath } from "../../../src/api/paths.ts";
import type { Call } from "../../../src/kube/transport.ts";
import { weakness } from "../../../src/ssh/weakness/classes.ts";
import { CREATED, sshKey, sshKeyRecord } from "../../claims/sshkeys.ts";
import { NOW } from "../../projection/secrets.ts";
import { honest, rsaBlob } from "../../ssh/weakness/weakrsa.ts";
import { refusal, until } from "./fakes.ts";
import { CRD_PATH, follow, STANDS } from "./followedsources.ts";
import { listOf } from "./watchedserver.ts";

const ALICE = "team-a/sshkeys-alice";

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
  it("stays so when a public prime is found in its key before that is believed", async () => {
    const crd = Promise.withResolvers<unknown>();
    const key = honest(2048);
    const rsa = sshKey({ name: "laptop", key: `ssh-rsa ${rsaBlob(key).toString("base64")}` });
    const scene = follow({ [sshKeysPath()]: listOf(rsa), [CRD_PATH]: crd.promise });
    scene.start();
    await until("it is examined", () => scene.claim("laptop")?.isInForce === true);
    scene.show(sshKeysPath(), "DELETED", { ...rsa, metadata: { ...rsa.metadata, resourceVersion: "101" } });
    await until("the CRD is being read", () => scene.calls.some(({ path }) => path === CRD_PATH));
    scene.divideBy(key.modulus);
    await until("the prime is found", () => scene.claim("laptop")?.isInForce === false);
    crd.resolve(STANDS);
    await until("it is gone", () => scene.claim("laptop") === undefined);
  });

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

  it("does not undo what was found of a key while it was under way", async () => {
    const page = Promise.withResolvers<unknown>();
    const rsa = sshKey({ name: "rsa", key: `ssh-rsa ${rsaBlob(honest(2048)).toString("base64")}` });
    let lists = 0;
    const answer = ({ query }: Call) => {
      if (query?.continue !== undefined) return page.promise;
      lists += 1;
      return lists === 1
        ? listOf(rsa)
        : { ...listOf(rsa), metadata: { resourceVersion: "101", continue: "more" } };
    };
    const scene = follow({ [sshKeysPath()]: answer });
    scene.start();
    await until("it is examined", () => scene.claim("rsa")?.isInForce === true);
    scene.expire(sshKeysPath());
    await until("the last page is asked for", () =>
      scene.calls.some(({ query }) => query?.continue !== undefined),
    );
    const record = scene.claim("rsa")?.record ?? sshKeyRecord({ name: "rsa" });
    const arithmetic = [weakness("KnownPrime")];
    scene.projection.putSSHKey({ ...record, key: record.key && { ...record.key, arithmetic } }, NOW);
    page.resolve(listOf(sshKey({ name: "last", key: 2 })));
    await until("all is listed", () => scene.claim("last") !== undefined);
    expect(scene.claim("rsa")?.findings.map(({ code }) => code)).toEqual(["KnownPrime"]);
  });
});
