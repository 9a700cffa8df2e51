import { describe, expect, test } from "vitest";
import { DEFAULT_PORTAL_SETTINGS, type OIDCSettings } from "../../../../src/config/portalsettings.ts";
import { personOf } from "../../../../src/portal/people/claims.ts";
import { Refused } from "../../../../src/portal/people/person.ts";

const OIDC: OIDCSettings = {
  issuer: "https://issuer.example",
  clientID: "portal",
  clientSecretFile: undefined,
  caFile: undefined,
  scopes: ["openid"],
  userClaim: "sub",
  groupsClaim: "groups",
};

const person = (claims: Record<string, unknown>, oidc: Partial<OIDCSettings> = {}, settings: object = {}) =>
  personOf(claims, { ...OIDC, ...oidc }, { ...DEFAULT_PORTAL_SETTINGS, ...settings }, "people");

const byEmail = (claims: Record<string, unknown>) => () => person(claims, { userClaim: "email" }).user;

describe("an e-mail address", () => {
  test.each([true, "true"])("that is verified (%j) is the user, as it is written", (email_verified) => {
    expect(byEmail({ email: "Alice@EXAMPLE.org", email_verified })()).toBe("Alice@EXAMPLE.org");
  });

  test.each([false, "false", "True", 1, 0, null, undefined, ["true"], {}])(
    "whose email_verified is %j is nobody",
    (email_verified) => {
      expect(byEmail({ email: "alice@example.org", email_verified })).toThrow(
        /email_verified.*portal\.oidc\.userClaim/,
      );
    },
  );

  test.each([
    ["absent", undefined],
    ["given twice", ["alice@example.org", "bob@example.org"]],
    ["empty", ""],
    ["with a space at its end", "alice@example.org "],
  ])("that is %s is nobody", (_, email) => {
    expect(byEmail({ email, email_verified: true })).toThrow(Refused);
  });
});

describe("a name", () => {
  test.each([
    ["of the API server's own", "system:admin"],
    ["that is not NFC", "Jose\u0301"],
    ["with a character that nobody sees", "alice\u200b"],
    ["with an end of a line", "alice\nbob"],
    ["that is too long", "a".repeat(254)],
    ["that is no text", 5],
  ])("%s is refused", (_, sub) => {
    expect(() => person({ sub })).toThrow(Refused);
  });

  test("is not made equal to another", () => {
    expect(["José", "josé", "JOSÉ"].map((sub) => person({ sub }).user)).toEqual(["José", "josé", "JOSÉ"]);
  });
});

describe("groups", () => {
  const groups = (said: Record<string, unknown>, wanted?: readonly string[]) =>
    person({ sub: "alice", ...said }, {}, { groups: wanted }).groups;

  test("in a text are one group, not its letters", () => {
    expect(groups({ groups: "admins" })).toEqual(["admins"]);
  });

  test("of the API server's own are nobody's to give", () => {
    expect(groups({ groups: ["system:masters", "ops", ""] })).toEqual(["ops"]);
  });

  test("that are no texts are left out", () => {
    expect(groups({ groups: ["ops", 5, null, ["x"], { name: "y" }] })).toEqual(["ops"]);
    expect(groups({ groups: { ops: true } })).toEqual([]);
  });

  test("of the configuration are the only ones that are kept", () => {
    expect(groups({ groups: ["ops", "dev", "all"] }, ["dev", "none"])).toEqual(["dev"]);
  });

  const elsewhere = [{ _claim_names: { groups: "src1" } }, { hasgroups: "true" }, { hasgroups: true }];

  test.each(elsewhere)("that are elsewhere (%j) refuse whoever needs one", (said) => {
    expect(() => groups(said, ["dev"])).toThrow(/so many groups.*application roles/);
  });

  test.each(elsewhere)("that are elsewhere (%j) are none where none is needed", (said) => {
    expect(groups(said)).toEqual([]);
  });

  test("that are elsewhere say nothing of roles", () => {
    const claims = { sub: "alice", hasgroups: true, _claim_names: { groups: "src1" } };
    expect(person(claims, { groupsClaim: "roles" }, { groups: ["dev"] }).groups).toEqual([]);
  });

  const many = Array.from({ length: 300 }, (_, i) => `${"g".repeat(33)}${i}`);

  test("that no cookie holds are none where none is needed", () => {
    expect(groups({ groups: many })).toEqual([]);
  });

  test("that no cookie holds refuse whoever needs one", () => {
    expect(() => groups({ groups: many }, many)).toThrow(/so many groups/);
  });
});

describe("a namespace", () => {
  const settings = { namespaceClaim: "team", namespaces: ["team-a", "team-b"] };

  test("is one of those that the configuration lists", () => {
    expect(person({ sub: "alice", team: "team-b" }, {}, settings).namespace).toBe("team-b");
  });

  test.each(["kube-system", ["team-a"], undefined, "team-a/../x", "TEAM-A"])("is never %j", (team) => {
    expect(() => person({ sub: "alice", team }, {}, settings)).toThrow(/names no namespace/);
  });
});
