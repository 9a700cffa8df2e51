import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import { errorFromResponse } from "../../../src/kube/apierror.ts";
import type { Call } from "../../../src/kube/transport.ts";
import { CREATED } from "../../claims/sshkeys.ts";
import { line, NOW } from "../../projection/secrets.ts";
import { failure, refusal, until } from "./fakes.ts";
import { converged, isSecretWrite, isStatusWrite, LAPTOP, Stand } from "./stand.ts";

const ALICE = "team-a/sshkeys-alice";

/** What was asked of Secrets and statuses, in short. */
function story({ calls }: Stand): readonly string[] {
  return calls.map(({ method, path, query }) => {
    if (path.endsWith("/status")) return "status";
    return method === "GET" ? (query?.labelSelector === undefined ? "look" : "read") : method;
  });
}

/** So many users of a namespace, an SSHKey each. */
function users(count: number, round = 0) {
  return Array.from({ length: count }, (_, i) => ({
    name: `key-${i}-${round}`,
    user: `user-${i}`,
    key: 1 + i + round * count,
  }));
}

describe("a pass", () => {
  it("writes the Secret before the status that speaks of it", async () => {
    expect(story(await converged())).toEqual(["POST", "status"]);
  });

  it("is begun by nobody who does not lead", async () => {
    const stand = new Stand().show(LAPTOP);
    await stand.rest();
    expect(stand.calls).toEqual([]);
  });

  it("is made for what was due before this instance began to lead", async () => {
    const stand = new Stand().show(LAPTOP).start();
    await until("the Secret is written", () => stand.file(ALICE) === line("laptop"));
  });

  it("says what a key waits for where the CRD was recreated a moment ago", async () => {
    const stand = new Stand({ waitMs: () => 60_000 }).start().show(LAPTOP);
    await stand.rest();
    stand.projection.reportPending(NOW + 6000);
    stand.controller.enqueueDirty();
    await until("the status is written", () => stand.calls.some(isStatusWrite));
    expect(JSON.stringify(stand.calls.find(isStatusWrite)?.body)).toContain("only went with their CRD");
  });

  it.each([
    ["is not synced", { isSynced: false }],
    ["holds an SSHKey whose absence is in doubt", { waitMs: () => Number.POSITIVE_INFINITY }],
  ])("writes nothing where the namespace %s", async (_, options) => {
    const stand = new Stand(options).start().show(LAPTOP);
    await stand.rest();
    expect(stand.calls).toEqual([]);
  });

  it("of a target in doubt is made when that is settled", async () => {
    let doubt = Number.POSITIVE_INFINITY;
    const stand = new Stand({ waitMs: () => doubt }).start().show(LAPTOP);
    await stand.rest();
    doubt = 0;
    stand.projection.touch(ALICE);
    stand.controller.enqueueDirty();
    await until("the Secret is written", () => stand.file(ALICE) === line("laptop"));
  });

  it("that takes a key out comes before those that put keys in, in the same namespace", async () => {
    const gate = Promise.withResolvers<void>();
    const stand = await converged({ settings: { concurrency: 1 } });
    stand.fault = async (call, serve) => {
      if (isSecretWrite(call)) await gate.promise;
      return serve();
    };
    const before = stand.calls.length;
    stand.show(...users(5).map((facts) => ({ ...facts, key: facts.key + 10 })));
    await until("the first one is under way", () => stand.calls.length > before);
    stand.delete("laptop");
    gate.resolve();
    await until("all are written", () => stand.server.all().length === 6 && stand.file(ALICE) === "");
    const writes = stand.calls.slice(before).filter(isSecretWrite);
    expect(writes.map(({ method }) => method)).toEqual(["POST", "PATCH", "POST", "POST", "POST", "POST"]);
  });

  it("logs who lost access also when nothing is left of the user: the Secret deleted, and the last SSHKey", async () => {
    const stand = await converged();
    stand.server.remove(ALICE);
    stand.projection.secretDisappeared("team-a", "sshkeys-alice", String(stand.nextVersion()));
    stand.delete("laptop");
    await until("the target is forgotten", () => stand.projection.target(ALICE) === undefined);
    await stand.rest();
    expect(stand.said("AccessChanged")).toMatchObject([
      { change: "added" },
      { change: "removed", reason: "Deleted" },
    ]);
  });

  it("for several new SSHKeys of a user is one while others are written, though they come one after the other", async () => {
    const gate = Promise.withResolvers<void>();
    const stand = new Stand({
      fault: async (call, serve) => {
        if (isSecretWrite(call)) await gate.promise;
        return serve();
      },
    });
    stand.start().show({ name: "other", user: "bob", key: 9 });
    await until("another user's Secret is being written", () => stand.calls.length === 1);
    stand.show(LAPTOP);
    await setImmediate();
    stand.show({ name: "work", key: 2 });
    gate.resolve();
    await until("both keys are in", () => stand.file(ALICE) === line("laptop") + line("work", 2));
    expect(stand.calls.filter(isSecretWrite)).toHaveLength(2);
  });

  it("that meets an unexpected error logs it under err, and the target comes again", async () => {
    const stand = new Stand({
      fault: (call, _, turn) => (isSecretWrite(call) && turn === 1 ? new TypeError("a defect") : undefined),
    });
    stand.start().show(LAPTOP);
    await until("the Secret is written", () => stand.file(ALICE) === line("laptop"));
    expect(stand.said("UnexpectedError")).toMatchObject([
      { secret: ALICE, err: { type: "TypeError", message: "a defect" } },
    ]);
  });

  it("that fails at the server comes again no sooner than the server asks for", async () => {
    const busy = errorFromResponse("POST /x", 503, "60", "");
    const stand = new Stand({
      fault: (call, _, turn) => (isSecretWrite(call) && turn === 1 ? busy : undefined),
    });
    stand.start().show(LAPTOP);
    await until("it is logged", () => stand.said("ReconcileFailed").length > 0);
    await stand.rest();
    // The time that is left of it, whoever asks.
    expect(stand.controller.secrets.retry(ALICE)).toBeGreaterThan(30_000);
  });

  it("that fails at the server is logged under err, and the target comes again", async () => {
    const stand = new Stand({
      fault: (call, _, turn) => (isSecretWrite(call) && turn === 1 ? refusal(503) : undefined),
    });
    stand.start().show(LAPTOP);
    await until("the Secret is written", () => stand.file(ALICE) === line("laptop"));
    expect(stand.said("ReconcileFailed")).toMatchObject([
      { secret: ALICE, err: { code: "ServiceUnavailable" } },
    ]);
  });
});

describe("a lost answer", () => {
  const loseFirst =
    (carryOut: boolean) =>
    (call: Call, serve: () => unknown, turn: number): unknown => {
      if (!isSecretWrite(call) || turn > 1) return undefined;
      if (carryOut) serve();
      return failure("Disconnected");
    };

  it("is looked up, and a write that came through is not made again", async () => {
    expect(story(await converged({ fault: loseFirst(true) }))).toEqual(["POST", "read", "status"]);
  });

  it("is looked up before the write is made again", async () => {
    expect(story(await converged({ fault: loseFirst(false) }))).toEqual(["POST", "read", "POST", "status"]);
  });

  it.each([true, false])("tells the change of access once, whether it came through: %s", async (carryOut) => {
    const stand = await converged({ fault: loseFirst(carryOut) });
    expect(stand.said("AccessChanged")).toMatchObject([
      { change: "added", sshKey: "laptop", reason: "Projected" },
    ]);
  });

  it("is asked about until it is known", async () => {
    const fault = (call: Call, serve: () => unknown, turn: number) => {
      if (turn > 1 && turn < 4) return failure("Unreachable");
      return loseFirst(true)(call, serve, turn);
    };
    expect(story(await converged({ fault }))).toEqual(["POST", "read", "read", "read", "status"]);
  });
});

describe("a Secret that the API server refuses", () => {
  it("is asked about apart from all others", async () => {
    const stand = new Stand({
      fault: (call) => (isSecretWrite(call) ? refusal(403, "Forbidden") : undefined),
    });
    stand.start().show(LAPTOP);
    await until("it is blocked", () => stand.controller.blockedCount === 1);
    await stand.rest();
    expect(stand.calls.filter(isSecretWrite)).toHaveLength(1);
  });

  it("is worked on as any other once it is taken", async () => {
    let isRefused = true;
    const stand = new Stand({
      fault: (call) => (isSecretWrite(call) && isRefused ? refusal(403, "Forbidden") : undefined),
    });
    stand.start().show(LAPTOP);
    await until("it is blocked", () => stand.controller.blockedCount === 1);
    isRefused = false;
    stand.show({ name: "work", key: 2 });
    await until("it is no longer blocked", () => stand.controller.blockedCount === 0);
    expect(stand.file(ALICE)).toBe(line("laptop") + line("work", 2));
  });

  it("costs, with all that are refused, at most 20 requests a second", async () => {
    const count = 10;
    const stand = new Stand({
      fault: (call) => (isSecretWrite(call) ? refusal(403, "Forbidden") : undefined),
    });
    stand.start().show(...users(count));
    await until("all are blocked", () => stand.controller.blockedCount === count);
    const before = stand.calls.length;
    stand.show(...users(count, 1));
    const isAsked = () => stand.calls.slice(before).filter(isSecretWrite).length === count;
    await until("all are asked about again", isAsked);
    const asked = stand.times.filter((_, i) => i >= before && isSecretWrite(stand.calls[i] as Call));
    // Four are worked on at once, so the first four may come together; a timer may fire a millisecond early.
    expect((asked.at(-1) ?? 0) - (asked[0] ?? 0)).toBeGreaterThan((count - 4) * 49);
  });
});

describe("what is written", () => {
  it("for SSHKeys that are there at the start is one Secret a user and one status each", async () => {
    const [first, second] = [users(100), users(100, 1)];
    const stand = new Stand().show(...first, ...second).start();
    await until("the statuses are written", () => stand.calls.filter(isStatusWrite).length >= 200);
    await stand.rest();
    expect(stand.calls.filter(isSecretWrite)).toHaveLength(100);
    expect(stand.calls.filter(isStatusWrite)).toHaveLength(200);
  });

  it("when a holder goes is its Secret, that of the next one, and one status for each that waits", async () => {
    const rivals = users(200).map((facts, i) => ({ ...facts, key: 1, createdAt: CREATED + i }));
    const stand = new Stand().start().show(...rivals);
    await until("the statuses are written", () => stand.calls.filter(isStatusWrite).length >= 200);
    await stand.rest();
    const before = stand.calls.length;
    stand.delete("key-0-0");
    const writes = () => stand.calls.slice(before);
    await until("the others are told", () => writes().filter(isStatusWrite).length >= 199);
    await stand.rest();
    expect(stand.file("team-a/sshkeys-user-0")).toBe("");
    expect(stand.file("team-a/sshkeys-user-1")).not.toBe("");
    expect(writes().filter(isSecretWrite)).toHaveLength(2);
    expect(writes().filter(isStatusWrite)).toHaveLength(199);
  });

  it("when all keys of a user are edited is every status once, and the Secret as often as its budget has it", async () => {
    const keys = Array.from({ length: 500 }, (_, i) => ({ name: `key-${i}`, key: 1 + i }));
    const policy = { ...DEFAULT_SETTINGS.policy, maximumKeysPerUser: keys.length };
    const stand = new Stand({ settings: { policy } }).start().show(...keys);
    await until("the statuses are written", () => stand.calls.filter(isStatusWrite).length >= keys.length);
    await stand.rest();
    const [before, started] = [stand.calls.length, performance.now()];
    for (const facts of keys) {
      stand.show({ ...facts, options: ["restrict"], generation: 2, resourceVersion: stand.nextVersion() });
      await setImmediate();
    }
    await until("the file has every edit", () => stand.file(ALICE).match(/^restrict /gm)?.length === 500);
    const writes = () => stand.calls.slice(before);
    await until("the statuses are written", () => writes().filter(isStatusWrite).length >= 500);
    await stand.rest();
    const seconds = (performance.now() - started) / 1000;
    expect(writes().filter(isSecretWrite).length).toBeLessThanOrEqual(3 + 3 * seconds);
    expect(writes().filter(isStatusWrite)).toHaveLength(500);
  });
});

describe("a Secret that somebody else fills with 10,000 lines", () => {
  const forged = Array.from({ length: 10_000 }, (_, i) => line(`x${i}`, 1000 + i)).join("");

  /** The operator cannot take them out, so that they may log in. */
  async function filled(): Promise<Stand> {
    const stand = await converged();
    stand.fault = (call) => (isSecretWrite(call) ? refusal(403, "Forbidden") : undefined);
    stand.meddle(ALICE, line("laptop") + forged);
    await until("it is blocked", () => stand.controller.blockedCount === 1);
    return stand;
  }

  it("has 50 of them named, and it is said that there are more", async () => {
    const changes = (await filled()).said("AccessChanged").slice(1);
    expect([changes.length, changes[49]?.change, changes[50]?.change]).toEqual([51, "added", "more"]);
  });

  it("has 50 of them named when they go, and it is said that there are more", async () => {
    const stand = await filled();
    const before = stand.said("AccessChanged").length;
    stand.fault = undefined;
    stand.show({ name: "work", key: 2 });
    await until("it is restored", () => stand.controller.blockedCount === 0);
    const changes = stand.said("AccessChanged").slice(before);
    expect([changes.length, changes.at(-1)?.change]).toEqual([51, "more"]);
  });

  it("names every key of a change that is the operator's own", async () => {
    const stand = await converged();
    stand.show(
      ...Array.from({ length: 60 }, (_, i) => ({ name: `k${i}`, key: 100 + i, createdAt: CREATED })),
    );
    await until("all are in", () => stand.file(ALICE).split("\n").length === 62);
    await stand.rest();
    expect(stand.said("AccessChanged")).toHaveLength(61);
  });
});
