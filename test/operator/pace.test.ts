import { describe, expect, it } from "vitest";
import { Pace } from "../../src/operator/pace.ts";

/** How many writes go out when one is due at every millisecond for so long. */
function writesDuring(milliseconds: number): number {
  let now = 0;
  let writes = 0;
  const pace = new Pace(() => now);
  for (; now < milliseconds; now += 1) {
    if (pace.wait("unit") > 0) continue;
    pace.wrote("unit");
    writes += 1;
  }
  return writes;
}

describe("the pace of writes to one Secret", () => {
  it("does not hold up the first one", () => {
    expect(new Pace(() => 0).wait("unit")).toBe(0);
  });

  it("makes five writes of a second full of edits at most", () => {
    expect(writesDuring(1000)).toBeLessThanOrEqual(5);
  });

  it("never holds up a write for more than a second", () => {
    let now = 0;
    const pace = new Pace(() => now);
    for (let write = 0; write < 20; write += 1) {
      pace.wrote("unit");
      expect(pace.wait("unit")).toBeLessThanOrEqual(1000);
      now += pace.wait("unit");
    }
  });

  it("starts afresh after a calm", () => {
    let now = 0;
    const pace = new Pace(() => now);
    for (let write = 0; write < 5; write += 1) pace.wrote("unit");
    now += 6000;
    pace.wrote("unit");
    expect(pace.wait("unit")).toBe(100);
  });

  it("keeps units apart", () => {
    const pace = new Pace(() => 0);
    pace.wrote("one");
    expect(pace.wait("other")).toBe(0);
  });
});
