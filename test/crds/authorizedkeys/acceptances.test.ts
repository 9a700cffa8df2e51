import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_LIMITS } from "../../../src/api/logins.ts";
import type { ObjectClient, Spec } from "../objectclient.ts";
import { startAuthorizedKeysClient } from "./client.ts";

let targets: ObjectClient;

beforeAll(async () => {
  targets = await startAuthorizedKeysClient();
});

afterAll(async () => {
  await targets.stop();
});

const SELECTED = { namespaceSelector: { matchLabels: { people: "true" } } };
const TWO_OPEN = [{ namespace: "people" }, { namespace: "contractors" }];
const many = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

/** The lists as long as they may be, their texts as long as fits into a request. */
const LARGEST = {
  secretName: "a".repeat(253),
  from: many(AUTHORIZED_KEYS_LIMITS.from, (entry) => ({
    namespace: `n${entry}`.padEnd(63, "x"),
    users: many(AUTHORIZED_KEYS_LIMITS.users, (user) => `${user}-${entry}`.padEnd(70, "*")),
  })),
  identity: "ByNamespace",
  layout: "FilePerLogin",
  logins: {
    rule: "LocalPart",
    map: many(AUTHORIZED_KEYS_LIMITS.map, (user) => ({
      namespace: "n".repeat(63),
      user: `${user}`.padEnd(253, "ü"),
      login: `l${user}`.padEnd(32, "x"),
    })),
  },
  options: Array(16).fill("%u".repeat(512)),
};

describe("an AuthorizedKeys is accepted with", () => {
  const cases: readonly [what: string, spec: Spec][] = [
    ["nothing", {}],
    ["a Secret name with dots", { secretName: "bastion.keys-1" }],
    ["the own namespace, named or not", { from: [{ namespace: "people", users: ["a"] }, {}] }],
    [
      "names and patterns of any script",
      { from: [{ users: ["alice@example.com", "team-a-*", "*", "CN=Алиса Ω"] }] },
    ],
    [
      "a last entry for everybody",
      { from: [{ namespace: "people", users: ["alice"] }, { namespace: "contractors" }] },
    ],
    ["entries for everybody where a name is one person", { identity: "ByName", from: TWO_OPEN }],
    ["entries for everybody in a SingleFile", { layout: "SingleFile", from: TWO_OPEN }],
    [
      "the same with a percent sign in options",
      { layout: "SingleFile", from: TWO_OPEN, options: ['command="date +%%u"'] },
    ],
    ["a selector where a name is one person", { identity: "ByName", from: [SELECTED, SELECTED] }],
    ["a selector in a SingleFile", { layout: "SingleFile", from: [{ ...SELECTED, users: ["alice"] }] }],
    ["a user in place of a %", { options: ['command="git-serve %u"', 'from="10.0.0.0/8"'] }],
    ["all that a % may stand for", { options: ['command="%u %n %l %% %%%u %%u"'] }],
    ["the user in a SingleFile of one namespace", { layout: "SingleFile", options: ['command="%u %n"'] }],
    ["no options", { options: [] }],
    ["no mapped logins", { logins: { rule: "LocalPart", map: [] } }],
    [
      "root and short and long logins by map",
      {
        logins: {
          map: ["root", "_", "a", "svc.backup-1", "a".repeat(32)].map((login) => ({
            namespace: "people",
            user: login,
            login,
          })),
        },
      },
    ],
    [
      "one name of two namespaces, each with its login",
      {
        logins: {
          map: [
            { namespace: "a", user: "bob", login: "bob" },
            { namespace: "b", user: "bob", login: "rob" },
          ],
        },
      },
    ],
    [
      "mapped logins without a namespace where a name is one person",
      {
        identity: "ByName",
        logins: {
          map: [
            { user: "bob", login: "robert" },
            { user: "admin", login: "root" },
          ],
        },
      },
    ],
    [
      "mapped logins, out of use, in a SingleFile",
      { layout: "SingleFile", logins: { map: [{ namespace: "a", user: "bob", login: "robert" }] } },
    ],
    ["everything as large as it may be", LARGEST],
  ];
  test.each(cases)("%s", async (_what, spec) => {
    const { code, message, object } = await targets.create(spec);
    expect([code, message]).toEqual([201, ""]);
    expect(object.spec).toMatchObject(spec);
  });
});

test("the defaults are filled in, and that the operator has not looked yet", async () => {
  const { object } = await targets.create({
    logins: { map: [{ namespace: "a", user: "bob", login: "bob" }] },
  });
  expect(object.spec).toMatchObject({
    identity: "ByNamespace",
    layout: "FilePerLogin",
    logins: { rule: "User" },
  });
  expect(object.status).toEqual({ observedGeneration: -1 });
});

test("the largest one can be edited and its status written", async () => {
  const { name } = await targets.create(LARGEST);
  const omitted = many(AUTHORIZED_KEYS_LIMITS.omitted, (i) => ({
    user: `u${i}`,
    reason: "NoLogin",
    message: "x".repeat(500),
  }));
  const edited = await targets.patch(name, { spec: { logins: { rule: "User" } } });
  const written = await targets.patch(name, { status: { omitted } }, "/status");
  expect([edited.message, written.message]).toEqual(["", ""]);
});

test("kubectl applies the YAML that a person writes", async () => {
  const manifest = `
apiVersion: sshkey-operator.dev/v1alpha1
kind: AuthorizedKeys
metadata: { name: bastion }
spec:
  secretName: bastion-keys
  from:
    - namespace: people
      users: [alice, "team-a-*"]
    - namespace: contractors
  identity: ByNamespace
  layout: FilePerLogin
  logins:
    rule: User
    map: [{ namespace: people, user: bob@example.com, login: robert }]
  options: [restrict, pty]
`;
  const args = ["apply", "-n", targets.namespace, "-f", "-"];
  const { stdout, stderr } = await targets.cluster.kubectl(args, manifest);
  expect([stdout, stderr]).toEqual(["authorizedkeys.sshkey-operator.dev/bastion created\n", ""]);
  expect((await targets.cluster.kubectl(args, manifest)).stdout).toContain("bastion unchanged");
});

test("two appliers of logins, one a user, do not undo each other", async () => {
  const apply = async (manager: string, user: string) => {
    const { status } = await targets.cluster.request(
      "PATCH",
      `/apis/sshkey-operator.dev/v1alpha1/namespaces/${targets.namespace}/authorizedkeys/shared?fieldManager=${manager}`,
      {
        apiVersion: "sshkey-operator.dev/v1alpha1",
        kind: "AuthorizedKeys",
        metadata: { name: "shared" },
        spec: { identity: "ByName", logins: { map: [{ user, login: user }] } },
      },
      { "content-type": "application/apply-patch+yaml" },
    );
    expect(status).toBeLessThan(300);
  };
  await apply("one", "alice");
  await apply("two", "bob");
  await apply("one", "alice");
  expect((await targets.read("shared")).object.spec).toMatchObject({
    logins: { map: [{ user: "alice" }, { user: "bob" }] },
  });
});
