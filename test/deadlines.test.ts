import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "../src/deadlines.ts";

const key = fc.integer({ min: 0, max: 12 });

test("deadlines come in the order of their times, each key once at the time it was given last", () => {
  const act = fc.oneof(
    fc.record({ set: key, at: fc.nat(50) }),
    fc.record({ take: fc.nat(50) }),
    fc.record({ delete: key }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const deadlines = new Deadlines<number>();
      const model = new Map<number, number>();
      for (const step of acts) {
        if ("set" in step) {
          deadlines.set(step.set, step.at);
          model.set(step.set, step.at);
        } else if ("delete" in step) {
          expect(deadlines.delete(step.delete)).toBe(model.delete(step.delete));
        } else {
          const soonest = model.size === 0 ? undefined : Math.min(...model.values());
          expect(deadlines.soonest).toBe(soonest);
          expect(model.get(deadlines.first ?? -1)).toBe(soonest);
          const taken = deadlines.takeDue(step.take);
          expect(taken !== undefined).toBe(soonest !== undefined && soonest <= step.take);
          if (taken !== undefined) {
            expect(model.get(taken.key)).toBe(soonest);
            model.delete(taken.key);
          }
        }
        for (let each = 0; each <= 12; each += 1) expect(deadlines.at(each)).toBe(model.get(each));
      }
    }),
  );
});
