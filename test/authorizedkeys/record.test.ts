import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAXIMUM_PATTERN_CHARACTERS,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../../src/authorizedkeys/record.ts";
import { AuthorizedKeysScene, authorizedKeys, authorizedKeysRecord, OWN } from "./scene.ts";

describe("an AuthorizedKeys without any field", () => {
  it("takes everybody of its namespace, each in a file, into the Secret of its name", () => {
    const { secretName, from, identity, layout, rule, map, faults } = authorizedKeysRecord({});
    expect({ secretName, from, identity, layout, rule, map, faults }).toEqual({
      secretName: "bastion",
      from: [{ namespace: OWN, matchLabels: undefined, users: undefined }],
      identity: "ByNamespace",
      layout: "FilePerLogin",
      rule: "User",
      map: [],
      faults: [],
    });
  });
});

it.each(["managedFields", "ownerReferences", "finalizers", "annotations", "labels"])(
  "a write of a status counts with the %s of its object, however long they are",
  (field) => {
    const { metadata, ...rest } = authorizedKeys({});
    const long = { ...metadata, [field]: ["x".repeat(1_000_000)] };
    expect(toAuthorizedKeysRecord({ ...rest, metadata: long }).bytes).toBeGreaterThan(1_000_000);
  },
);

describe("an entry of from", () => {
  it("without a namespace takes from the own one", () => {
    expect(authorizedKeysRecord({ from: [{ users: ["alice"] }] }).from[0]?.namespace).toBe(OWN);
  });

  it("names no user that cannot be", () => {
    const users = ["alice", "e\u0301", "a\u200bb", " alice", "team-*"];
    expect(authorizedKeysRecord({ from: [{ users }] }).from[0]?.users?.names).toEqual(["alice"]);
  });
});

describe("a spec that means nothing for sure", () => {
  const labels = { matchLabels: { team: "a" } };

  it.each<[string, object]>([
    ["options that are none", { options: ["restrictt"] }],
    ["%l where there is no login", { layout: "SingleFile", options: ['command="x %l"'] }],
    ["a selector where a name would be several people", { from: [{ namespaceSelector: labels }] }],
    [
      "a selector where lines act as a user",
      { layout: "SingleFile", options: ['command="x %u"'], from: [{ namespaceSelector: labels }] },
    ],
    ["a selector that finds every namespace", { identity: "ByName", from: [{ namespaceSelector: {} }] }],
    [
      "a label whose value is a number",
      { identity: "ByName", from: [{ namespaceSelector: { matchLabels: { team: "a", tier: 1 } } }] },
    ],
    [
      "a namespace and a selector",
      { identity: "ByName", from: [{ namespace: "people", namespaceSelector: labels }] },
    ],
    ["users that are a text", { from: [{ users: "alice" }] }],
    ["users that are numbers", { from: [{ users: [5403] }] }],
    ["from that is no list", { from: { namespace: "people" } }],
    ["an entry that is a text", { from: ["people"] }],
    ["a namespace without a name", { from: [{ namespace: "" }] }],
    ["an unknown identity", { identity: "ByUID" }],
    ["an unknown layout", { layout: "FilePerUser" }],
    ["an unknown rule", { logins: { rule: "Email" } }],
    ["a login that is a number", { logins: { map: [{ namespace: "people", user: "acme", login: 5403 }] } }],
    ["a Secret without a name", { secretName: "" }],
    [
      "more patterns than can be compared with everybody",
      { from: [{ users: Array.from({ length: 512 }, (_, i) => `team-of-many-people-${i}-*`) }] },
    ],
  ])("has faults, and takes nobody's keys: %s", (_, spec) => {
    expect(authorizedKeysRecord(spec).faults).not.toEqual([]);
    const scene = new AuthorizedKeysScene([{ name: "a", namespace: OWN }]);
    expect(scene.select(spec)).toEqual({ files: new Map(), userCount: 0, keyCount: 0, omitted: [] });
  });

  it("says which field, or what is wrong with the options", () => {
    const { faults } = authorizedKeysRecord({ from: [{}, { users: "alice" }], options: ["restrict", "x"] });
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringContaining("spec.from[1].users"),
      expect.stringContaining("Option 2"),
    ]);
  });

  it("is none with as many exact names as the CRD takes", () => {
    const users = Array.from({ length: 512 }, (_, i) => `user-${i}`);
    expect(
      authorizedKeysRecord({ from: [{ users: [...users, "x".repeat(MAXIMUM_PATTERN_CHARACTERS)] }] }).faults,
    ).toEqual([]);
  });

  it("is none with a selector where it does not matter who is who", () => {
    expect(
      authorizedKeysRecord({ layout: "SingleFile", from: [{ namespaceSelector: labels }] }).faults,
    ).toEqual([]);
  });
});

describe("whatever the object holds", () => {
  it("it becomes a record, of which something can be selected", () => {
    const spec = fc.record(
      {
        ...{
          secretName: fc.anything(),
          identity: fc.anything(),
          layout: fc.anything(),
          options: fc.anything(),
        },
        from: fc.oneof(
          fc.anything(),
          fc.array(fc.dictionary(fc.constantFrom("namespace", "namespaceSelector", "users"), fc.anything())),
        ),
        logins: fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom("rule", "map"), fc.anything())),
      },
      { requiredKeys: [] },
    );
    const scene = new AuthorizedKeysScene([]);
    fc.assert(
      fc.property(fc.oneof(spec, fc.anything()), (any) => {
        expect(() => scene.select(any as object)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

describe("a later view of an AuthorizedKeys", () => {
  it("of the same generation is not parsed again", () => {
    const known = toAuthorizedKeysRecord(authorizedKeys({ options: ["restrict"] }));
    const object = authorizedKeys({ options: ["restrict"] });
    const metadata = { ...object.metadata, resourceVersion: "7", deletionTimestamp: "2024-01-01T00:00:00Z" };
    const later = toAuthorizedKeysRecord({ ...object, metadata }, known);
    expect(later).toEqual({ ...known, resourceVersion: "7", isTerminating: true, bytes: later.bytes });
    expect(later.options).toBe(known.options);
  });

  it("of the next one is", () => {
    const known = toAuthorizedKeysRecord(authorizedKeys({ options: ["restrict"] }));
    expect(toAuthorizedKeysRecord(authorizedKeys({ options: ["x"] }, 2), known).faults).toHaveLength(1);
  });

  it("of an object made again is", () => {
    const known = toAuthorizedKeysRecord(authorizedKeys({}));
    const object: StoredAuthorizedKeys = authorizedKeys({ secretName: "other" });
    const again = { ...object, metadata: { ...object.metadata, uid: "another" } };
    expect(toAuthorizedKeysRecord(again, known).secretName).toBe("other");
  });
});
