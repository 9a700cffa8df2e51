import fc from "fast-check";
import { proof } from "../claims/keypairs.ts";
import { CREATED, type SSHKeyFacts } from "../claims/sshkeys.ts";
import type { TargetFact } from "../oracle/selection.ts";
import { type NamespaceFacts, NOW, OWN } from "./scene.ts";

/** What there is in a cluster. */
export interface World {
  readonly namespaces: Readonly<Record<string, NamespaceFacts>>;
  readonly sshKeys: readonly SSHKeyFacts[];
}

/** An AuthorizedKeys in plain words: the fact for the oracle, from which specOf makes the spec. */
export type Target = Omit<TargetFact, "options"> & { readonly options: readonly string[] };

const NAMESPACES = [OWN, "people", "contractors"] as const;
const LABELS = [{}, { team: "a" }, { team: "a", kind: "people" }];

/** Plain names, names that make the same logins as those, and names that make none. */
const PLAIN = ["alice", "bob", "carol", "robert", "alice@a.example", "bob@a.example", "alice@b.example"];
const ODD = [
  "root",
  "root@a.example",
  "authorized_keys",
  "authorized_keys@a.example",
  "Alice@a.example",
  "@a.example",
  "alice@x@y",
  "a lice",
  "-o",
  "..",
  "müller",
  "a".repeat(33),
];

const PATTERNS = [
  ...["*", "*", "**", "*@a.example", "*o*", "*ice"],
  ...["al*", "alice*", "a*l*e*", "alic*lice", "alice@*", "alice*@b*", "alice@b.*", "alicex*", "b*b", "rob*"],
];

const user = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PLAIN) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD) },
);
const item = fc.oneof({ weight: 3, arbitrary: user }, { weight: 4, arbitrary: fc.constantFrom(...PATTERNS) });
const users = fc.uniqueArray(item, { minLength: 1, maxLength: 5 });

const sshKey = fc
  .record({
    namespace: fc.constantFrom(...NAMESPACES),
    name: fc.constantFrom("k1", "k2", "k3", "k4", "k5", "k6", "k7"),
    user,
    key: fc.integer({ min: 1, max: 9 }),
    isProven: fc.constantFrom(false, false, true),
    createdAt: fc.integer({ min: CREATED, max: CREATED + 3 }),
    uid: fc.uuid(),
    options: fc.constantFrom<string[]>(
      ...[[], [], [], [], []],
      ...[["no-pty"], ["pty"], ["restrict"], ['from="10.0.0.0/8"'], ['environment="A=1"']],
    ),
    disabled: fc.constantFrom(false, false, false, false, true),
    expiresAt: fc.constantFrom(undefined, undefined, undefined, NOW - 1000, NOW + 1_000_000),
  })
  .map(({ isProven, expiresAt, ...facts }) => ({
    ...facts,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(isProven ? { proof: proof({ key: facts.key, user: facts.user }) } : {}),
  }));

const namespace = fc.record({
  labels: fc.constantFrom(...LABELS),
  shares: fc.constantFrom("*", "*", "*", "bastion", "bastion", "others, b*n", "bastion2, bas", ""),
});

export const worlds: fc.Arbitrary<World> = fc.record({
  namespaces: fc.record({ [OWN]: namespace, people: namespace, contractors: namespace }),
  sshKeys: fc.uniqueArray(sshKey, {
    size: "max",
    maxLength: 18,
    minLength: 2,
    selector: ({ namespace: of, name }) => `${of}/${name}`,
  }),
});

const entry = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      { namespace: fc.constantFrom(...NAMESPACES, ...NAMESPACES, "nowhere"), users },
      { requiredKeys: ["namespace"] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      { matchLabels: fc.constantFrom({ team: "a" }, { kind: "people" }, { team: "b" }), users },
      { requiredKeys: ["matchLabels"] },
    ),
  },
);

const mapped = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  user,
  login: fc.constantFrom("root", "robert", "alice", "bob", "carol", "UU", "authorized_keys"),
});

/** Some of them have faults; two entries of `map` may have one login, as an edited CRD lets them. */
export const targets: fc.Arbitrary<Target> = fc.record({
  namespace: fc.constant(OWN),
  from: fc.array(entry, { minLength: 1, maxLength: 5 }),
  identity: fc.constantFrom("ByNamespace", "ByNamespace", "ByName", "ByName"),
  layout: fc.constantFrom("FilePerLogin", "FilePerLogin", "SingleFile"),
  rule: fc.constantFrom("User", "LocalPart"),
  map: fc.array(mapped, { maxLength: 3 }),
  options: fc.constantFrom(
    [],
    [],
    ["restrict", "pty"],
    ['command="serve %u"'],
    ['command="at %n"', "restrict", "pty"],
  ),
});

export function specOf({ from, identity, layout, rule, map, options }: Target): object {
  const entries = from.map(({ namespace: of, matchLabels, users: items }) => ({
    ...(of === undefined ? {} : { namespace: of }),
    ...(matchLabels === undefined ? {} : { namespaceSelector: { matchLabels } }),
    ...(items === undefined ? {} : { users: items }),
  }));
  return { from: entries, identity, layout, logins: { rule, map }, options };
}
