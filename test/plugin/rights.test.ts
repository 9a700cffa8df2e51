import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, KIND } from "../../src/api/names.ts";
import { podsPath } from "../../src/api/paths.ts";
import type { SSHKeySpec } from "../../src/api/sshkey.generated.ts";
import { COMMANDS } from "../../src/plugin/program.ts";
import { freshProvableKey, proofFor } from "../claims/keypairs.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Playground, type Team } from "./playground.ts";
import { plugin } from "./plugin.ts";

/** Who does it to whose key. */
const ROLES = {
  edit: { does: "editor", whose: "alice" },
  view: { does: "viewer", whose: "alice" },
  /** Under self-service, with the right to write keys. */
  "one's own": { does: "alice", whose: "alice" },
  "another's": { does: "alice", whose: "bob" },
} as const;

type Role = keyof typeof ROLES;

/** How many SSHKeys come, go and get another spec. */
const CHANGES = {
  adds: { added: 1, removed: 0, edited: 0 },
  removes: { added: 0, removed: 1, edited: 0 },
  edits: { added: 0, removed: 0, edited: 1 },
  replaces: { added: 1, removed: 1, edited: 0 },
  nothing: { added: 0, removed: 0, edited: 0 },
};

/** What there is before a command: an SSHKey that the operator has judged. */
interface Scene {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  readonly key: string;
  /** Another key. */
  readonly fresh: string;
}

/** What comes of it. */
interface Cell {
  readonly code: number;
  /** In what it writes, on stdout and stderr. */
  readonly says: (scene: Scene) => readonly (string | RegExp)[];
  /** What it does to the SSHKeys of the namespace. */
  readonly does: keyof typeof CHANGES;
}

interface Row {
  readonly command: string;
  readonly args: (scene: Scene) => readonly string[];
  readonly input?: (scene: Scene) => string;
  readonly isDisabled?: boolean;
  readonly cells: Readonly<Record<Role, Cell>>;
}

/** A command that writes: the API server refuses it to whoever may view, and the policy for another's key. */
function writes(does: keyof typeof CHANGES, verb: string, says: Cell["says"]): Row["cells"] {
  const done: Cell = { code: 0, says, does };
  return {
    edit: done,
    view: { code: 2, does: "nothing", says: () => [`User "viewer" cannot ${verb} resource "sshkeys"`] },
    "one's own": done,
    "another's": {
      code: 2,
      does: "nothing",
      says: () => ["you may write only SSHKeys with spec.user alice"],
    },
  };
}

/** A command that reads, in the words for each role besides those for all. */
function reads(
  code: number,
  says: Cell["says"],
  more: { readonly edit: Cell["says"]; readonly view: Cell["says"]; readonly people: Cell["says"] },
): Row["cells"] {
  const cell = (of: Cell["says"]): Cell => ({
    code,
    does: "nothing",
    says: (scene) => [...says(scene), ...of(scene)],
  });
  const people = cell(more.people);
  return { edit: cell(more.edit), view: cell(more.view), "one's own": people, "another's": people };
}

const nothing = () => [];

const everywhere = (what: string, { namespace }: Scene) =>
  `you may not list ${what} in all namespaces: only those in ${namespace} were looked at`;
const nowhere = (what: string) => `you may not list ${what} in all namespaces: none were looked at`;

const TARGETS = "authorizedkeys.sshkey-operator.dev";
const secretOf = ({ namespace, user }: Scene) => `Secret ${namespace}/sshkeys-${user} (authorized_keys)`;

/** What of where a key stands is told to whom. */
const PLACES = {
  edit: (scene: Scene) => [everywhere("secrets", scene), everywhere(TARGETS, scene)],
  view: (scene: Scene) => [nowhere("secrets"), everywhere(TARGETS, scene)],
  people: () => [nowhere("secrets"), nowhere(TARGETS)],
};

const NO_PODS = ({ namespace }: Scene) =>
  `you may not list pods in ${namespace}: whether any mounts a Secret there is not known`;
const POD = ({ namespace }: Scene) => `warning: in pod ${namespace}/frozen, container sshd: `;

const done = (what: string) => (scene: Scene) => [`sshkey.sshkey-operator.dev/${scene.name} ${what}\n`];

function manifest({ namespace, name, user, fresh }: Scene): string {
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: `${name}-2`, namespace },
    spec: { user, key: fresh },
  });
}

const ROWS: readonly Row[] = [
  {
    command: "plan",
    args: () => ["plan", "-f", "-"],
    input: manifest,
    cells: reads(
      1,
      ({ namespace, name }) => [
        `SSHKey ${namespace}/${name}-2: is new and becomes Projected.`,
        "You may not list SSHKeys in other namespaces: what happens there is left out.",
      ],
      {
        edit: () => ["You may not list AuthorizedKeys in other namespaces"],
        view: () => ["You may not list AuthorizedKeys in other namespaces"],
        people: ({ namespace }) => [
          `You may not list AuthorizedKeys in namespace ${namespace}: those that are there count as not there.`,
        ],
      },
    ),
  },
  {
    command: "add",
    args: ({ user }) => ["add", "-", "--user", user],
    input: ({ fresh }) => fresh,
    cells: writes("adds", "create", () => [/^\S+ created\n/, " is Projected: "]),
  },
  {
    command: "list",
    args: ({ name }) => ["list", name],
    cells: reads(0, ({ name, user }) => [new RegExp(`^${name} +${user} `, "m")], {
      edit: nothing,
      view: nothing,
      people: nothing,
    }),
  },
  {
    command: "list",
    args: ({ name }) => ["list", "-A", name],
    cells: reads(
      2,
      (scene) => [
        new RegExp(`^${scene.namespace} +${scene.name} `, "m"),
        everywhere("sshkeys.sshkey-operator.dev", scene),
      ],
      { edit: nothing, view: nothing, people: nothing },
    ),
  },
  {
    command: "show",
    args: ({ name }) => ["show", name],
    cells: reads(0, (scene) => [/^State: +Projected$/m, secretOf(scene)], PLACES),
  },
  {
    command: "raw",
    args: ({ name }) => ["raw", name],
    cells: reads(0, ({ key }) => [`${key}\n`], { edit: nothing, view: nothing, people: nothing }),
  },
  {
    command: "delete",
    args: ({ name }) => ["delete", name],
    cells: writes("removes", "delete", (scene) => [secretOf(scene), ...done("deleted")(scene)]),
  },
  {
    command: "delete",
    args: ({ name }) => ["delete", name, "--dry-run=client"],
    cells: reads(0, secretsToLose, {
      edit: (scene) => [...PLACES.edit(scene), POD(scene)],
      view: (scene) => [...PLACES.view(scene), POD(scene)],
      people: (scene) => [...PLACES.people(), NO_PODS(scene)],
    }),
  },
  {
    command: "disable",
    args: ({ name }) => ["disable", name],
    cells: writes("edits", "patch", (scene) => [
      secretOf(scene),
      ...done("disabled")(scene),
      `${scene.name} is Disabled: `,
    ]),
  },
  {
    command: "enable",
    args: ({ name }) => ["enable", name],
    isDisabled: true,
    cells: writes("edits", "patch", (scene) => [...done("enabled")(scene), `${scene.name} is Projected: `]),
  },
  {
    command: "rotate",
    args: ({ name }) => ["rotate", name, "--key", "-"],
    input: ({ fresh }) => fresh,
    cells: writes("replaces", "create", (scene) => [" created\n", ...done("deleted")(scene)]),
  },
  {
    command: "prove",
    args: ({ name }) => ["prove", name],
    cells: reads(0, () => [" -Y sign -n sshkey-operator.dev -f "], {
      edit: nothing,
      view: nothing,
      people: nothing,
    }),
  },
  {
    command: "prove",
    args: ({ name }) => ["prove", name, "--proof", "-"],
    input: ({ user, key }) => proofFor(user, key),
    cells: writes("edits", "patch", (scene) => [...done("proven")(scene), `${scene.name} is Projected: `]),
  },
  {
    command: "who",
    args: ({ key }) => ["who", key],
    cells: reads(0, ({ namespace, name, user }) => [` ${user}: SSHKey ${namespace}/${name}, Projected\n`], {
      edit: nothing,
      view: ({ namespace }) => [`You may not list Secrets in namespace ${namespace}`],
      people: ({ namespace }) => [`You may not list Secrets in namespace ${namespace}`],
    }),
  },
  {
    command: "where",
    args: ({ name }) => ["where", name],
    cells: reads(
      0,
      ({ namespace, user }) => [new RegExp(`^${namespace} +sshkeys-${user} +authorized_keys`, "m")],
      {
        edit: (scene) => [...PLACES.edit(scene), POD(scene)],
        view: (scene) => [...PLACES.view(scene), POD(scene)],
        people: (scene) => [...PLACES.people(), NO_PODS(scene)],
      },
    ),
  },
  {
    command: "import",
    args: ({ user }) => ["import", "authorized_keys", "-", "--apply", "--user", user],
    input: ({ fresh }) => fresh,
    cells: writes("adds", "create", () => [/^\S+ created\n/]),
  },
];

function secretsToLose(scene: Scene): readonly string[] {
  return [`${scene.name} (${scene.user}, SHA256:`, secretOf(scene), ...done("deleted (dry run)")(scene)];
}

/** For titles. */
const NAMES: Scene = { namespace: "ns", name: "name", user: "user", key: "key", fresh: freshKey() };

let playground: Playground;
let team: Team;
let people: Team;

beforeAll(async () => {
  playground = await Playground.open();
  team = await playground.team();
  people = await playground.people("alice");
  for (const tenant of [team, people]) await frozenPod(tenant);
});

afterAll(async () => {
  await playground?.close();
});

/** A pod that has the keys of alice and bob until it is restarted. */
async function frozenPod(tenant: Team): Promise<void> {
  const secretNames = ["sshkeys-alice", "sshkeys-bob"];
  const volumes = secretNames.map((secretName) => ({ name: secretName, secret: { secretName } }));
  const volumeMounts = secretNames.map((name) => ({
    name,
    mountPath: `/keys/${name}`,
    subPath: "authorized_keys",
  }));
  const containers = [{ name: "sshd", image: "sshd", volumeMounts }];
  const spec = { automountServiceAccountToken: false, volumes, containers };
  await tenant.send("POST", podsPath(tenant.namespace), { metadata: { name: "frozen" }, spec });
}

let count = 0;

async function scene(tenant: Team, user: string, isDisabled: boolean): Promise<Scene> {
  count += 1;
  const name = `key-${count}`;
  const key = freshProvableKey();
  await tenant.create(name, { user, key, ...(isDisabled ? { disabled: true } : {}) });
  await tenant.until(name, isDisabled ? "Disabled" : "Projected");
  return { namespace: tenant.namespace, name, user, key, fresh: freshKey() };
}

async function specs(tenant: Team): Promise<ReadonlyMap<string, SSHKeySpec>> {
  return new Map((await tenant.list()).map(({ metadata, spec }) => [metadata?.name ?? "", spec]));
}

/** What is different, in the word for it. */
function difference(before: ReadonlyMap<string, SSHKeySpec>, after: ReadonlyMap<string, SSHKeySpec>) {
  const added = [...after.keys()].filter((name) => !before.has(name)).length;
  const removed = [...before.keys()].filter((name) => !after.has(name)).length;
  const edited = [...after].filter(
    ([name, spec]) => before.has(name) && JSON.stringify(before.get(name)) !== JSON.stringify(spec),
  ).length;
  return { added, removed, edited };
}

describe.each(Object.keys(ROLES) as Role[])("with the rights of %s", (role) => {
  test.each(ROWS.map((row) => [row.args(NAMES).join(" "), row] as const))("%s", async (_, row) => {
    const { does, whose } = ROLES[role];
    const tenant = does === "alice" ? people : team;
    const at = await scene(tenant, whose, row.isDisabled === true);
    const before = await specs(tenant);
    const input = row.input?.(at) ?? "";
    const { code, stdout, stderr } = await tenant.as(does, row.args(at), { input });
    const cell = row.cells[role];
    for (const text of cell.says(at)) expect(`${stdout}${stderr}`).toMatch(text);
    expect({ code, ...difference(before, await specs(tenant)) }).toEqual({
      code: cell.code,
      ...CHANGES[cell.does],
    });
  });
});

const WITHOUT_CLUSTER = ["check", "completion"];

test.each([
  ["check", ["check", "-"]],
  ["completion", ["completion", "bash"]],
])("%s needs no rights, and no cluster", async (_, args) => {
  const { code } = await plugin(args, { input: manifest(NAMES) });
  expect(code).toBe(0);
});

test("there is no other command", () => {
  const commands = new Set([...ROWS.map(({ command }) => command), ...WITHOUT_CLUSTER]);
  expect([...commands].toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
});
