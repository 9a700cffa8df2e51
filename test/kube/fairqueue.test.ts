import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type Priority } from "../../src/kube/fairqueue.ts";

const namespaceOf = (key: string) => key.slice(0, 1);

const key = fc
  .record({ namespace: fc.constantFrom("a", "b", "c", "d"), name: fc.nat(5) })
  .map(({ namespace, name }) => `${namespace}${name}`);

const priority = fc.constantFrom<Priority>("removal", "normal");

test("between two takes of a namespace that has keys waiting comes at most one of each other one", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ key, priority, takes: fc.nat(3) }), { maxLength: 80 }), (acts) => {
      const queue = new FairQueue<string>(namespaceOf);
      /** For each namespace that waits: what was taken since its last turn. */
      const takenSince = new Map<string, string[]>();
      const waiting = new Map<string, Priority>();
      let now = 0;
      const take = () => {
        const taken = queue.take(1);
        expect(taken === undefined).toBe(waiting.size === 0);
        if (taken === undefined) return;
        queue.release(taken.key);
        const namespace = namespaceOf(taken.key);
        const before = takenSince.get(namespace) ?? [];
        expect(new Set(before).size).toBe(before.length);
        const ofNamespace = [...waiting].filter(([each]) => namespaceOf(each) === namespace);
        expect(waiting.get(taken.key)).toBe(taken.priority);
        if (taken.priority === "normal") expect(ofNamespace.map(([, each]) => each)).not.toContain("removal");
        waiting.delete(taken.key);
        takenSince.delete(namespace);
        for (const each of takenSince.values()) each.push(namespace);
        if (ofNamespace.length > 1) takenSince.set(namespace, []);
      };
      for (const act of acts) {
        now += 1;
        expect(queue.add(act.key, act.priority, now)).toBe(!waiting.has(act.key));
        if (!takenSince.has(namespaceOf(act.key))) takenSince.set(namespaceOf(act.key), []);
        if (waiting.get(act.key) !== "removal") waiting.set(act.key, act.priority);
        expect(queue.size).toBe(waiting.size);
        for (let i = 0; i < act.takes; i += 1) take();
      }
      while (waiting.size > 0) take();
      expect(queue.take(1)).toBeUndefined();
    }),
  );
});

/** What a FairQueue does, in the plainest way. */
class Model {
  readonly waiting: { key: string; priority: Priority; since: number }[] = [];
  readonly working: string[] = [];
  turns: string[] = [];

  add(key: string, priority: Priority, now: number): void {
    const known = this.waiting.find((each) => each.key === key);
    if (known?.priority === "removal" || known?.priority === priority) return;
    if (known !== undefined) this.remove(key, true);
    this.waiting.push({ key, priority, since: known?.since ?? now });
    if (!this.turns.includes(namespaceOf(key))) this.turns.push(namespaceOf(key));
  }

  remove(key: string, keepsTurn = false): void {
    const index = this.waiting.findIndex((each) => each.key === key);
    if (index >= 0) this.waiting.splice(index, 1);
    if (!keepsTurn) this.turns = this.turns.filter((namespace) => this.of(namespace).length > 0);
  }

  of(namespace: string) {
    return this.waiting.filter((each) => namespaceOf(each.key) === namespace);
  }

  take(free: number) {
    const inWork = (namespace: string) =>
      this.working.filter((each) => namespaceOf(each) === namespace).length;
    const namespace = this.turns.find((each) => inWork(each) === 0 || inWork(each) < free);
    if (namespace === undefined) return undefined;
    const keys = this.of(namespace);
    const taken = keys.find((each) => each.priority === "removal") ?? keys[0];
    if (taken === undefined) return undefined;
    this.remove(taken.key);
    this.working.push(taken.key);
    if (this.turns.includes(namespace)) {
      this.turns = [...this.turns.filter((each) => each !== namespace), namespace];
    }
    return taken;
  }
}

test("a fair queue takes in turn the namespaces that have not got their share of the workers", () => {
  const act = fc.oneof(
    fc.record({ do: fc.constantFrom("add", "remove"), key, priority }),
    fc.record({ do: fc.constantFrom("take", "take", "release"), key, priority }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(act, { maxLength: 120 }), (workers, acts) => {
      const queue = new FairQueue<string>(namespaceOf);
      const model = new Model();
      acts.forEach((step, now) => {
        if (step.do === "add" && !model.working.includes(step.key)) {
          queue.add(step.key, step.priority, now);
          model.add(step.key, step.priority, now);
        } else if (step.do === "remove") {
          queue.remove(step.key);
          model.remove(step.key);
        } else if (step.do === "release") {
          const done = model.working.shift();
          if (done !== undefined) queue.release(done);
        } else if (step.do === "take" && model.working.length < workers) {
          const free = workers - model.working.length;
          expect(queue.take(free)).toEqual(model.take(free));
        }
        expect(queue.size).toBe(model.waiting.length);
        expect(queue.priorityOf(step.key)).toBe(
          model.waiting.find((each) => each.key === step.key)?.priority,
        );
      });
    }),
    { numRuns: 500 },
  );
});
