import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Deadlines } from "../../src/deadlines.ts";
import { EmptiedSecrets } from "../../src/projection/emptiedsecrets.ts";
import { UserTarget } from "../../src/projection/usertarget.ts";
import { claimOf, files, liveSecret, NOW } from "./secrets.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

function emptied(
  count: number,
  retention = DAY,
): { readonly kept: EmptiedSecrets; readonly targets: UserTarget[] } {
  const kept = new EmptiedSecrets(retention);
  const targets = Array.from({ length: count }, (_, i) => {
    const target = new UserTarget("team-a", `sshkeys-u${i}`);
    target.live = liveSecret("", { emptySince: NOW + i * 1000 });
    kept.update(target);
    return target;
  });
  return { kept, targets };
}

function times({ kept, targets }: ReturnType<typeof emptied>): (number | undefined)[] {
  return targets.map((target) => kept.deletionTime(target));
}

describe("an emptied Secret", () => {
  it("is kept for the retention", () => {
    expect(times(emptied(1))).toEqual([NOW + DAY]);
  });

  it("is kept for as long as an SSHKey names the user", () => {
    const { kept, targets } = emptied(1);
    targets[0]?.verdicts.set(claimOf({ name: "laptop" }), undefined);
    expect(times({ kept, targets })).toEqual([undefined]);
  });

  it.each([
    ["holds a line", { files: files("x") }],
    ["is a copy", { ownership: "copy" as const }],
    ["has no date", { emptySince: undefined }],
  ])("is not to be deleted when it %s", (_, facts) => {
    const { kept, targets } = emptied(1);
    const [target] = targets;
    if (target !== undefined) target.live = liveSecret("", { emptySince: NOW, ...facts });
    expect(times({ kept, targets })).toEqual([undefined]);
  });

  it("is kept for the retention while there are 500", () => {
    expect(times(emptied(500))[0]).toBe(NOW + DAY);
  });

  it("goes early when it is the oldest of 501, after ten minutes", () => {
    expect(times(emptied(501))[0]).toBe(NOW + 10 * MINUTE);
  });

  it("does not go early when it is not the oldest", () => {
    expect(times(emptied(501))[1]).toBe(NOW + 1000 + DAY);
  });

  it("never goes later for it", () => {
    expect(times(emptied(501, MINUTE))[0]).toBe(NOW + MINUTE);
  });

  it("does not go early for those of other namespaces", () => {
    const { kept, targets } = emptied(500);
    const other = new UserTarget("team-b", "sshkeys-alice");
    other.live = liveSecret("", { namespace: "team-b", emptySince: NOW - DAY });
    kept.update(other);
    expect(kept.deletionTime(targets[0] ?? other)).toBe(NOW + DAY);
  });

  it("tells who has to be looked at when there are too many", () => {
    const { kept, targets } = emptied(501);
    expect(kept.update(targets[500] ?? new UserTarget("", ""))).toBe(targets[0]);
  });
});

describe("the order of emptied Secrets", () => {
  /** How long the longest queue has been, from now on. */
  function watchQueues(): { readonly longest: number } {
    const { set } = Deadlines.prototype;
    const seen = { longest: 0 };
    const spy = vi.spyOn(Deadlines.prototype, "set");
    spy.mockImplementation(function (this: Deadlines<unknown>, key, at) {
      set.call(this, key, at);
      seen.longest = Math.max(seen.longest, this.size);
    });
    onTestFinished(() => spy.mockRestore());
    return seen;
  }

  /** The user of the first Secret gets an SSHKey and loses it again. */
  function cycle({ kept, targets: [target] }: ReturnType<typeof emptied>, times: number): void {
    if (target === undefined) throw new Error("there is no Secret");
    const claim = claimOf({ name: "laptop" });
    for (let i = 0; i < times; i += 1) {
      target.verdicts.set(claim, undefined);
      kept.update(target);
      target.verdicts.delete(claim);
      kept.update(target);
    }
  }

  it.each([1, 2, 500, 501])(
    "does not grow when one user of %i is named and unnamed 10,000 times",
    (count) => {
      const queues = watchQueues();
      cycle(emptied(count), 10_000);
      expect(queues.longest).toBeLessThanOrEqual(count);
    },
  );

  it("is the same after that", () => {
    const all = emptied(501);
    cycle(all, 10_000);
    expect(times(all).slice(0, 2)).toEqual([NOW + 10 * MINUTE, NOW + 1000 + DAY]);
  });
});
