import { describe, expect, it, onTestFinished } from "vitest";
import type { Log } from "../../../src/api/logevent.ts";
import { DEFAULT_POLICY } from "../../../src/claims/policy.ts";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { guardSSHKeys } from "../../../src/operator/deletionguard.ts";
import { Projection } from "../../../src/projection/projection.ts";
import { type SSHKeyFacts, sshKeyRecord } from "../../claims/sshkeys.ts";
import { line, liveSecret, NOW } from "../../projection/secrets.ts";
import { failure, only, refusal, scripted, until } from "./fakes.ts";

type Fields = Readonly<Record<string, unknown>>;

const MINUTE = 60_000;
const ALICE = "team-a/sshkeys-alice";
const BOB = "team-a/sshkeys-bob";

/** The CRD as it is read. */
function crd(installedAt: number, isTerminating = false) {
  const deletionTimestamp = isTerminating ? { deletionTimestamp: new Date(NOW).toISOString() } : {};
  return { metadata: { creationTimestamp: new Date(installedAt).toISOString(), ...deletionTimestamp } };
}

const STANDS = crd(NOW - 60 * MINUTE);

/** A DeletionGuard that reads these, one after another and the last one again and again. */
function watchOver(...answers: readonly unknown[]) {
  const server = scripted((_, turn) => answers[Math.min(turn, answers.length) - 1]);
  const projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
  let now = NOW;
  const logged: string[] = [];
  const dirty: string[] = [];
  const readAt: number[] = [];
  const names: string[] = [];
  const write = ({ event, count, error }: Fields) => {
    logged.push([event, count, error].filter((part) => part !== undefined).join(" "));
  };
  const takeDirty = () => [...projection.takeDirty().targets.keys()];
  const deletions = guardSSHKeys({
    transport: only<Transport>({
      request(call) {
        readAt.push(performance.now());
        return server.request(call);
      },
    }),
    projection,
    now: () => now,
    log: only<Log>({ warn: write, error: write }),
    onChange: () => dirty.push(...takeDirty()),
    backoff: { initialMs: 4, maxMs: 1000, jitter: 0 },
  });
  return {
    deletions,
    projection,
    calls: server.calls,
    logged,
    /** Targets that became dirty when a deletion was confirmed. */
    dirty,
    takeDirty,
    readAt,
    pass: (ms: number) => {
      now += ms;
    },
    /** The SSHKey, known so far, disappears or gets a deletionTimestamp. */
    add({ name = "laptop", isTerminating = false, ...facts }: Partial<SSHKeyFacts> = {}) {
      const record = sshKeyRecord({ createdAt: (NOW - MINUTE) / 1000, ...facts, name });
      projection.putSSHKey(record, NOW);
      takeDirty();
      names.push(name);
      deletions.add(record, isTerminating);
    },
    /** Names of the SSHKeys whose deletion has been confirmed. */
    get believed(): readonly string[] {
      const stands = (name: string) => projection.claims.get("team-a", name)?.record.isTerminating === false;
      return [...new Set(names)].filter((name) => !stands(name));
    },
    /** Begins to ask; ends with the test. */
    start() {
      const stop = new AbortController();
      const ended = deletions.run(stop.signal);
      onTestFinished(async () => {
        stop.abort();
        await ended;
      });
    },
  };
}

type Scene = ReturnType<typeof watchOver>;

/** It was asked, and the answer is no. */
async function untilTold({ logged }: Scene): Promise<void> {
  await until("it is told", () => logged.length > 0);
}

describe("an SSHKey that is gone", () => {
  it("is believed to be deleted when the CRD stands", async () => {
    const scene = watchOver(STANDS);
    scene.start();
    scene.add();
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.believed).toEqual(["laptop"]);
  });

  it("is not believed for a CRD that was read before, only for one that is read afterwards", async () => {
    const [first, second] = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()];
    const scene = watchOver(first.promise, second.promise);
    scene.start();
    scene.add({ name: "first" });
    await until("the CRD is being read", () => scene.calls.length === 1);
    scene.add({ name: "second" });
    first.resolve(STANDS);
    await until("the CRD is read again", () => scene.calls.length === 2);
    expect(scene.believed).toEqual(["first"]);
    second.resolve(STANDS);
    await until("it is believed then", () => scene.believed.length === 2);
  });

  it.each([
    ["missing", refusal(404, "NotFound"), "DeletionUnconfirmed 2"],
    ["being deleted", crd(NOW - 60 * MINUTE, true), "DeletionUnconfirmed 2"],
    ["out of reach", failure("Unreachable"), "DeletionUnconfirmed 2 PATCH /x: Unreachable"],
    ["behind a failing server", refusal(503), expect.stringContaining("DeletionUnconfirmed 2 PATCH /x: 503")],
  ])("is not believed while the CRD is %s, and told with the count", async (_, answer, said) => {
    const scene = watchOver(answer);
    scene.add({ name: "laptop" });
    scene.add({ name: "work" });
    scene.start();
    await untilTold(scene);
    expect([scene.believed, scene.logged[0]]).toEqual([[], said]);
  });

  it("is asked about again until the CRD stands", async () => {
    const scene = watchOver(refusal(404, "NotFound"), failure("Unreachable"), STANDS);
    scene.start();
    scene.add();
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.calls).toHaveLength(3);
  });

  it("is asked about less and less often", async () => {
    const scene = watchOver(refusal(404, "NotFound"));
    scene.start();
    scene.add();
    await until("it is asked four times", () => scene.readAt.length >= 4);
    const pauses = scene.readAt.slice(1, 4).map((at, i) => at - (scene.readAt[i] ?? at));
    // A timer may fire a millisecond early.
    expect(pauses.map((pause, i) => pause >= 4 * 2 ** i - 1)).toEqual([true, true, true]);
  });

  it("is asked about at once though another one waits for its next time", async () => {
    const scene = watchOver(crd(NOW - 30_000));
    scene.start();
    scene.add({ name: "old", createdAt: (NOW - MINUTE) / 1000 });
    await untilTold(scene);
    scene.add({ name: "new", createdAt: (NOW - 1000) / 1000 });
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.believed).toEqual(["new"]);
  });

  it("is believed where reading the CRD is forbidden", async () => {
    const scene = watchOver(refusal(403, "Forbidden"));
    scene.start();
    scene.add({ createdAt: 0 });
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.logged).toEqual([]);
  });

  it("asks for the CRD's metadata only", async () => {
    const scene = watchOver(STANDS);
    scene.start();
    scene.add();
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.calls[0]?.accept).toContain("as=PartialObjectMetadata;");
  });
});

describe("an SSHKey that is gone and was made before the CRD was installed", () => {
  const installedAt = NOW - MINUTE;

  it.each([
    ["before", installedAt - 1000],
    ["in the same second", installedAt],
  ])("is not believed at first: %s", async (_, createdAt) => {
    const scene = watchOver(crd(installedAt));
    scene.start();
    scene.add({ createdAt: createdAt / 1000 });
    await untilTold(scene);
    expect(scene.believed).toEqual([]);
  });

  it("is not believed a millisecond before the five minutes are over", async () => {
    const scene = watchOver(crd(installedAt));
    scene.pass(4 * MINUTE - 1);
    scene.start();
    scene.add({ createdAt: installedAt / 1000 });
    await untilTold(scene);
    expect(scene.believed).toEqual([]);
  });

  it("is believed after five minutes", async () => {
    const scene = watchOver(crd(installedAt));
    scene.start();
    scene.add({ createdAt: installedAt / 1000 });
    await untilTold(scene);
    scene.pass(4 * MINUTE);
    await until("it is believed", () => scene.believed.length > 0);
  });

  it("does not hold up one that was made afterwards", async () => {
    const scene = watchOver(crd(installedAt));
    scene.add({ name: "before", createdAt: installedAt / 1000 });
    scene.add({ name: "after", createdAt: installedAt / 1000 + 1 });
    scene.start();
    await untilTold(scene);
    expect([scene.believed, scene.logged[0]]).toEqual([["after"], "DeletionUnconfirmed 1"]);
  });
});

describe("a terminating SSHKey", () => {
  it("that is edited while the CRD is read gets the answer of that very reading", async () => {
    const reading = Promise.withResolvers<unknown>();
    const scene = watchOver(reading.promise, refusal(404, "NotFound"));
    scene.start();
    scene.add({ isTerminating: true });
    await until("the CRD is being read", () => scene.calls.length === 1);
    scene.add({ isTerminating: true });
    reading.resolve(STANDS);
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.calls).toHaveLength(1);
  });

  it("that is gone meanwhile is asked about anew, as gone", async () => {
    const reading = Promise.withResolvers<unknown>();
    const scene = watchOver(reading.promise, STANDS);
    scene.start();
    scene.add({ isTerminating: true });
    await until("the CRD is being read", () => scene.calls.length === 1);
    scene.add({ isTerminating: false });
    reading.resolve(STANDS);
    await until("something is believed", () => scene.believed.length > 0);
    expect(scene.projection.claims.get("team-a", "laptop")).toBeUndefined();
  });

  it("that was made anew is another one", async () => {
    const reading = Promise.withResolvers<unknown>();
    const scene = watchOver(reading.promise, STANDS);
    scene.start();
    scene.add({ isTerminating: true });
    await until("the CRD is being read", () => scene.calls.length === 1);
    scene.add({ isTerminating: true, uid: "another" });
    reading.resolve(STANDS);
    await until("it is believed", () => scene.believed.length > 0);
    expect(scene.calls).toHaveLength(2);
  });
});

describe("an SSHKey that comes back", () => {
  it("is not removed, though the CRD stands", async () => {
    const reading = Promise.withResolvers<unknown>();
    const scene = watchOver(reading.promise, STANDS);
    scene.start();
    scene.add({ name: "back" });
    await until("the CRD is being read", () => scene.calls.length === 1);
    scene.deletions.cancel("team-a", "back");
    scene.add({ name: "other" });
    reading.resolve(STANDS);
    await until("the other one is believed", () => scene.believed.length > 0);
    expect(scene.believed).toEqual(["other"]);
  });

  it("lets its target go on", () => {
    const scene = watchOver(STANDS);
    scene.add();
    scene.deletions.cancel("team-a", "laptop");
    expect([scene.deletions.waitMs(ALICE), scene.takeDirty()]).toEqual([0, [ALICE]]);
  });
});

describe("what a doubt holds up", () => {
  it("is its own target, until that is settled", () => {
    const { deletions, add } = watchOver(STANDS);
    add();
    expect(deletions.waitMs(ALICE)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is no other target", () => {
    const { deletions, add } = watchOver(STANDS);
    add();
    expect(deletions.waitMs(BOB)).toBe(0);
  });

  it("is the target until the last of its SSHKeys is settled", () => {
    const { deletions, add, takeDirty } = watchOver(STANDS);
    add({ name: "laptop" });
    add({ name: "work" });
    deletions.cancel("team-a", "laptop");
    expect([deletions.waitMs(ALICE), takeDirty()]).toEqual([Number.POSITIVE_INFINITY, []]);
  });

  it("is nothing afterwards, and its target is dirty", async () => {
    const scene = watchOver(STANDS);
    scene.start();
    scene.add();
    await until("it is confirmed", () => scene.dirty.length > 0);
    expect([scene.deletions.waitMs(ALICE), scene.dirty]).toEqual([0, [ALICE]]);
  });
});

describe("whoever begins to write", () => {
  it("waits until the CRD stands, and is told what for", async () => {
    const scene = watchOver(refusal(404, "NotFound"), failure("Unreachable"), STANDS);
    await scene.deletions.whenCRDExists(new AbortController().signal);
    expect(scene.logged).toEqual(["CRDMissing", "CRDUnknown PATCH /x: Unreachable"]);
  });

  it("waits no more when it is told to stop", async () => {
    const scene = watchOver(refusal(404, "NotFound"));
    const stop = new AbortController();
    const standing = scene.deletions.whenCRDExists(stop.signal);
    await until("it waits", () => scene.logged.length > 0);
    stop.abort();
    await expect(standing).resolves.toBeUndefined();
  });

  const lines = line("laptop");

  it.each([
    ["leaves a Secret that is older than the CRD and has a line without an SSHKey", lines, 0, 4 * MINUTE],
    ["leaves no Secret that was made since", lines, NOW, 0],
    ["leaves no empty Secret", "", 0, 0],
  ])("%s", async (_, file, createdAt, left) => {
    const scene = watchOver(crd(NOW - MINUTE));
    scene.projection.putSecret(liveSecret(file, { createdAt }));
    await scene.deletions.whenCRDExists(new AbortController().signal);
    expect(scene.deletions.waitMs(ALICE)).toBe(left);
  });

  it("leaves that Secret for five minutes from the installation and no longer", async () => {
    const scene = watchOver(crd(NOW - MINUTE));
    scene.projection.putSecret(liveSecret(lines, { createdAt: 0 }));
    await scene.deletions.whenCRDExists(new AbortController().signal);
    scene.pass(4 * MINUTE);
    expect(scene.deletions.waitMs(ALICE)).toBe(0);
  });
});
