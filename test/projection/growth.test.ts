import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, type DuplicateScope } from "../../src/claims/policy.ts";
import type { SSHKeyRecord } from "../../src/claims/record.ts";
import { Projection } from "../../src/projection/projection.ts";
import { CREATED, type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";
import { NOW } from "./secrets.ts";

const SETTINGS = { installation: "default", namePrefix: "sshkeys-", retention: 86_400_000 };
const [HALF, FULL] = [10_000, 20_000];

type Kind = (i: number) => SSHKeyFacts;

const oneKey: Kind = (i) => ({ name: `k${i}`, createdAt: CREATED + i });
const oneKeyYoungestFirst: Kind = (i) => ({ name: `k${i}`, createdAt: CREATED - i });
const manyKeys: Kind = (i) => ({ name: `k${i}`, key: i + 1, createdAt: CREATED + i });
const undatedEdits: Kind = (i) => ({ name: `k${i}`, generation: 2 });
const manyUsers: Kind = (i) => ({ name: `k${i}`, user: `u${i}`, createdAt: CREATED + i });

interface Story {
  readonly projection: Projection;
  readonly records: readonly SSHKeyRecord[];
}

function records(kind: Kind, count: number): readonly SSHKeyRecord[] {
  return Array.from({ length: count }, (_, i) => sshKeyRecord(kind(i)));
}

function filled(all: readonly SSHKeyRecord[], scope: DuplicateScope = "Namespace"): Story {
  const projection = new Projection(
    { ...DEFAULT_POLICY, duplicateScope: scope, maximumKeysPerUser: 100_000 },
    SETTINGS,
  );
  for (const record of all) projection.putKey(record, NOW);
  return { projection, records: all };
}

function ms(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The best of some, so that a busy machine or a garbage collection is not taken for growth. */
function best(run: () => number): number {
  return Math.min(run(), run(), run(), run());
}

function insertion(kind: Kind, count: number, scope?: DuplicateScope): number {
  const all = records(kind, count);
  return best(() => ms(() => filled(all, scope)));
}

function planning({ projection }: Story): number {
  const [target] = projection.targets();
  if (target === undefined) throw new Error("there is no target");
  return best(() => ms(() => projection.plan(target, NOW)));
}

/** The holder is switched off and on again. */
function toggling({ projection, records: [holder] }: Story): number {
  if (holder === undefined) throw new Error("there is no SSHKey");
  let { generation } = holder;
  return best(() =>
    ms(() => {
      projection.takeDue();
      for (const disabled of [true, false]) {
        generation += 1;
        projection.putKey({ ...holder, disabled, generation, resourceVersion: String(generation) }, NOW);
        projection.takeDue();
      }
    }),
  );
}

/** What takes less than some milliseconds tells nothing of growth: a square would take seconds. */
function expectLinear(what: string, half: number, full: number): void {
  console.log(`${what}: ${half.toFixed(1)} ms for ${HALF}, ${full.toFixed(1)} ms for ${FULL}`);
  expect(full / Math.max(half, 40)).toBeLessThan(3);
}

describe("what many SSHKeys of one namespace cost", () => {
  it.each<[string, Kind, DuplicateScope]>([
    ["one key and user", oneKey, "Namespace"],
    ["one key and user, the youngest first", oneKeyYoungestFirst, "Namespace"],
    ["one user and many keys", manyKeys, "Namespace"],
    ["one key and user, all edited and never looked at", undatedEdits, "Namespace"],
    ["one key and many users, each their own", manyUsers, "User"],
  ])("grows no faster than their number to take in: %s", (what, kind, scope) => {
    expectLinear(`insertion, ${what}`, insertion(kind, HALF, scope), insertion(kind, FULL, scope));
  });

  it.each<[string, Kind]>([
    ["one key", oneKey],
    ["many keys", manyKeys],
  ])("grows no faster than their number to plan: %s", (what, kind) => {
    const [half, full] = [HALF, FULL].map((count) => planning(filled(records(kind, count))));
    expectLinear(`plan, ${what}`, half ?? 0, full ?? 0);
  });

  it("grows no faster than their number when the holder is switched off and on", () => {
    const [half, full] = [HALF, FULL].map((count) => toggling(filled(records(oneKey, count))));
    expectLinear("toggle", half ?? 0, full ?? 0);
  });

  it("grows no faster than their number to be forgotten, the holder first each time", () => {
    const removal = (count: number) => {
      const { projection, records: all } = filled(records(oneKey, count));
      return ms(() => {
        for (const { namespace, name } of all) projection.removeKey(namespace, name);
      });
    };
    // Beyond some 16,000 V8 moves the whole list for its first entry: still a fraction of a second for 20,000.
    const [half, full] = [HALF / 2, FULL / 2].map((count) => best(() => removal(count)));
    expectLinear("removal, of half as many", half ?? 0, full ?? 0);
  });
});
