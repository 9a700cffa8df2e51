import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/authorizedkeys/files.ts";
import { type Selection, select } from "../../src/authorizedkeys/selection.ts";
import { isProof } from "../claims/keypairs.ts";
import { ed25519, type SSHKeyFacts } from "../claims/sshkeys.ts";
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

const POLICY = { maximumKeysPerUser: 2 };
const RUNS = 3000;

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
});
