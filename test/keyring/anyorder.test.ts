import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, DUPLICATE_SCOPES, type Policy } from "../../src/keyring/policy.ts";
import { readKey } from "../../src/keyring/record.ts";
import { outcome } from "./model.ts";
import { type SSHKeyFacts, sshKey } from "./sshkeys.ts";
import { World } from "./world.ts";

type Step =
  | { readonly do: "put"; readonly facts: SSHKeyFacts }
  | { readonly do: "remove"; readonly name: string; readonly namespace: string }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "work"; readonly which: number }
  | { readonly do: "land"; readonly which: number }
  | { readonly do: "refuse"; readonly which: number }
  | { readonly do: "refuse key"; readonly which: number; readonly key: number }
  | { readonly do: "allow"; readonly which: number };

const START = 1_700_000_000;
const namespace = fc.constantFrom("team-a", "team-b", "team-c");
const name = fc.constantFrom("k1", "k2", "k3", "k4");

const facts: fc.Arbitrary<SSHKeyFacts> = fc.record(
  {
    namespace,
    name,
    user: fc.constantFrom("alice", "bob", "carol@example.com"),
    key: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) },
      { weight: 1, arbitrary: fc.constant("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== truncated") },
    ),
    createdAt: fc.integer({ min: START - 3, max: START }),
    disabled: fc.oneof(
      { weight: 5, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    expiresAt: fc.integer({ min: START, max: START + 60 }).map((seconds) => seconds * 1000),
  },
  { requiredKeys: ["namespace", "name", "user", "key", "createdAt"] },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: facts.map((f): Step => ({ do: "put", facts: f })) },
  {
    weight: 2,
    arbitrary: fc.tuple(namespace, name).map(([ns, n]): Step => ({ do: "remove", namespace: ns, name: n })),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 30 }).map((seconds): Step => ({ do: "pass", seconds })) },
  { weight: 4, arbitrary: fc.nat(100).map((which): Step => ({ do: "work", which })) },
  { weight: 2, arbitrary: fc.nat(100).map((which): Step => ({ do: "land", which })) },
);

const refusal: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(100).map((which): Step => ({ do: "refuse", which })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(100), fc.integer({ min: 1, max: 4 }))
      .map(([which, key]): Step => ({ do: "refuse key", which, key })),
  },
  { weight: 1, arbitrary: fc.nat(100).map((which): Step => ({ do: "allow", which })) },
);

const policy: fc.Arbitrary<Policy> = fc
  .tuple(fc.constantFrom(...DUPLICATE_SCOPES), fc.constantFrom(1, 2, 100))
  .map(([duplicateScope, maximumKeysPerUser]) => ({ ...DEFAULT_POLICY, duplicateScope, maximumKeysPerUser }));

/** Plays the steps; gives back the SSHKeys that are there in the end, each as it was last put. */
function play(world: World, steps: readonly Step[]): SSHKeyFacts[] {
  const there = new Map<string, SSHKeyFacts>();
  for (const [generation, each] of steps.entries()) {
    if (each.do === "put") {
      const id = `${each.facts.namespace}/${each.facts.name}`;
      // A user never changes; another one means that the object was deleted and made anew.
      const before = there.get(id);
      const uid = before?.user === each.facts.user ? before.uid : `uid-${generation}`;
      const createdAt = (before?.user === each.facts.user ? before.createdAt : each.facts.createdAt) ?? START;
      const put = {
        ...each.facts,
        createdAt,
        uid: uid ?? `uid-${generation}`,
        generation,
        resourceVersion: generation + 1,
      };
      there.set(id, put);
      world.put(sshKey(put));
    } else if (each.do === "remove") {
      there.delete(`${each.namespace}/${each.name}`);
      world.remove(each.namespace, each.name);
    } else if (each.do === "pass") world.pass(each.seconds * 1000);
    else if (each.do === "land") world.land(nth(world.writing, each.which));
    else if (each.do === "refuse") world.refuse(nth(idsOf(world), each.which));
    else if (each.do === "refuse key") world.refuseKey(nth(idsOf(world), each.which), each.key);
    else if (each.do === "allow") world.allow(nth(world.refusing, each.which));
    else world.work(nth(world.due, each.which));
  }
  return [...there.values()];
}

function nth(ids: readonly string[], which: number): string {
  return ids[which % Math.max(1, ids.length)] ?? "";
}

function idsOf({ keyring }: World): string[] {
  return Array.from(keyring.units(), ({ id }) => id);
}

const runs = { numRuns: Number(process.env.KEYRING_RUNS ?? 1500) };

describe("any order of events ends in one outcome", () => {
  it("ends where the model says, and no write on the way breaks a guarantee", () => {
    fc.assert(
      fc.property(
        policy,
        fc.array(step, { maxLength: 60, size: "max" }),
        fc.array(fc.nat(100)),
        (rules, steps, picks) => {
          const world = new World(rules);
          const there = play(world, steps);
          let turn = 0;
          world.settle(() => picks[turn++ % Math.max(1, picks.length)] ?? 0);
          const records = there.map((each) => readKey(sshKey(each), rules));
          expect(world.outcome()).toEqual(outcome(records, rules, world.now));
        },
      ),
      runs,
    );
  });

  it("has a true status for every SSHKey at rest while Secrets refuse to be written or to hold a key, and ends where the model says", () => {
    fc.assert(
      fc.property(
        policy,
        fc.array(fc.oneof({ weight: 9, arbitrary: step }, { weight: 2, arbitrary: refusal }), {
          maxLength: 60,
          size: "max",
        }),
        fc.array(fc.nat(100)),
        (rules, steps, picks) => {
          const world = new World(rules);
          const there = play(world, steps);
          let turn = 0;
          const pick = () => picks[turn++ % Math.max(1, picks.length)] ?? 0;
          world.settle(pick);
          expect(world.lies()).toEqual([]);
          for (const id of world.refusing) world.allow(id);
          world.settle(pick);
          const records = there.map((each) => readKey(sshKey(each), rules));
          expect(world.outcome()).toEqual(outcome(records, rules, world.now));
        },
      ),
      runs,
    );
  });

  it("gives the same outcome for the same SSHKeys put in another order and repeated", () => {
    const several = fc.uniqueArray(facts, {
      selector: (f) => `${f.namespace}/${f.name}`,
      maxLength: 12,
      size: "max",
    });
    const shuffled = several.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
    );
    fc.assert(
      fc.property(policy, shuffled, (rules, [all, again]) => {
        const [one, other] = [new World(rules), new World(rules)];
        for (const each of all) one.put(sshKey(each));
        for (const each of again) {
          other.put(sshKey(each));
          other.settle();
        }
        one.settle();
        expect(other.outcome()).toEqual(one.outcome());
      }),
      runs,
    );
  });

  it("has exactly one holder in each duplicate group while any eligible SSHKey is left", () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 20, size: "max" }), (all) => {
        const world = new World(DEFAULT_POLICY);
        const oneNamespace = all.map((each) => ({ ...each, namespace: "team-a", key: 1 }));
        play(
          world,
          oneNamespace.map((each) => ({ do: "put", facts: each })),
        );
        world.settle();
        const states = Object.values(world.outcome().states);
        const isContested = states.some((state) => state === "Projected" || state === "Duplicate");
        expect(states.filter((state) => state === "Projected")).toHaveLength(isContested ? 1 : 0);
      }),
      runs,
    );
  });
});
