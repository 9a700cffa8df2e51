import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../../src/claims/claims.ts";
import type { DuplicateScope } from "../../src/claims/policy.ts";
import { proof } from "./keypairs.ts";
import { messageOf, Scene } from "./scene.ts";
import { CREATED, type SSHKeyFacts, sshKeyRecord } from "./sshkeys.ts";

const NAMES = ["k1", "k2", "k3", "k4", "k5"];
const ANOTHER_KEY = 9;

/** An SSHKey of any user with one of two keys; proven or not. */
const sshKeyFacts = fc
  .record({
    name: fc.constantFrom(...NAMES),
    user: fc.constantFrom("alice", "bob", "carol"),
    key: fc.constantFrom(1, 1, 1, 2),
    createdAt: fc.nat(3).map((seconds) => CREATED + seconds),
    disabled: fc.constantFrom(false, false, false, true),
    expiresIn: fc.constantFrom(undefined, undefined, 10, 20),
    proven: fc.constantFrom("not", "not", "well", "badly"),
  })
  .map(({ proven, expiresIn, ...rest }): SSHKeyFacts => {
    const { key, user } = rest;
    return {
      ...rest,
      ...(expiresIn === undefined ? {} : { expiresAt: (CREATED + 60 + expiresIn) * 1000 }),
      ...(proven === "not" ? {} : { proof: proof({ key, user: proven === "well" ? user : "mallory" }) }),
    };
  });

const scopes: fc.Arbitrary<DuplicateScope> = fc.constantFrom("Namespace", "User");

/** Any SSHKeys, put one after the other; one of a name that is there edits it, or takes its place for another user. */
class Story {
  readonly scene: Scene;
  now = (CREATED + 60) * 1000;
  #version = 0;

  constructor(scope: DuplicateScope) {
    this.scene = new Scene({ duplicateScope: scope });
  }

  put(facts: SSHKeyFacts): readonly Change[] {
    this.#version += 1;
    const uid = `uid-${facts.name}-${facts.user}`;
    const version = { uid, generation: this.#version, resourceVersion: this.#version };
    return this.scene.claims.put(sshKeyRecord({ ...facts, ...version }), this.now)?.changes ?? [];
  }

  /** What each SSHKey is told, by name and user: with another user it is another SSHKey. */
  standings(): ReadonlyMap<string, string> {
    return new Map(
      Array.from(this.scene.claims.all(), (claim) => {
        const standing = this.scene.claims.standing(claim);
        const holder = "duplicateOf" in standing ? standing.duplicateOf?.name : undefined;
        return [idOf(claim), JSON.stringify({ ...standing, duplicateOf: holder })];
      }),
    );
  }

  holders(): ReadonlySet<string> {
    const claims = [...this.scene.claims.all()];
    return new Set(claims.filter((each) => this.scene.claims.standing(each).state === "InForce").map(idOf));
  }
}

function idOf({ record }: Change["claim"]): string {
  return `${record.name} of ${record.user}`;
}

type Act = (story: Story) => readonly Change[];

/** Shows up in counterexamples. */
function named(text: string, act: Act): Act {
  return Object.assign(act, { [fc.toStringMethod]: () => text });
}

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: sshKeyFacts.map(
      (facts): Act =>
        (story) =>
          story.put(facts),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...NAMES).map(
      (name): Act =>
        ({ scene }) =>
          scene.claims.remove("team-a", name),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      named("pass 10 s", (story) => {
        story.now += 10_000;
        return story.scene.claims.advance(story.now);
      }),
    ),
  },
);

/** Any story, told in parts: what happens in one is seen at once, as what a list shows. */
function afterEachPart(
  check: (
    story: Story,
    told: readonly Change[],
    before: { standings: ReadonlyMap<string, string>; holders: ReadonlySet<string> },
  ) => void,
): void {
  const parts = fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  fc.assert(
    fc.property(scopes, parts, (scope, all) => {
      const story = new Story(scope);
      for (const part of all) {
        const before = { standings: story.standings(), holders: story.holders() };
        const told = part.flatMap((each) => [...each(story)]);
        told.push(...story.scene.claims.takeAffected());
        check(story, told, before);
      }
    }),
    { numRuns: 500 },
  );
}

describe("whatever happens", () => {
  it("everybody whose standing is another one by then is told", () => {
    afterEachPart((story, told, { standings }) => {
      const those = new Set(told.map(({ claim }) => idOf(claim)));
      for (const [id, standing] of story.standings()) {
        if (standing !== standings.get(id)) expect(those).toContain(id);
      }
    });
  });

  it("everybody who held a key and does not any more is told as lost or gone", () => {
    afterEachPart((story, told, { holders }) => {
      const urgent = told.filter(({ kind }) => kind === "lost" || kind === "gone");
      const those = new Set(urgent.map(({ claim }) => idOf(claim)));
      const holding = story.holders();
      for (const id of holders) if (!holding.has(id)) expect(those).toContain(id);
    });
  });

  it("each claim says of itself whether it holds its key", () => {
    afterEachPart((story) => {
      const saying = [...story.scene.claims.all()].filter(({ isHolder }) => isHolder).map(idOf);
      expect(new Set(saying)).toEqual(story.holders());
    });
  });
});

describe("a Duplicate that does what its message says", () => {
  /** Any SSHKeys, and one of them that is a Duplicate. */
  const forEachDuplicate = (check: (story: Story, facts: SSHKeyFacts, message: string) => void) => {
    fc.assert(
      fc.property(scopes, fc.uniqueArray(sshKeyFacts, { selector: ({ name }) => name }), (scope, all) => {
        const begin = () => {
          const story = new Story(scope);
          for (const each of all) story.put(each);
          return story;
        };
        const { scene } = begin();
        for (const facts of all) {
          const standing = scene.standing(facts.name);
          if (standing.state === "Duplicate") check(begin(), facts, messageOf(standing));
        }
      }),
      { numRuns: 500 },
    );
  };
  const isInForce = ({ scene }: Story, name: string) => scene.standing(name).state === "InForce";
  const prove = (story: Story, facts: SSHKeyFacts) =>
    story.put({ ...facts, proof: proof({ key: facts.key as number, user: facts.user ?? "" }) });
  const isOfOneUser = (message: string) => message.includes("of the same user holds this key");

  it("has the key when it gives the proof that it is asked for", () => {
    forEachDuplicate((story, facts, message) => {
      if (!message.includes(`printf %s ${facts.user} | ssh-keygen -Y sign`)) return;
      prove(story, facts);
      expect(isInForce(story, facts.name)).toBe(true);
    });
  });

  it("is asked for a proof whenever one would give it the key of another user", () => {
    forEachDuplicate((story, facts, message) => {
      if (isOfOneUser(message)) return;
      prove(story, facts);
      if (isInForce(story, facts.name)) expect(message).toContain("ssh-keygen -Y sign");
    });
  });

  it("has the key when it takes the proof of its user's other SSHKey, and only then is told of that way", () => {
    forEachDuplicate((story, facts, message) => {
      if (!isOfOneUser(message) || !message.includes("because of its proof")) return;
      prove(story, facts);
      expect(message.includes("put the same proof into this one")).toBe(isInForce(story, facts.name));
    });
  });

  it("has its key when it takes another one", () => {
    forEachDuplicate((story, facts, message) => {
      expect(message.toLowerCase()).toMatch(/another key|make a new one/);
      story.put({ ...facts, key: ANOTHER_KEY });
      expect(isInForce(story, facts.name)).toBe(true);
    });
  });

  it("leaves the key to its user when it goes, if another SSHKey of that user has it", () => {
    forEachDuplicate((story, facts, message) => {
      if (!isOfOneUser(message)) return;
      story.scene.claims.remove("team-a", facts.name);
      const holder = /SSHKey (\S+) of the same user/.exec(message)?.[1] ?? "";
      expect([story.scene.claim(holder).record.user, isInForce(story, holder)]).toEqual([facts.user, true]);
    });
  });
});
