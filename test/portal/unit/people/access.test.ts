import { describe, expect, test } from "vitest";
import { DEFAULT_PORTAL_SETTINGS } from "../../../../src/config/portalsettings.ts";
import type { Requests } from "../../../../src/kube/transport.ts";
import { Access } from "../../../../src/portal/people/access.ts";
import type { Person } from "../../../../src/portal/people/person.ts";

const ALICE: Person = { user: "alice", groups: ["dev"], namespace: "people", signedInBy: "oidc" };

function reviewed(answer: () => unknown) {
  const asked: { spec: Record<string, unknown> }[] = [];
  const requests = {
    async request({ body }: { body: { spec: Record<string, unknown> } }) {
      asked.push(body);
      return { status: answer() };
    },
  } as unknown as Requests;
  return { requests, asked };
}

describe("what one may do with others' keys", () => {
  test("is asked of the API server, by the names that it knows people by", async () => {
    const { requests, asked } = reviewed(() => ({ allowed: true }));
    const settings = { ...DEFAULT_PORTAL_SETTINGS, usernamePrefix: "oidc:", groupsPrefix: "g:" };
    await new Access({ requests, settings }).may(ALICE, "assign");
    expect(asked[0]?.spec).toEqual({
      user: "oidc:alice",
      groups: ["g:dev", "system:authenticated"],
      resourceAttributes: {
        group: "sshkey-operator.dev",
        resource: "sshkeys",
        verb: "assign",
        namespace: "people",
      },
    });
  });

  test("is asked for each resource by itself", async () => {
    const { requests, asked } = reviewed(() => ({ allowed: true }));
    const access = new Access({ requests, settings: DEFAULT_PORTAL_SETTINGS });
    await access.may(ALICE, "list", "bastion");
    await access.mayListTargets(ALICE, "bastion");
    expect(asked.map(({ spec }) => spec.resourceAttributes)).toEqual(
      ["sshkeys", "authorizedkeys"].map((resource) => ({
        group: "sshkey-operator.dev",
        resource,
        verb: "list",
        namespace: "bastion",
      })),
    );
  });

  test("is asked anew within 5 s", async () => {
    let isAllowed = true;
    let now = 0;
    const { requests } = reviewed(() => ({ allowed: isAllowed }));
    const access = new Access({ requests, settings: DEFAULT_PORTAL_SETTINGS, now: () => now });
    const before = await access.may(ALICE, "list");
    isAllowed = false;
    now = 4000;
    expect([before, await access.may(ALICE, "list")]).toEqual([true, false]);
  });

  test.each([{}, { allowed: "true" }, { allowed: false }, undefined])(
    "is nothing by the answer %j",
    async (status) => {
      const { requests } = reviewed(() => status);
      expect(await new Access({ requests, settings: DEFAULT_PORTAL_SETTINGS }).may(ALICE, "list")).toBe(
        false,
      );
    },
  );

  test.each<[string, Partial<Person>]>([
    ["another person", { user: "bob" }],
    ["the same with other groups", { groups: ["ops"] }],
    ["one whose name holds the separator", { user: 'alice",["dev"],"list' }],
    ["another namespace", { namespace: "others" }],
  ])("is not answered for %s by what was asked for one", async (_, other) => {
    const { requests, asked } = reviewed(() => ({ allowed: true }));
    const access = new Access({ requests, settings: DEFAULT_PORTAL_SETTINGS });
    await access.may(ALICE, "list");
    await access.may({ ...ALICE, ...other }, "list");
    expect(asked.length).toBe(2);
  });

  test("is nothing on loopback without --insecure-admin, whatever RBAC says", async () => {
    const { requests } = reviewed(() => ({ allowed: true }));
    const access = new Access({ requests, settings: DEFAULT_PORTAL_SETTINGS });
    expect(await access.may({ ...ALICE, signedInBy: "insecure" }, "list")).toBe(false);
  });
});

describe("who may have keys", () => {
  const mayHaveKeys = (person: Partial<Person>, groups: readonly string[] | undefined) => {
    const { requests } = reviewed(() => undefined);
    const access = new Access({ requests, settings: { ...DEFAULT_PORTAL_SETTINGS, groups } });
    return access.mayHaveKeys({ ...ALICE, ...person });
  };

  test("is everybody, or who is in a group of the configuration", () => {
    expect([
      mayHaveKeys({}, undefined),
      mayHaveKeys({}, ["ops", "dev"]),
      mayHaveKeys({}, ["ops"]),
      mayHaveKeys({ groups: [] }, []),
    ]).toEqual([true, true, false, false]);
  });
});
