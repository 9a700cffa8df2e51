import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_LIMITS, LOGIN_RULE } from "../../../src/api/logins.ts";
import type { ObjectClient, Spec } from "../objectclient.ts";
import { startAuthorizedKeysClient } from "./client.ts";

let targets: ObjectClient;

beforeAll(async () => {
  targets = await startAuthorizedKeysClient();
});

afterAll(async () => {
  await targets.stop();
});

const refused = (field: string, message: string) => `spec.${field}: Invalid value: ${message}`;
const SECRET_NAME = refused(
  "secretName",
  "a Secret's name has small letters, digits, - and . and begins and ends with a letter or digit, such as bastion-keys",
);
const FROM_EMPTY = refused(
  "from",
  "from is empty: leave it out for everybody of this namespace, or delete the AuthorizedKeys so that nobody can log in",
);
const FROM_BOTH = refused(
  "from",
  "an entry has both namespace and namespaceSelector: keep one of them, or make two entries",
);
const FROM_NAMESPACE = refused(
  "from",
  "namespace is the name of one namespace, such as people; for several, make an entry for each, or select them by their labels with namespaceSelector",
);
const FROM_NO_LABEL = refused("from", "namespaceSelector.matchLabels is empty: give at least one label");
const USERS_EMPTY = refused(
  "from",
  "users of an entry is empty: leave it out for all users, or take the entry away for none",
);
const USER_HIDDEN = refused(
  "from",
  "an item of users is empty or has a character that cannot be seen: remove it",
);
const FROM_SELECTOR = refused(
  "from",
  "with namespaceSelector one user name could be another person's in each namespace. If your namespaces give people one name everywhere, set identity to ByName; otherwise name each namespace, or use the layout SingleFile without %u, %n and %l in options",
);
const FROM_UNNAMED = refused(
  "from",
  "every entry but the last has to name its users, or else a name could pass from one namespace's person to another's: add users, put the entry without users last, or, if your namespaces give people one name everywhere, set identity to ByName",
);
const LOGIN = refused("logins.map", LOGIN_RULE);
const LOGIN_TWICE = refused("logins.map", "two entries have one login: give each user a login of their own");
const MAP_USER = refused(
  "logins.map",
  "an entry's user is empty, begins or ends with a space, or has a character that cannot be seen: give the name as spec.user of the SSHKeys has it",
);
const MAP_NO_NAMESPACE = refused(
  "logins.map",
  "with identity ByNamespace each entry names the namespace of its user, also where it is the own one: add namespace",
);
const MAP_NAMESPACE = refused(
  "logins.map",
  "with identity ByName a user is one person in every namespace: leave out namespace",
);
const PERCENT = refused(
  "options",
  "in an option %u stands for the user, %n for the namespace of the SSHKey and %l for the login: write any other percent sign as %%",
);
const NO_LOGINS = refused(
  "options",
  "in a SingleFile there are no logins for %l to stand for: use %u, or the layout FilePerLogin",
);
const hiddenOption = (name: string) =>
  refused("options", `an option contains ${name}, which cannot be seen: remove it`);

const SELECTED = { namespaceSelector: { matchLabels: { people: "true" } } };
const mapped = (login: unknown) => ({ logins: { map: [{ namespace: "people", user: "acme", login }] } });
const mappedUser = (user: string) => ({ logins: { map: [{ namespace: "people", user, login: "acme" }] } });
const mappedNamespace = (namespace: string) => ({
  logins: { map: [{ namespace, user: "acme", login: "acme" }] },
});
const TWO_OPEN = [{ namespace: "people" }, { namespace: "contractors" }];

describe("an AuthorizedKeys is refused with one message that says what to do", () => {
  const cases: readonly [why: string, spec: Spec, message: string][] = [
    ["an empty Secret name", { secretName: "" }, SECRET_NAME],
    ["a Secret name with capital letters", { secretName: "Bastion" }, SECRET_NAME],
    ["a Secret name that ends in a dash", { secretName: "bastion-" }, SECRET_NAME],
    ["a Secret name with its namespace", { secretName: "bastion/keys" }, SECRET_NAME],
    ["from without an entry", { from: [] }, FROM_EMPTY],
    [
      "a namespace and a selector in one entry",
      { identity: "ByName", from: [{ ...SELECTED, namespace: "a" }] },
      FROM_BOTH,
    ],
    ["an empty namespace", { from: [{ namespace: "" }] }, FROM_NAMESPACE],
    ["a pattern of namespaces", { from: [{ namespace: "team-*" }] }, FROM_NAMESPACE],
    ["two namespaces in one text", { from: [{ namespace: "people, contractors" }] }, FROM_NAMESPACE],
    [
      "a selector without a label",
      { identity: "ByName", from: [{ namespaceSelector: { matchLabels: {} } }] },
      FROM_NO_LABEL,
    ],
    ["an entry for no users", { from: [{ users: [] }] }, USERS_EMPTY],
    ["an empty user", { from: [{ users: ["alice", ""] }] }, USER_HIDDEN],
    ["a user with a line break", { from: [{ users: ["alice\n"] }] }, USER_HIDDEN],
    ["a user with a zero width space", { from: [{ users: ["al\u200bice"] }] }, USER_HIDDEN],
    ["a selector where one name could be two people", { from: [SELECTED] }, FROM_SELECTOR],
    ["the same, though it has users", { from: [{ ...SELECTED, users: ["alice"] }] }, FROM_SELECTOR],
    [
      "the same in a SingleFile whose options name the user",
      { from: [SELECTED], layout: "SingleFile", options: ['command="%u"'] },
      FROM_SELECTOR,
    ],
    ["a first entry for everybody", { from: TWO_OPEN }, FROM_UNNAMED],
    [
      "the same, though the last one has users",
      { from: [{ namespace: "people" }, { users: ["bob"] }] },
      FROM_UNNAMED,
    ],
    [
      "an entry for everybody in the middle",
      { from: [{ users: ["a"] }, { namespace: "b" }, { users: ["c"] }] },
      FROM_UNNAMED,
    ],
    [
      "the same in a SingleFile whose options name the user",
      { from: TWO_OPEN, layout: "SingleFile", options: ['command="%u"'] },
      FROM_UNNAMED,
    ],
    [
      "the same behind a percent sign",
      { from: TWO_OPEN, layout: "SingleFile", options: ['command="%%%n"'] },
      FROM_UNNAMED,
    ],
    ["a login of digits", mapped("5403"), LOGIN],
    ["a login with capital letters", mapped("UU_scp"), LOGIN],
    ["a login with an @", mapped("svc@corp"), LOGIN],
    ["a login with a dollar sign", mapped("a$"), LOGIN],
    ["a login of 33 characters", mapped("a".repeat(33)), LOGIN],
    ["an empty login", mapped(""), LOGIN],
    ["a login that begins with a dot", mapped(".profile"), LOGIN],
    ["a login that begins with a dash", mapped("-o"), LOGIN],
    ["a login with a line break", mapped("robert\n"), LOGIN],
    ["the login authorized_keys", mapped("authorized_keys"), LOGIN],
    [
      "one login for two users",
      { logins: { map: [...mapped("x").logins.map, { namespace: "people", user: "bob", login: "x" }] } },
      LOGIN_TWICE,
    ],
    [
      "one login for one name in two namespaces",
      {
        logins: { map: [...mapped("x").logins.map, { namespace: "contractors", user: "acme", login: "x" }] },
      },
      LOGIN_TWICE,
    ],
    ["a map entry for an empty user", mappedUser(""), MAP_USER],
    ["a map entry for a user with a leading space", mappedUser(" alice"), MAP_USER],
    ["a map entry for a user with a variation selector", mappedUser("alice\ufe0f"), MAP_USER],
    [
      "a map entry without a namespace",
      { logins: { map: [{ user: "acme", login: "acme" }] } },
      MAP_NO_NAMESPACE,
    ],
    ["a map entry for a pattern of namespaces", mappedNamespace("team-*"), MAP_NO_NAMESPACE],
    [
      "a map entry with a namespace where a name is one person",
      { identity: "ByName", ...mappedNamespace("people") },
      MAP_NAMESPACE,
    ],
    ["an empty option", { options: [""] }, refused("options", "an option is empty: remove it")],
    ["an option of two lines", { options: ['command="a\nb"'] }, hiddenOption("U+000A")],
    ["an option with a hidden character", { options: ["a\u202eb"] }, hiddenOption("U+202E")],
    [
      "options of 16385 characters",
      { options: [...Array(16).fill("x".repeat(1024)), "x"] },
      refused("options", "the options have more than 16384 characters together: shorten them"),
    ],
    ["a percent sign that stands for nothing", { options: ['command="date +%F"'] }, PERCENT],
    ["a percent sign at the end", { options: ['command="100%'] }, PERCENT],
    ["a percent sign behind another one", { options: ['command="%%%"'] }, PERCENT],
    ["%U for %u", { options: ['command="%U"'] }, PERCENT],
    ["the login in a SingleFile", { layout: "SingleFile", options: ['command="%l"'] }, NO_LOGINS],
  ];
  test.each(cases)("%s", async (_why, spec, message) => {
    const { code, name, message: said } = await targets.create(spec);
    expect([code, said]).toEqual([
      422,
      `AuthorizedKeys.sshkey-operator.dev "${name}" is invalid: ${message}`,
    ]);
  });
});

describe("an AuthorizedKeys is refused for its size or shape", () => {
  const many = (count: number, make: (index: number) => unknown) =>
    Array.from({ length: count }, (_, i) => make(i));
  const { from, users, map } = AUTHORIZED_KEYS_LIMITS;
  const cases: readonly [why: string, spec: Spec, message: string][] = [
    ["too many entries of from", { from: many(from + 1, () => ({ users: ["a"] })) }, "spec.from: Too many"],
    [
      "too many users",
      { from: [{ users: many(users + 1, (i) => `u${i}`) }] },
      "spec.from[0].users: Too many",
    ],
    [
      "too many mapped users",
      { logins: { map: many(map + 1, (i) => ({ namespace: "a", user: `u${i}`, login: `u${i}` })) } },
      "spec.logins.map: Too many",
    ],
    ["a user of 254 characters", { from: [{ users: ["a".repeat(254)] }] }, "spec.from[0].users[0]: Too long"],
    [
      "a namespace of 64 characters",
      { from: [{ namespace: "a".repeat(64) }] },
      "spec.from[0].namespace: Too long",
    ],
    ["a Secret name of 254 characters", { secretName: "a".repeat(254) }, "spec.secretName: Too long"],
    ["33 options", { options: Array(33).fill("restrict") }, "spec.options: Too many"],
    ["an option of 1025 characters", { options: ["a".repeat(1025)] }, "spec.options[0]: Too long"],
    [
      "one user mapped twice",
      { logins: { map: many(2, (i) => ({ namespace: "a", user: "bob", login: `b${i}` })) } },
      "spec.logins.map[1]: Duplicate value",
    ],
    [
      "one user mapped twice where a name is one person",
      { identity: "ByName", logins: { map: many(2, (i) => ({ user: "bob", login: `b${i}` })) } },
      "spec.logins.map[1]: Duplicate value",
    ],
    ["a map entry without a login", mapped(undefined), "spec.logins.map[0].login: Required value"],
    ["a login that is a number", mapped(5403), "spec.logins.map[0].login in body must be of type string"],
    [
      "an identity of another name",
      { identity: "Merged" },
      'spec.identity: Unsupported value: "Merged": supported values: "ByNamespace", "ByName"',
    ],
    ["a layout of another name", { layout: "FilePerUser" }, 'supported values: "FilePerLogin", "SingleFile"'],
    ["a rule of another name", { logins: { rule: "Email" } }, 'supported values: "User", "LocalPart"'],
    [
      "a selector without matchLabels",
      { identity: "ByName", from: [{ namespaceSelector: {} }] },
      "spec.from[0].namespaceSelector.matchLabels: Required value",
    ],
  ];
  test.each(cases)("%s", async (_why, spec, message) => {
    const { code, message: said } = await targets.create(spec);
    expect(code).toBe(422);
    expect(said).toContain(message);
  });
});

test("of several broken fields each is named", async () => {
  const { message } = await targets.create({
    secretName: "A",
    from: [],
    options: ["%"],
    ...mapped("A"),
  });
  expect(message.match(/spec(\.\w+)*: /g)).toEqual([
    "spec.secretName: ",
    "spec.from: ",
    "spec.logins.map: ",
    "spec.options: ",
  ]);
});

test("kubectl prints the message as it is", async () => {
  const { code, stderr } = await targets.cluster.kubectl(
    ["create", "-n", targets.namespace, "-f", "-"],
    JSON.stringify({
      apiVersion: "sshkey-operator.dev/v1alpha1",
      kind: "AuthorizedKeys",
      metadata: { name: "broken" },
      spec: { from: TWO_OPEN },
    }),
  );
  expect([code, stderr.trim()]).toEqual([1, `The AuthorizedKeys "broken" is invalid: ${FROM_UNNAMED}`]);
});
