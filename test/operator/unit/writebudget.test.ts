import { describe, expect, it } from "vitest";
import { WriteBudget } from "../../../src/operator/writebudget.ts";

const MIB = 2 ** 20;

/** A budget on a clock of its own. */
function startBudget() {
  let now = 0;
  const budget = new WriteBudget(() => now);
  const take = (o: { id?: string; namespace?: string; isRemoval?: boolean; bytes?: number } = {}) => {
    const { id = "team-a/sshkeys-alice", namespace = "team-a", isRemoval = false, bytes = 1 } = o;
    return budget.take(id, [namespace], isRemoval, bytes);
  };
  return {
    budget,
    take,
    /** ms until the write may go out; 0 when it has gone out. */
    wait(o: Parameters<typeof take>[0] = {}) {
      return take(o)?.ms ?? 0;
    },
    pass(ms: number) {
      now += ms;
    },
    /** How many writes go out when one is due at every millisecond for so long. */
    writesDuring(ms: number, o: Parameters<typeof take>[0] = {}) {
      let writes = 0;
      for (const end = now + ms; now < end; now += 1) if (take(o) === undefined) writes += 1;
      return writes;
    },
  };
}

describe("the rate of writes of one Secret", () => {
  it("does not hold up the first one", () => {
    expect(startBudget().wait()).toBe(0);
  });

  it("is three a second in the long run", () => {
    expect(startBudget().writesDuring(10_000)).toBeLessThanOrEqual(3 + 30);
  });

  it("is three a second for removals too", () => {
    expect(startBudget().writesDuring(10_000, { isRemoval: true })).toBeLessThanOrEqual(3 + 30);
  });

  it("keeps the last token for a removal: whoever adds all the time delays none", () => {
    const { writesDuring, wait } = startBudget();
    writesDuring(10_000);
    expect(wait({ isRemoval: true })).toBe(0);
  });

  it("never holds up a write for more than two thirds of a second", () => {
    const { wait, pass } = startBudget();
    for (let write = 0; write < 20; write += 1) {
      const ms = wait({ isRemoval: write % 2 === 0 });
      expect(ms).toBeLessThanOrEqual(667);
      pass(ms);
    }
  });

  it("starts afresh after a calm", () => {
    const { writesDuring, pass, wait } = startBudget();
    writesDuring(5000);
    pass(1000);
    expect([wait(), wait()]).toEqual([0, 0]);
  });

  it("keeps Secrets apart", () => {
    const { writesDuring, wait } = startBudget();
    writesDuring(5000);
    expect(wait({ id: "team-a/sshkeys-bob" })).toBe(0);
  });

  it("says what a write waits for", () => {
    const { take } = startBudget();
    const answers = [take(), take(), take()];
    expect(answers.at(-1)).toMatchObject({
      reason: "Writes of this Secret are rate limited (3 per second); it is written within about a second.",
    });
  });
});

describe("the bytes that one namespace may write", () => {
  /** Another Secret each time, so that only bytes count. */
  const fill = (budget: ReturnType<typeof startBudget>, isRemoval: boolean) => {
    let written = 0;
    while (budget.wait({ id: `team-a/${written}`, isRemoval, bytes: MIB }) === 0) written += 1;
    return written;
  };

  it("are 32 MiB at once for what adds or changes lines", () => {
    expect(fill(startBudget(), false)).toBe(32);
  });

  it("are 128 MiB at once for what only takes lines out", () => {
    expect(fill(startBudget(), true)).toBe(128);
  });

  it("do not count additions against removals", () => {
    const budget = startBudget();
    fill(budget, false);
    expect(fill(budget, true)).toBe(128);
  });

  it.each([
    [false, 256 * 1024],
    [true, MIB],
  ])("come back by the second (removals: %s)", (isRemoval, perSecond) => {
    const budget = startBudget();
    fill(budget, isRemoval);
    budget.pass(1000);
    expect([
      budget.wait({ id: "team-a/x", isRemoval, bytes: perSecond }),
      budget.wait({ id: "team-a/y", isRemoval, bytes: perSecond }),
    ]).toEqual([0, 1000]);
  });

  it("are no other namespace's", () => {
    const budget = startBudget();
    fill(budget, false);
    expect(budget.wait({ id: "team-b/x", namespace: "team-b", bytes: MIB })).toBe(0);
  });

  it("are told as what a write waits for", () => {
    const budget = startBudget();
    fill(budget, false);
    expect(budget.take({ id: "team-a/x", bytes: MIB })).toMatchObject({
      reason: expect.stringContaining("rate limited (bytes per second)"),
    });
  });
});

describe("the rate of writes of one status", () => {
  it("is three a second in the long run, however often somebody else writes it", () => {
    const { budget, pass } = startBudget();
    let writes = 0;
    for (let ms = 0; ms < 10_000; ms += 1) {
      if (budget.takeStatus("team-a/alice-laptop", "team-a", 5000) === 0) writes += 1;
      pass(1);
    }
    expect(writes).toBeLessThanOrEqual(5 + 30);
  });

  it("is a budget of bytes for all statuses of a namespace, and takes nothing from another one", () => {
    const { budget } = startBudget();
    let written = 0;
    while (budget.takeStatus(`team-a/key-${written}`, "team-a", MIB) === 0) written += 1;
    expect([written, budget.takeStatus("team-b/key", "team-b", MIB)]).toEqual([128, 0]);
  });
});

describe("one SSHKey that stands in 20 Secrets of 545 kB and is toggled 200 times in five minutes", () => {
  const BYTES = 545_000;
  const ids = Array.from({ length: 20 }, (_, i) => `gate-${i}/bastion`);
  const MINUTES = 5;
  const STEP_MS = 100;

  /** Bytes written, and the longest that a removal of somebody else's key in between has to wait for all 20, in ms. */
  function toggled() {
    const { budget, pass } = startBudget();
    const take = (id: string, isRemoval: boolean) =>
      budget.take(id, ["people"], isRemoval, BYTES) === undefined;
    const holding = new Set<string>();
    let bytes = 0;
    let slowest = 0;
    let removing = new Map<string, number>();
    for (let ms = 0; ms < MINUTES * 60_000; ms += STEP_MS) {
      const isOn = Math.floor(ms / 1500) % 2 === 0;
      if (ms % 20_000 === 10_000) removing = new Map(ids.map((id) => [id, ms]));
      for (const id of ids) {
        const leaves = !isOn && holding.has(id);
        const since = removing.get(id);
        if (leaves || since !== undefined) {
          if (!take(id, true)) continue;
          if (leaves) holding.delete(id);
          if (since !== undefined) slowest = Math.max(slowest, ms - since);
          removing.delete(id);
        } else if (isOn && !holding.has(id)) {
          if (!take(id, false)) continue;
          holding.add(id);
        } else continue;
        bytes += BYTES;
      }
      pass(STEP_MS);
    }
    return { megabytes: bytes / 1e6, slowest };
  }

  it("makes the operator write 240 MB at most beside what others cause, and delays nobody's removal by three seconds", () => {
    const { megabytes, slowest } = toggled();
    const ofOthers = (15 * ids.length * BYTES) / 1e6;
    expect([megabytes - ofOthers <= 240, slowest < 3000]).toEqual([true, true]);
  });
});

describe("a write that two namespaces have caused", () => {
  it("goes out when one of them can pay, and costs that one alone", () => {
    let now = 0;
    const budget = new WriteBudget(() => now);
    budget.take("a/x", ["poor"], false, 64 * MIB);
    now = 1000;
    expect(budget.take("a/y", ["poor", "rich"], false, 16 * MIB)).toBeUndefined();
    expect(budget.take("a/z", ["rich"], false, 17 * MIB)?.ms).toBeGreaterThan(0);
  });
});
