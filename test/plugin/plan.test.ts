import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, AUTHORIZED_KEYS_KIND, KIND } from "../../src/api/names.ts";
import { authorizedKeysPath, namespacePath } from "../../src/api/paths.ts";
import type { SSHKey, SSHKeySpec } from "../../src/api/sshkey.generated.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Stage } from "../operator/stage.ts";
import type { Tenant } from "../operator/tenant.ts";
import { Random } from "../ssh/random.ts";
import { plugin } from "./plugin.ts";

const seed = Number(process.env.PLAN_SEED ?? Math.floor(Math.random() * 1e6));
const ROUNDS = 6;
const USERS = ["alice", "bob", "carol@example.com"];
const NAMES = Array.from({ length: 8 }, (_, i) => `key-${i}`);
const KEYS = Array.from({ length: 5 }, () => freshKey());

let stage: Stage;
let people: Tenant;
let gate: Tenant;

beforeAll(async () => {
  console.log(`PLAN_SEED=${seed}`);
  stage = await Stage.open();
  await stage.run();
  people = await stage.tenant();
  gate = await stage.tenant();
  await share(gate.namespace);
  await gate.send("POST", authorizedKeysPath(gate.namespace), bastion());
});

afterAll(async () => {
  await stage?.close();
});

function bastion() {
  return {
    apiVersion: API_VERSION,
    kind: AUTHORIZED_KEYS_KIND,
    metadata: { name: "bastion", namespace: gate.namespace },
    spec: { from: [{ namespace: people.namespace }], options: ["restrict"] },
  };
}

async function share(shareWith: string | null): Promise<void> {
  const annotations = { "sshkey-operator.dev/share-keys-with": shareWith };
  await people.send("PATCH", namespacePath(people.namespace), { metadata: { annotations } });
}

type Specs = ReadonlyMap<string, SSHKeySpec>;

function manifests(specs: Specs): string {
  const items = [...specs].map(([name, spec]) => ({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace: people.namespace },
    spec,
  }));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** These SSHKeys with all that matters beside them, as several documents. */
function repository(specs: Specs): string {
  const annotations = { "sshkey-operator.dev/share-keys-with": gate.namespace };
  const namespaces = [
    { metadata: { name: people.namespace, annotations } },
    { metadata: { name: gate.namespace } },
  ].map((each) => ({ apiVersion: "v1", kind: "Namespace", ...each }));
  return [manifests(specs), ...[...namespaces, bastion()].map((each) => JSON.stringify(each))].join(
    "\n---\n",
  );
}

/** What the cluster holds, the oldest claim first. */
async function inOrderOfClaims(): Promise<Specs> {
  const claim = ({ metadata, status }: SSHKey) => `${status?.claimedSince} ${metadata.uid}`;
  const sorted = (await people.list()).toSorted((a, b) => (claim(a) < claim(b) ? -1 : 1));
  return new Map(sorted.map(({ metadata, spec }) => [metadata.name, spec]));
}

async function plan(specs: Specs, ...args: readonly string[]) {
  const { kubeconfig } = stage.cluster.controlPlane;
  return await plugin(["plan", "-f", "-", ...args], { kubeconfig, input: manifests(specs) });
}

/** Makes the SSHKeys of the namespace these and no others, and waits until the operator has done its part. */
async function sync(specs: Specs): Promise<void> {
  for (const { metadata } of await people.list())
    if (!specs.has(metadata?.name ?? "")) await people.remove(metadata?.name ?? "");
  const present = new Set((await people.list()).map(({ metadata }) => metadata?.name));
  for (const [name, spec] of specs) {
    if (present.has(name)) await people.edit(name, { options: null, disabled: null, ...spec });
    else await people.create(name, spec);
  }
  await stage.allIsHandled();
}

/** Claims of one second are ordered by UID, which nobody knows before; that of an edit dates from the next whole one. */
async function untilYoungest(): Promise<void> {
  const claims = (await people.list()).map(({ status }) => Date.parse(status?.claimedSince ?? "") || 0);
  const next = Math.max(0, ...claims) + 1000;
  await eventually("a new claim is younger than all others", () => Date.now() >= next);
}

/** Each line of each file of both namespaces. */
async function lines(): Promise<ReadonlySet<string>> {
  const all = new Set<string>();
  for (const tenant of [people, gate]) {
    for (const { metadata, data } of await tenant.secrets()) {
      for (const [file, text] of Object.entries(data)) {
        for (const line of text.split("\n").slice(0, -1))
          all.add(`${tenant.namespace}/${metadata.name} ${file} ${line}`);
      }
    }
  }
  return all;
}

/** A random next state; of each key and of each name at most one SSHKey comes in at a time, so that no chance decides. */
function next(before: Specs, random: Random): Specs {
  const specs = new Map(before);
  const taken = new Set<string>();
  for (let i = 0; i < 5; i += 1) {
    const name = random.pick(NAMES);
    const known = specs.get(name);
    const key = random.pick(KEYS);
    if (known === undefined || known.key !== key) {
      if (taken.has(key)) continue;
      taken.add(key);
    }
    if (known !== undefined && random.below(3) === 0) specs.delete(name);
    else if (known === undefined && before.has(name)) continue;
    else {
      const options = random.below(3) === 0 ? { options: ["no-pty"] } : {};
      const disabled = random.below(4) === 0 ? { disabled: true } : {};
      specs.set(name, { user: known?.user ?? random.pick(USERS), key, ...options, ...disabled });
    }
  }
  return specs;
}

interface Announced {
  readonly gained: readonly AnnouncedLine[];
  readonly lost: readonly AnnouncedLine[];
  readonly altered: readonly { readonly before: AnnouncedLine; readonly after: AnnouncedLine }[];
  readonly states: readonly { readonly id: string; readonly after: { readonly state: string } | null }[];
}

interface AnnouncedLine {
  readonly secret: string;
  readonly file: string;
  readonly line: string;
}

const said = ({ secret, file, line }: AnnouncedLine) => `${secret} ${file} ${line}`;

describe("what is announced", () => {
  test("is what comes about, in Secrets and in STATEs", async () => {
    const random = new Random(seed);
    let specs: Specs = new Map();
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = await lines();
      specs = next(specs, random);
      const { stdout, stderr, code } = await plan(specs, "--prune", "-o", "json");
      expect([stderr, code === 0 || code === 1]).toEqual(["", true]);
      const { gained, lost, altered, states } = JSON.parse(stdout) as Announced;
      const expected = new Set(before);
      for (const line of [...lost, ...altered.map((each) => each.before)]) expected.delete(said(line));
      for (const line of [...gained, ...altered.map((each) => each.after)]) expected.add(said(line));
      await untilYoungest();
      await sync(specs);
      // Of one Secret many writes in a row are put off for a moment.
      await eventually("the Secrets hold what was announced", async () => {
        expect([...(await lines())].sort()).toEqual([...expected].sort());
        return true;
      });
      for (const { id, after } of states) {
        if (after !== null && id.startsWith(`${people.namespace}/`))
          await people.until(id.slice(people.namespace.length + 1), after.state as "Projected");
      }
    }
  });

  test("is what check says of the same change to manifests that hold what the cluster holds", async () => {
    const random = new Random(seed + 1);
    const folder = mkdtempSync(join(tmpdir(), "plan-"));
    let specs: Specs = new Map(
      (await people.list()).map(({ metadata, spec }) => [metadata?.name ?? "", spec]),
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      writeFileSync(join(folder, "base.yaml"), repository(await inOrderOfClaims()));
      const now = next(specs, random);
      const planned = await plan(now, "--prune", "-o", "json");
      const checked = await plugin(["check", "-", "--base", join(folder, "base.yaml"), "-o", "json"], {
        input: repository(now),
      });
      const { gained, lost, altered, states } = JSON.parse(planned.stdout) as Announced;
      const { base } = JSON.parse(checked.stdout) as { readonly base: { readonly changes: Announced } };
      expect(base.changes).toEqual({ gained, lost, altered, states });
      specs = now;
      await untilYoungest();
      await sync(specs);
    }
    rmSync(folder, { recursive: true });
  });

  test("is nothing when nothing is new", async () => {
    await sync(new Map([["mine", { user: "alice", key: freshKey() }]]));
    const specs = new Map((await people.list()).map(({ metadata, spec }) => [metadata?.name ?? "", spec]));
    const { code, stdout, stderr } = await plan(specs);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toContain("Nothing changes");
  });

  test("says which lists of the operator's it has not looked at", async () => {
    const name = "sshkey-operator-policy";
    const data = { "config.yaml": "revokedKeys: /etc/revoked\nblocklists: /etc/lists\n" };
    await gate.send("POST", `/api/v1/namespaces/${gate.namespace}/configmaps`, { metadata: { name }, data });
    const { stdout } = await plan(new Map(), "--operator-namespace", gate.namespace, "-o", "json");
    expect(JSON.parse(stdout).blindSpots).toEqual([
      expect.stringContaining("--revoked-keys FILE"),
      expect.stringContaining("--blocklist FILE"),
    ]);
    const folder = mkdtempSync(join(tmpdir(), "plan-"));
    const list = join(folder, "list.txt");
    writeFileSync(list, "# nobody\n");
    const files = ["--revoked-keys", list, "--blocklist", list];
    const given = await plan(new Map(), "--operator-namespace", gate.namespace, "-o", "json", ...files);
    expect(JSON.parse(given.stdout).blindSpots).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("says who gains and who loses access in words, and that something changes", async () => {
    const { code, stdout } = await plan(new Map([["bobs", { user: "bob", key: freshKey() }]]), "--prune");
    expect(code).toBe(1);
    expect(stdout).toMatch(
      new RegExp(`^- +alice .* ${people.namespace}/mine +${people.namespace}/sshkeys-alice`, "m"),
    );
    expect(stdout).toMatch(new RegExp(`^\\+ +bob .* ${gate.namespace}/bastion +bob$`, "m"));
    expect(stdout).toContain(`SSHKey ${people.namespace}/bobs: is new and becomes Projected.`);
  });

  test("says what the API server would refuse, and exits with 2", async () => {
    const { code, stderr } = await plan(new Map([["mine", { user: "mallory", key: freshKey() }]]));
    expect(code).toBe(2);
    expect(stderr).toContain(
      `SSHKey ${people.namespace}/mine: spec.user: the user of an SSHKey cannot be changed`,
    );
  });

  test("says on one line what would be refused, whatever its name says", async () => {
    const { stderr } = await plan(
      new Map([["x\n0 keys gain access\u001b[2J", { user: "bob", key: freshKey() }]]),
    );
    expect(stderr).toMatch(/^refused: .*x0 keys gain access\[2J: metadata.name: /m);
    expect(stderr).not.toMatch(/^0 keys/m);
  });
});

test("a plan of no file is none, whatever the cluster holds", async () => {
  const folder = mkdtempSync(join(tmpdir(), "plan-"));
  const { kubeconfig } = stage.cluster.controlPlane;
  const { code, stdout, stderr } = await plugin(["plan", "-f", folder], { kubeconfig });
  rmSync(folder, { recursive: true });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^error: there is no manifest in these folders: .* -R /);
});
