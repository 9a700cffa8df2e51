import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuthorizedKeysSpec } from "../../../src/api/authorizedkeys.generated.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { Bastion, editNamespace, share } from "./bastion.ts";

type Files = Readonly<Record<string, readonly string[]>>;

let stage: Stage;
let people: Tenant;
let others: Tenant;
let gates: Bastion;
let alice: string;
let bob: string;
let carol: string;

/** Alice and bob of people, carol of others; both namespaces share with everyone. */
beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
  [people, others] = [await stage.tenant(), await stage.tenant()];
  gates = new Bastion(await stage.tenant());
  for (const source of [people, others]) await share(source, "*");
  alice = await keyOf(people, "alice");
  bob = await keyOf(people, "bob");
  carol = await keyOf(others, "carol");
  for (const way of WAYS)
    for (const when of ["running", "down"]) await gates.create(nameOf(way, when), way.before());
  for (const way of WAYS)
    for (const when of ["running", "down"]) await gates.untilFiles(nameOf(way, when), way.held());
});

afterAll(() => stage.close());

/** How somebody gets out of an AuthorizedKeys by an edit of its spec. */
interface Way {
  readonly what: string;
  readonly before: () => AuthorizedKeysSpec;
  readonly held: () => Files;
  readonly edit: () => Readonly<Record<string, unknown>>;
  readonly after: () => Files;
}

const WAYS: readonly Way[] = [
  {
    what: "a user is taken out of users",
    before: () => ({ from: [{ namespace: people.namespace, users: ["alice", "bob"] }] }),
    held: () => ({ alice: [alice], bob: [bob] }),
    edit: () => ({ from: [{ namespace: people.namespace, users: ["bob"] }] }),
    after: () => ({ alice: [], bob: [bob] }),
  },
  {
    what: "a pattern in users is narrowed",
    before: () => ({ from: [{ namespace: people.namespace, users: ["*"] }] }),
    held: () => ({ alice: [alice], bob: [bob] }),
    edit: () => ({ from: [{ namespace: people.namespace, users: ["b*"] }] }),
    after: () => ({ alice: [], bob: [bob] }),
  },
  {
    what: "an entry is taken out of from",
    before: () => ({
      from: [
        { namespace: people.namespace, users: ["alice"] },
        { namespace: others.namespace, users: ["*"] },
      ],
    }),
    held: () => ({ alice: [alice], carol: [carol] }),
    edit: () => ({ from: [{ namespace: people.namespace, users: ["alice"] }] }),
    after: () => ({ alice: [alice], carol: [] }),
  },
  {
    what: "a login of map is renamed",
    before: () => mapped("robert"),
    held: () => ({ robert: [bob] }),
    edit: () => ({ ...mapped("rob") }),
    after: () => ({ robert: [], rob: [bob] }),
  },
  {
    what: "identity becomes ByNamespace, and the earlier entry has the name",
    before: () => ({ from: bothNamed("carol"), identity: "ByName" }),
    held: () => ({ carol: [carol] }),
    edit: () => ({ identity: "ByNamespace" }),
    after: () => ({ carol: [] }),
  },
  {
    what: "the layout becomes SingleFile",
    before: () => ({ from: [{ namespace: people.namespace }] }),
    held: () => ({ alice: [alice], bob: [bob] }),
    edit: () => ({ layout: "SingleFile" }),
    after: () => ({ authorized_keys: [alice, bob], alice: [], bob: [] }),
  },
  {
    what: "the layout becomes FilePerLogin",
    before: () => ({ from: [{ namespace: people.namespace }], layout: "SingleFile" }),
    held: () => ({ authorized_keys: [alice, bob] }),
    edit: () => ({ layout: "FilePerLogin" }),
    after: () => ({ authorized_keys: [], alice: [alice], bob: [bob] }),
  },
];

describe.each(WAYS)("when $what", (way) => {
  test("it is a revocation, and the change is one write", async () => {
    await changeInOneWrite("running", way);
  });
});

describe("when the operator was down meanwhile", () => {
  beforeAll(async () => {
    await stage.crash();
    for (const way of WAYS) await gates.edit(nameOf(way, "down"), way.edit());
    await stage.run();
  });

  test.each(WAYS)("and $what, the same holds", async (way) => {
    await gates.untilFiles(nameOf(way, "down"), way.after());
    expect(await filesWritten(nameOf(way, "down"))).toEqual([way.held(), way.after()]);
  });
});

describe("the label of a Namespace behind a selector, taken away", () => {
  const spec = (): AuthorizedKeysSpec => ({
    from: [{ namespaceSelector: { matchLabels: { floor: "two" } } }],
    identity: "ByName",
  });

  test.each(["while the operator runs", "while it is down"])("is a revocation %s", async (when) => {
    const name = when.replaceAll(" ", "-");
    await editNamespace(others, { labels: { floor: "two" } });
    await gates.create(name, spec());
    await gates.untilFiles(name, { carol: [carol] });
    if (when.includes("down")) await stage.crash();
    await editNamespace(others, { labels: { floor: null } });
    if (!stage.isRunning) await stage.run();
    await gates.untilFiles(name, { carol: [] });
  });

  test("given to a namespace that does not share is told nobody", async () => {
    const silent = await stage.tenant();
    await keyOf(silent, "dave");
    await editNamespace(silent, { labels: { floor: "two" } });
    await gates.create("silent", spec());
    const status = await gates.until("silent", "Projected");
    expect(JSON.stringify(status)).not.toContain(silent.namespace);
  });
});

test("each file that was ever written is empty, or ends in one newline", async () => {
  const files = (await stage.writesIn(gates.tenant))
    .filter(({ resource }) => resource === "secrets")
    .flatMap(({ answered }) => Object.values(dataOf(answered)));
  expect(files.length).toBeGreaterThan(4 * WAYS.length);
  expect(files.filter((file) => file !== "" && !/[^\n]\n$/.test(file))).toEqual([]);
});

async function changeInOneWrite(when: string, way: Way): Promise<void> {
  const name = nameOf(way, when);
  await gates.edit(name, way.edit());
  await gates.untilFiles(name, way.after());
  expect(await filesWritten(name)).toEqual([way.held(), way.after()]);
}

/** What the Secret held after each write, from its first line on, without repeats. */
async function filesWritten(secret: string): Promise<readonly Files[]> {
  const states = (await stage.writesIn(gates.tenant))
    .filter(({ resource, name }) => resource === "secrets" && name === secret)
    .map(({ answered }) => linesOf(dataOf(answered)));
  const first = states.findIndex((files) => Object.values(files).some((lines) => lines.length > 0));
  return states.slice(first).filter((files, i, all) => !isDeepStrictEqual(files, all[i - 1]));
}

function dataOf(answered: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const data = Object.entries(Object(answered.data) as Record<string, string>);
  return Object.fromEntries(data.map(([dataKey, file]) => [dataKey, Buffer.from(file, "base64").toString()]));
}

function linesOf(data: Readonly<Record<string, string>>): Files {
  return Object.fromEntries(
    Object.entries(data).map(([dataKey, file]) => [dataKey, file.split("\n").slice(0, -1)]),
  );
}

function nameOf(way: Way, when: string): string {
  return `${when}-${WAYS.indexOf(way)}`;
}

function mapped(login: string): AuthorizedKeysSpec {
  const { namespace } = people;
  return { from: [{ namespace, users: ["bob"] }], logins: { map: [{ namespace, user: "bob", login }] } };
}

function bothNamed(user: string): { namespace: string; users: string[] }[] {
  return [people, others].map(({ namespace }) => ({ namespace, users: [user] }));
}

/** The line of a new key. */
async function keyOf(tenant: Tenant, user: string): Promise<string> {
  const key = freshKey();
  await tenant.create(user, { user, key });
  return tenant.line(user, key);
}
