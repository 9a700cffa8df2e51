import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, type DuplicateScope } from "../../src/claims/policy.ts";
import type { Proof } from "../../src/claims/proof.ts";
import type { SSHKeyRecord } from "../../src/claims/record.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { Projection } from "../../src/projection/projection.ts";
import { CREATED, nobodysKey, type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";
import { cpuMs, growth, growthOf, LINEAR } from "../growth.ts";
import { NOW } from "./secrets.ts";

const [HALF, FULL] = [10_000, 20_000];

type Kind = (i: number) => SSHKeyFacts;

const oneKey: Kind = (i) => ({ name: `k${i}`, createdAt: CREATED + i });
const oneKeyYoungestFirst: Kind = (i) => ({ name: `k${i}`, createdAt: CREATED - i });
const manyKeys: Kind = (i) => ({ name: `k${i}`, key: nobodysKey(i + 1), createdAt: CREATED + i });
const undatedEdits: Kind = (i) => ({ name: `k${i}`, generation: 2 });
const manyUsers: Kind = (i) => ({ name: `k${i}`, user: `u${i}`, createdAt: CREATED + i });
/** Of whom each has proven to have the one key. */
const manyProvenUsers: Kind = (i) => manyUsers(i);

interface Story {
  readonly projection: Projection;
  readonly records: readonly SSHKeyRecord[];
}

function records(kind: Kind, count: number): readonly SSHKeyRecord[] {
  const all = Array.from({ length: count }, (_, i) => sshKeyRecord(kind(i)));
  return kind === manyProvenUsers ? all.map((each) => ({ ...each, hasProof: true, proof: PROVEN })) : all;
}

const PROVEN: Proof = { digest: "", result: "Proven", authenticator: undefined };

function filled(all: readonly SSHKeyRecord[], scope: DuplicateScope = "Namespace"): Story {
  const projection = new Projection(
    { ...DEFAULT_POLICY, duplicateScope: scope, maximumKeysPerUser: 100_000 },
    DEFAULT_SETTINGS.secrets,
  );
  for (const record of all) projection.putSSHKey(record, NOW);
  return { projection, records: all };
}

function planning({ projection }: Story): () => unknown {
  const [target] = projection.targets();
  if (target === undefined) throw new Error("there is no target");
  return () => projection.plan(target, NOW);
}

/** The holder is switched off and on again. */
function toggling({ projection, records: [holder] }: Story): () => unknown {
  if (holder === undefined) throw new Error("there is no SSHKey");
  let { generation } = holder;
  projection.takeDirty();
  return () => {
    for (const disabled of [true, false]) {
      generation += 1;
      projection.putSSHKey({ ...holder, disabled, generation, resourceVersion: String(generation) }, NOW);
      projection.takeDirty();
    }
  };
}

/** ms until all are forgotten, the holder first each time. */
function removal(all: readonly SSHKeyRecord[]): number {
  const { projection } = filled(all);
  return cpuMs(() => {
    for (const { namespace, name } of all) projection.removeSSHKey(namespace, name);
  });
}

describe("what many SSHKeys of one namespace cost", () => {
  it.each<[string, Kind, DuplicateScope]>([
    ["one key and user", oneKey, "Namespace"],
    ["one key and user, the youngest first", oneKeyYoungestFirst, "Namespace"],
    ["one user and many keys", manyKeys, "Namespace"],
    ["one key and user, all edited and never looked at", undatedEdits, "Namespace"],
    ["one key and many users, each their own", manyUsers, "User"],
    ["one key and many users who have all proven it", manyProvenUsers, "Namespace"],
  ])("grows no faster than their number to take in: %s", (_, kind, scope) => {
    const [half, full] = [records(kind, HALF), records(kind, FULL)];
    expect(
      growth(
        () => filled(half, scope),
        () => filled(full, scope),
      ),
    ).toBeLessThan(LINEAR);
  });

  it.each<[string, Kind]>([
    ["one key", oneKey],
    ["many keys", manyKeys],
  ])("grows no faster than their number to plan: %s", (_, kind) => {
    const [half, full] = [filled(records(kind, HALF)), filled(records(kind, FULL))];
    expect(growth(planning(half), planning(full))).toBeLessThan(LINEAR);
  });

  it("grows no faster than their number when the holder is switched off and on", () => {
    // When the first element of an array goes, V8 cuts it off or moves all others, as its pages are swept or not: a
    // factor of four. So the numbers are far apart; by the square it would be 400.
    const [few, many] = [filled(records(oneKey, 2500)), filled(records(oneKey, 50_000))];
    expect(growth(toggling(few), toggling(many), 100)).toBeLessThan(100);
  });

  it("grows no faster than their number to be forgotten, the holder first each time", async () => {
    // Beyond some 16,000 V8 moves the whole list for its first entry: still a fraction of a second for 20,000.
    const [half, full] = [records(oneKey, HALF / 2), records(oneKey, FULL / 2)];
    expect(
      await growthOf(
        () => removal(half),
        () => removal(full),
      ),
    ).toBeLessThan(LINEAR);
  });
});
