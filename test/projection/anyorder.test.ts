import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authorizedKeysLies, expectedFiles, reachedFiles } from "./authorizedkeyslies.ts";
import { doubtfulLines, untoldDoubts } from "./doubtfullines.ts";
import { doubts, sharing } from "./sharingsteps.ts";
import { meddling, obstacles, ordinary, picker, picks, rules, type Step, skew } from "./steps.ts";
import { expected, lies, reached } from "./usertruth.ts";
import { type Picker, World } from "./world.ts";

const numRuns = Number(process.env.PROJECTION_RUNS ?? 1000);

type Kind = readonly [weight: number, steps: fc.Arbitrary<Step>];

const MOSTLY_ORDINARY: readonly Kind[] = [
  [8, ordinary],
  [1, meddling],
  [3, sharing],
  [1, doubts],
];

/** Checks worlds in which all this has happened, in any order. */
function afterAnyStory(kinds: readonly Kind[], check: (world: World, pick: Picker) => void): void {
  const step = fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary })));
  const steps = fc.array(step, { maxLength: 50, size: "max" });
  const property = fc.property(rules, skew, steps, picks, (allowed, ahead, story, numbers) => {
    const world = new World(allowed, ahead);
    for (const each of story) each(world);
    check(world, picker(numbers));
  });
  fc.assert(property, { numRuns });
}

function comeToRest(world: World, pick: Picker): void {
  world.access.allowAll();
  world.rest(pick);
}

function expectTruth(world: World): void {
  expect(reached(world)).toEqual(expected(world));
  expect(reachedFiles(world)).toEqual(expectedFiles(world));
  expect([...lies(world), ...authorizedKeysLies(world)]).toEqual([]);
}

describe("any order of events, restarts and lost answers", () => {
  it("ends where the oracle says, and no write on the way breaks a guarantee", () => {
    afterAnyStory(MOSTLY_ORDINARY, (world, pick) => {
      comeToRest(world, pick);
      expectTruth(world);
    });
  });

  it("ends in silence: another process finds nothing to write", () => {
    afterAnyStory(MOSTLY_ORDINARY, (world, pick) => {
      comeToRest(world, pick);
      world.pass(120_000);
      world.rest(pick);
      const before = [world.server.writes, world.statuses.count];
      world.restart(pick);
      world.rest(pick);
      expect([world.server.writes, world.statuses.count]).toEqual(before);
    });
  });

  it("leaves every status true while Secrets cannot be written, and ends where the oracle says once they can", () => {
    afterAnyStory([...MOSTLY_ORDINARY, [2, obstacles]], (world, pick) => {
      comeToRest(world, pick);
      world.pass(60_000);
      world.rest(pick);
      expect([...lies(world), ...authorizedKeysLies(world)]).toEqual([]);
      world.unblock(pick);
      expectTruth(world);
    });
  });

  it("lets nobody in and puts nobody out by what cannot be read, and does what is certain all the same", () => {
    afterAnyStory([...MOSTLY_ORDINARY, [3, sharing], [3, doubts]], (world, pick) => {
      world.rest(pick);
      expect([...doubtfulLines(world), ...untoldDoubts(world)]).toEqual([]);
      comeToRest(world, pick);
      expectTruth(world);
    });
  });
});
