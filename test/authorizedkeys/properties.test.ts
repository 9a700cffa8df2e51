import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/authorizedkeys/files.ts";
import { type Selection, select } from "../../src/authorizedkeys/selection.ts";
import { isProof } from "../claims/keypairs.ts";
import { CREATED, ed25519, type SSHKeyFacts } from "../claims/sshkeys.ts";
import { type Fact, oracle } from "../oracle/oracle.ts";
import {
  type KeyFact,
  type Limits,
  type OwnOptions,
  type SelectionOutcome,
  selection,
} from "../oracle/selection.ts";
import { AuthorizedKeysScene, authorizedKeysRecord, NOW, omissionsOf } from "./scene.ts";
import { specOf, type Target, targets, type World, worlds } from "./worlds.ts";

const POLICY = { maximumKeysPerUser: 1 };
const RUNS = 1000;

const limits: fc.Arbitrary<Limits> = fc.oneof(
  fc.constant(LIMITS),
  fc.record({ bytes: fc.integer({ min: 0, max: 1000 }), emptyFiles: fc.nat(3) }),
);

function sceneOf({ namespaces, sshKeys }: World): AuthorizedKeysScene {
  return new AuthorizedKeysScene(sshKeys, namespaces, POLICY);
}

function selectionIn(world: World, target: Target, within: Limits = LIMITS): Selection {
  const scene = sceneOf(world);
  return select(authorizedKeysRecord(specOf(target)), scene.sources(), scene.policy, "WithZ", within);
}

/** What the oracle has to know of each SSHKey, told from what it was made of. */
function keyFacts(sshKeys: readonly SSHKeyFacts[]): readonly KeyFact[] {
  const facts = sshKeys.map((each): Fact => {
    const { namespace = "", name, uid = "", user = "", key = 1, options = [], createdAt = 0 } = each;
    const line = typeof key === "number" ? ed25519(key) : key;
    const [type = "", base64 = ""] = line.split(" ");
    return {
      ...{ namespace, name, uid, user, type, base64, terminating: false, findings: [] },
      ...{ options: options.join(), since: createdAt * 1000, expiresAt: each.expiresAt },
      ...{ disabled: each.disabled === true, proven: isProof(each.proof, user, line) },
    };
  });
  const rules = { scope: "Namespace", proofs: "Optional", expiryTimeFormat: "WithZ", ...POLICY } as const;
  const { states } = oracle(facts, rules, NOW);
  return facts.map((fact) => ({
    ...fact,
    options: fact.options as OwnOptions,
    inForce: states[`${fact.namespace}/${fact.name}`] === "Projected",
  }));
}

function expected({ namespaces, sshKeys }: World, target: Target, within: Limits): SelectionOutcome {
  const found = Object.entries(namespaces).map(([name, { labels = {}, shares = "" }]) => ({
    name,
    labels,
    shares,
  }));
  return selection({ ...target, options: target.options.join() }, found, keyFacts(sshKeys), within);
}

/** Has the spec no faults? An edited CRD lets some through. */
function isPlain(target: Target): boolean {
  return authorizedKeysRecord(specOf(target)).faults.length === 0;
}

describe("whatever the SSHKeys, the namespaces and the AuthorizedKeys", () => {
  it("the selection is what the oracle says", () => {
    fc.assert(
      fc.property(worlds, targets, limits, (world, target, within) => {
        fc.pre(isPlain(target));
        const selected = selectionIn(world, target, within);
        const { files, userCount, keyCount } = selected;
        expect({
          files: Object.fromEntries(files),
          userCount,
          keyCount,
          omitted: [...omissionsOf(selected)].sort(),
        }).toEqual(expected(world, target, within));
      }),
      { numRuns: RUNS },
    );
  });

  it("the order in which SSHKeys come changes nothing, neither in the files nor in what is told", () => {
    fc.assert(
      fc.property(worlds, targets, limits, fc.func(fc.nat()), (world, target, within, order) => {
        const scene = sceneOf(world);
        const sources = scene.sources();
        const record = authorizedKeysRecord(specOf(target));
        const claims = (namespace: string) =>
          [...sources.claims(namespace)].sort((a, b) => order(a.record.uid) - order(b.record.uid));
        const [one, other] = [sources, { ...sources, claims }].map((each) => {
          const { files, ...rest } = select(record, each, scene.policy, "WithZ", within);
          return { files: [...files], ...rest };
        });
        expect(one).toEqual(other);
      }),
    );
  });

  it("each namespace and reason is told of once before any is told of twice", () => {
    fc.assert(
      fc.property(worlds, targets, (world, target) => {
        const groups = selectionIn(world, target).omitted.map(
          ({ namespace, reason }) => `${reason} ${namespace}`,
        );
        const times = groups.map((group, at) => groups.slice(0, at).filter((each) => each === group).length);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });
});

describe("whatever goes, comes or is made again in the namespaces", () => {
  it("a login stays with one namespace, and so does a name that lines act as", () => {
    fc.assert(
      fc.property(worlds, worlds, targets, (one, other, target) => {
        fc.pre(isPlain(target) && target.identity === "ByNamespace" && identityCounts(target));
        const before = ownersIn(one, target);
        for (const [who, namespace] of ownersIn(other, target))
          expect([who, before.get(who) ?? namespace]).toEqual([who, namespace]);
      }),
      { numRuns: RUNS },
    );
  });

  it("a newcomer without a proof puts out no line of a SingleFile", () => {
    fc.assert(
      fc.property(worlds, targets, limits, fc.nat(9), (world, target, within, key) => {
        const earlier = target.from.filter(
          ({ namespace }) => namespace !== undefined && namespace !== "contractors",
        );
        const from = [...earlier, { namespace: "contractors" }];
        const single = { ...target, layout: "SingleFile", from } as const;
        const newcomer = {
          namespace: "contractors",
          name: "new",
          uid: "new",
          user: "mallory",
          key,
          createdAt: LATER,
        };
        const after = { ...world, sshKeys: [...world.sshKeys, newcomer] };
        const lines = linesIn(after, single, within);
        expect(linesIn(world, single, within).filter((line) => !lines.includes(line))).toEqual([]);
      }),
    );
  });
});

const LATER = CREATED + 1000;

function identityCounts({ layout, options }: Target): boolean {
  return layout === "FilePerLogin" || options.some((option) => option.includes("%"));
}

/** The namespace of each login that has a line, or of each user in whose name a line acts. */
function ownersIn(world: World, target: Target): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [dataKey, text] of selectionIn(world, target).files) {
    for (const line of text.split("\n").slice(0, -1)) {
      const [namespace = "", name] = line.slice(line.lastIndexOf(" ") + 1).split("/");
      const sshKey = world.sshKeys.find((each) => each.namespace === namespace && each.name === name);
      owners.set(target.layout === "FilePerLogin" ? dataKey : (sshKey?.user ?? ""), namespace);
    }
  }
  return owners;
}

function linesIn(world: World, target: Target, within: Limits): readonly string[] {
  return [...selectionIn(world, target, within).files.values()].flatMap((text) => text.split("\n"));
}
