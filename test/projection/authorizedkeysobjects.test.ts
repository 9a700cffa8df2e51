import { describe, expect, it } from "vitest";
import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import { toAuthorizedKeysRecord } from "../../src/authorizedkeys/record.ts";
import { AuthorizedKeysObjects, MAXIMUM_TARGETS } from "../../src/projection/authorizedkeysobjects.ts";
import { authorizedKeys } from "../authorizedkeys/scene.ts";

const YEAR = (year: number) => `${year}-01-01T00:00:00Z`;

/** What becomes of these objects of one namespace, by name: the Secret that each asks for or leaves, or why it has none. */
function assigned(
  ...all: readonly { readonly spec?: object; readonly metadata: Partial<StoredAuthorizedKeys["metadata"]> }[]
): Readonly<Record<string, string>> {
  const objects = new AuthorizedKeysObjects("sshkeys-");
  for (const { spec = {}, metadata } of all) {
    const object = authorizedKeys(spec);
    const uid = `uid-of-${metadata.name}`;
    objects.put(toAuthorizedKeysRecord({ ...object, metadata: { ...object.metadata, uid, ...metadata } }));
  }
  const named = [...objects.assignments("bastion")].map(([{ name }, assignment]) => {
    if ("refused" in assignment) return [name, assignment.refused.state];
    return [name, "leaves" in assignment ? `leaves ${assignment.leaves}` : assignment.secretName];
  });
  return Object.fromEntries(named);
}

describe("an AuthorizedKeys", () => {
  it("asks for the Secret of its own name", () => {
    expect(assigned({ metadata: { name: "hop" } })).toEqual({ hop: "hop" });
  });

  it("asks for the Secret that it names", () => {
    expect(assigned({ spec: { secretName: "keys" }, metadata: { name: "hop" } })).toEqual({ hop: "keys" });
  });

  it("gets none of a user's name", () => {
    const spec = { secretName: "sshkeys-alice" };
    expect(assigned({ spec, metadata: { name: "hop" } })).toEqual({ hop: "SecretConflict" });
  });

  it("leaves its Secret when it is deleted", () => {
    const metadata = { name: "hop", deletionTimestamp: YEAR(2026) };
    expect(assigned({ metadata })).toEqual({ hop: "leaves hop" });
  });

  it("leaves no user's Secret when it is deleted", () => {
    const metadata = { name: "hop", deletionTimestamp: YEAR(2026) };
    expect(assigned({ spec: { secretName: "sshkeys-alice" }, metadata })).toEqual({ hop: "Terminating" });
  });
});

describe("of more than may have a Secret", () => {
  const many = Array.from({ length: MAXIMUM_TARGETS }, (_, at) => ({
    metadata: { name: `many-${at}`, creationTimestamp: YEAR(2024) },
  }));

  it("the youngest has none, whatever comes first", () => {
    const youngest = { metadata: { name: "youngest", creationTimestamp: YEAR(2025) } };
    expect(assigned(youngest, ...many).youngest).toBe("TooMany");
  });

  it("of one age, that with the last UID has none", () => {
    const last = { metadata: { name: "last", uid: "z", creationTimestamp: YEAR(2024) } };
    expect(assigned(last, ...many).last).toBe("TooMany");
  });

  it("those that are being deleted count for nothing", () => {
    const [first, ...rest] = many;
    const leaving = { metadata: { ...first?.metadata, deletionTimestamp: YEAR(2026) } };
    const youngest = { metadata: { name: "youngest", creationTimestamp: YEAR(2025) } };
    expect(assigned(leaving, ...rest, youngest).youngest).toBe("youngest");
  });

  it("those of a user's name count for nothing", () => {
    const [first, ...rest] = many;
    const ofUser = { spec: { secretName: "sshkeys-alice" }, metadata: { ...first?.metadata } };
    const youngest = { metadata: { name: "youngest", creationTimestamp: YEAR(2025) } };
    expect(assigned(ofUser, ...rest, youngest).youngest).toBe("youngest");
  });
});

describe("keys that should be out and are in", () => {
  /** As the status of the object of this name says. */
  function withBlocked(name: string, blockedRemovals: number) {
    const object = authorizedKeys({});
    return toAuthorizedKeysRecord({
      ...object,
      metadata: { ...object.metadata, name },
      status: { observedGeneration: 1, blockedRemovals },
    });
  }

  it("are those of all statuses together, each as it was last seen", () => {
    const objects = new AuthorizedKeysObjects("sshkeys-");
    objects.put(withBlocked("hop", 2));
    objects.put(withBlocked("gate", 3));
    const counts = [objects.blockedRemovals];
    objects.put(withBlocked("hop", 1));
    counts.push(objects.blockedRemovals);
    objects.put(withBlocked("hop", 0));
    counts.push(objects.blockedRemovals);
    expect(counts).toEqual([5, 4, 3]);
  });

  it("are none of an object that is gone, or was never there", () => {
    const objects = new AuthorizedKeysObjects("sshkeys-");
    objects.put(withBlocked("hop", 2));
    for (const name of ["hop", "hop", "gate"]) objects.delete("bastion", name);
    expect(objects.blockedRemovals).toBe(0);
  });
});
