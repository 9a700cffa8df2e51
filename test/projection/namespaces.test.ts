import { describe, expect, it } from "vitest";
import { type NamespaceFacts, Namespaces } from "../../src/projection/namespaces.ts";

const PEOPLE: NamespaceFacts = { name: "people", labels: { team: "a" }, shareKeysWith: "bastion" };

function listed(...all: readonly NamespaceFacts[]): Namespaces {
  const namespaces = new Namespaces();
  namespaces.replace(all);
  return namespaces;
}

describe("whether a namespace shares its keys", () => {
  it("its annotation says", () => {
    expect(listed(PEOPLE).isShared("people", "bastion")).toBe(true);
  });

  it("is no where the annotation names others", () => {
    expect(listed(PEOPLE).isShared("people", "sftp")).toBe(false);
  });

  it("is unknown before it was read", () => {
    expect(new Namespaces().isShared("people", "bastion")).toBeUndefined();
  });

  it("is known of one that was read alone", () => {
    const namespaces = new Namespaces();
    namespaces.put(PEOPLE);
    expect(namespaces.isShared("people", "bastion")).toBe(true);
  });

  it("is no of one that does not exist", () => {
    expect(listed().isShared("people", "bastion")).toBe(false);
  });

  it("is no of one that was deleted", () => {
    const namespaces = listed(PEOPLE);
    namespaces.remove("people");
    expect(namespaces.isShared("people", "bastion")).toBe(false);
  });

  it("is always yes with itself", () => {
    expect(new Namespaces().isShared("people", "people")).toBe(true);
  });
});

describe("namespaces with labels", () => {
  it("are those with all of them, by name", () => {
    const namespaces = listed(
      { ...PEOPLE, name: "z" },
      { ...PEOPLE, name: "b", labels: { team: "a", kind: "people" } },
      { ...PEOPLE, name: "c", labels: { kind: "people" } },
      { ...PEOPLE, name: "a", labels: { team: "a", kind: "people" } },
    );
    expect(namespaces.withLabels({ team: "a", kind: "people" })).toEqual(["a", "b"]);
  });

  it("are none by what every object has", () => {
    expect(listed({ ...PEOPLE, labels: {} }).withLabels({ constructor: "x" })).toEqual([]);
  });
});

describe("news of a namespace", () => {
  it("is a changed annotation", () => {
    expect(listed(PEOPLE).put({ ...PEOPLE, shareKeysWith: undefined })).toBe(true);
  });

  it.each([
    ["changed", { team: "b" }],
    ["gone", {}],
    ["more", { team: "a", kind: "people" }],
    ["another", { kind: "people" }],
  ])("is a label that is %s", (_, labels: Record<string, string>) => {
    expect(listed(PEOPLE).put({ ...PEOPLE, labels })).toBe(true);
  });

  it("is not what is said again", () => {
    expect(listed(PEOPLE).put({ ...PEOPLE, labels: { ...PEOPLE.labels } })).toBe(false);
  });

  it("is in a list whatever came, went or changed, and nothing else", () => {
    const namespaces = listed(PEOPLE, { ...PEOPLE, name: "gone" }, { ...PEOPLE, name: "changed" });
    const changed = { ...PEOPLE, name: "changed", shareKeysWith: "*" };
    const news = namespaces.replace([PEOPLE, changed, { ...PEOPLE, name: "new" }]);
    expect([...news].sort()).toEqual(["changed", "gone", "new"]);
  });
});
