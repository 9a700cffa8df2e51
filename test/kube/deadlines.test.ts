import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "../../src/kube/deadlines.ts";
import { Fifo } from "../../src/kube/fifo.ts";

const key = fc.integer({ min: 0, max: 12 });

test("deadlines come in the order of their times, each key once at its earliest", () => {
  const act = fc.oneof(fc.record({ set: key, at: fc.nat(50) }), fc.record({ take: fc.nat(50) }));
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const deadlines = new Deadlines<number>();
      const model = new Map<number, number>();
      for (const step of acts) {
        if ("set" in step) {
          deadlines.setEarliest(step.set, step.at);
          model.set(step.set, Math.min(step.at, model.get(step.set) ?? Infinity));
        } else {
          const soonest = model.size === 0 ? undefined : Math.min(...model.values());
          expect(deadlines.soonest).toBe(soonest);
          const taken = deadlines.takeDue(step.take);
          expect(taken !== undefined).toBe(soonest !== undefined && soonest <= step.take);
          if (taken !== undefined) {
            expect(model.get(taken)).toBe(soonest);
            model.delete(taken);
          }
        }
        expect(deadlines.size).toBe(model.size);
      }
    }),
  );
});

test("a fifo gives its keys in the order they came, also when some are removed in between", () => {
  const act = fc.oneof(fc.record({ add: key }), fc.record({ remove: key }), fc.constant("take" as const));
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      for (const step of acts) {
        if (step === "take") {
          expect(fifo.take()?.key).toBe(model.shift());
        } else if ("remove" in step) {
          expect(fifo.remove(step.remove) !== undefined).toBe(model.includes(step.remove));
          model = model.filter((other) => other !== step.remove);
        } else if (!model.includes(step.add)) {
          fifo.add(step.add, 0);
          model.push(step.add);
        }
        expect(fifo.size).toBe(model.length);
      }
    }),
  );
});
