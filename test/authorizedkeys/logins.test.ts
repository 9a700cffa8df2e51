import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Selection } from "../../src/authorizedkeys/selection.ts";
import { AuthorizedKeysScene, keysOf, omissionsOf } from "./scene.ts";

/** Users of the namespace people, each with a key. */
function peopleSelected(
  users: readonly string[],
  logins: object,
  from: object = { namespace: "people" },
): Selection {
  const scene = new AuthorizedKeysScene(users.map((user, i) => ({ name: `k${i}`, user, key: i + 1 })));
  return scene.select({ from: [from], logins });
}

/** Of the one user who is left out. */
function messageOf({ omitted }: Selection): string {
  expect(omitted).toHaveLength(1);
  return omitted[0]?.message ?? "";
}

const LOCAL_PART = { rule: "LocalPart" };

describe("a user whose name makes no login", () => {
  it.each([
    ["Alice@a.example", '"A"'],
    ["alice+ci@a.example", '"+"'],
    ["müller@a.example", '"ü"'],
    ["a lice@a.example", '" "'],
    ["a💥@a.example", '"💥"'],
    ["-o@a.example", '"-"'],
    ["..@a.example", '"."'],
    ["5403@a.example", '"5"'],
    ["@a.example", "before the first @"],
    ["root@a.example", "spec.logins.map only"],
    ["authorized_keys@a.example", "SingleFile"],
    [`${"a".repeat(33)}@a.example`, "32 characters"],
  ])("is left out and told why: %s", (user, why) => {
    const selection = peopleSelected([user], LOCAL_PART);
    expect(omissionsOf(selection)).toEqual([`NoLogin people/${user}`]);
    expect(messageOf(selection)).toContain(why);
  });

  it.each(["alice@a.example", "$alice", "alice$"])("is left out by the rule User: %s", (user) => {
    expect(omissionsOf(peopleSelected([user], {}))).toEqual([`NoLogin people/${user}`]);
  });

  it("is told the line of map that lets it in, and that line does", () => {
    const user = 'O\'Brien "x": {y}';
    const [, line = ""] = /map: (\{.*\})\.$/.exec(messageOf(peopleSelected([user], {}))) ?? [];
    const mapped = parse(line.replace("LOGIN", "obrien"));
    expect(keysOf(peopleSelected([user], { map: [mapped] }))).toEqual({ obrien: ["people/k0"] });
  });

  it("and is named exactly is told of without an SSHKey too", () => {
    const selection = peopleSelected([], {}, { namespace: "people", users: ["bob@example.com"] });
    expect(omissionsOf(selection)).toEqual(["NoLogin people/bob@example.com"]);
  });
});

describe("nothing of a name is folded, cut or dropped:", () => {
  const users = [
    "alice@a.example",
    "alice@b.example",
    "alice@x@y",
    "bob@a.example",
    "robert@a.example",
    "carol",
  ];
  const map = [{ namespace: "people", user: "bob@a.example", login: "robert" }];

  it("of users who would come to one login nobody has it, and a mapped one keeps others out", () => {
    const selection = peopleSelected(users, { ...LOCAL_PART, map });
    expect(keysOf(selection)).toEqual({ carol: ["people/k5"], robert: ["people/k3"] });
    expect(omissionsOf(selection)).toEqual([
      "LoginTaken people/alice@a.example",
      "LoginTaken people/alice@b.example",
      "LoginTaken people/alice@x@y",
      "LoginTaken people/robert@a.example",
    ]);
  });

  it("each of two with one login is told of the other", () => {
    const { omitted } = peopleSelected(["alice@a", "alice@b"], LOCAL_PART);
    expect(omitted.map(({ message }) => /User "([^"]*)"/.exec(message)?.[1])).toEqual(["alice@b", "alice@a"]);
  });

  it("one of two with one login has it again when map gives the other another", () => {
    const moved = [{ namespace: "people", user: "alice@b", login: "alice2" }];
    expect(keysOf(peopleSelected(["alice@a", "alice@b"], { ...LOCAL_PART, map: moved }))).toEqual({
      alice: ["people/k0"],
      alice2: ["people/k1"],
    });
  });

  it("a name that is no user's, for it has a hidden or uncomposed character, takes no login from anybody", () => {
    const users = ["alice@a", "alice@e\u0301", "alice@a\ufe0f", "alice@ "];
    expect(keysOf(peopleSelected(users, LOCAL_PART))).toEqual({ alice: ["people/k0"] });
  });

  it("who has no key in force comes to a login all the same", () => {
    const scene = new AuthorizedKeysScene([
      { name: "a", user: "alice@a", key: 1 },
      { name: "b", user: "alice@b", key: 2, disabled: true },
    ]);
    expect(keysOf(scene.select({ from: [{ namespace: "people" }], logins: LOCAL_PART }))).toEqual({});
  });
});

describe("root", () => {
  it("is nobody's by the rule", () => {
    expect(keysOf(peopleSelected(["root"], {}))).toEqual({});
  });

  it("is given by map", () => {
    const map = [{ namespace: "people", user: "root", login: "root" }];
    expect(keysOf(peopleSelected(["root"], { map }))).toEqual({ root: ["people/k0"] });
  });
});

describe("a map that an edited CRD let through", () => {
  it.each(["UU_scp", "svc@corp", "5403", "a$", "", "a".repeat(33), "authorized_keys", ".."])(
    "gives no login that is none: %j",
    (login) => {
      const selection = peopleSelected(["bob"], { map: [{ namespace: "people", user: "bob", login }] });
      expect(keysOf(selection)).toEqual({});
      expect(omissionsOf(selection)).toEqual(["NoLogin people/bob"]);
    },
  );

  it("with one login twice gives it to the first", () => {
    const map = ["bob", "carol"].map((user) => ({ namespace: "people", user, login: "robert" }));
    expect(keysOf(peopleSelected(["bob", "carol"], { map }))).toEqual({ robert: ["people/k0"] });
  });
});

describe("with identity ByName", () => {
  const scene = new AuthorizedKeysScene([
    { name: "a", user: "alice", key: 1 },
    { name: "a", namespace: "contractors", user: "alice", key: 2 },
    { name: "b", namespace: "contractors", user: "alice@b", key: 3 },
  ]);
  const spec = { identity: "ByName", from: [{ namespace: "people" }, { namespace: "contractors" }] };

  it("one name in two namespaces has one file", () => {
    expect(keysOf(scene.select(spec))).toEqual({ alice: ["contractors/a", "people/a"] });
  });

  it("map needs no namespace", () => {
    const logins = { map: [{ user: "alice", login: "root" }] };
    expect(keysOf(scene.select({ ...spec, logins }))).toEqual({ root: ["contractors/a", "people/a"] });
  });

  it("two names with one login are both left out, whatever their namespaces", () => {
    expect(keysOf(scene.select({ ...spec, logins: LOCAL_PART }))).toEqual({});
  });
});
