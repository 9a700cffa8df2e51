import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATION } from "../../../src/api/names.ts";
import { secretsPath } from "../../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../../src/api/sshkey.generated.ts";
import { readWrites } from "../../cluster/auditlog.ts";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, readyOf, type Tenant } from "../tenant.ts";
import { type Attacker, editorOf } from "./attacker.ts";
import { Bystander } from "./bystander.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

let stage: Stage;
let bystander: Bystander;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
  bystander = await Bystander.in(stage);
});

afterAll(async () => {
  await stage.close();
});

describe("a copy of one of the operator's Secrets", () => {
  let original: Tenant;
  let elsewhere: Tenant;
  const copies: { readonly tenant: Tenant; readonly name: string; readonly before: unknown }[] = [];

  beforeAll(async () => {
    [original, elsewhere] = [await stage.tenant(), await stage.tenant()];
    await original.create("work", { user: "alice", key: freshKey() });
    await original.until("work", "Projected");
    using editor = await editorOf(original);
    using stranger = await editorOf(elsewhere);
    const { metadata, data } = (await editor.tenant.secret("sshkeys-alice")) ?? {};
    const { labels, annotations } = metadata ?? {};
    for (const [{ tenant }, name] of [
      [editor, "alice-backup"],
      [editor, "sshkeys-alice-old"],
      [stranger, "sshkeys-alice"],
    ] as const) {
      await tenant.send("POST", secretsPath(tenant.namespace), {
        metadata: { name, labels, annotations },
        stringData: data,
      });
      copies.push({ tenant, name, before: await tenant.secret(name) });
    }
    await stage.allIsHandled();
  });

  const areUntouched = async () => {
    for (const { tenant, name, before } of copies) {
      const namespace = tenant.namespace;
      const { status, body } = await stage.cluster.request("GET", `${secretsPath(namespace)}/${name}`);
      expect([status, Object(body).metadata.resourceVersion]).toEqual([
        200,
        Object(before).metadata.resourceVersion,
      ]);
    }
  };

  test("is told once, in an Event of its namespace and in the log, and counted", async () => {
    for (const { tenant, name } of copies) {
      const told = (await stage.operator.log()).filter(
        ({ event, namespace, secret }) =>
          event === "SecretCopied" && namespace === tenant.namespace && secret === name,
      );
      expect(told.length).toBe(1);
      const noted = await eventsOn(tenant, name, "SecretCopied");
      expect(noted.length).toBe(1);
    }
    expect((await stage.operator.scrape()).value("sshkey_operator_copied_secrets")).toBe(copies.length);
  });

  test("is left alone, also when its key is revoked where it came from", async () => {
    await original.edit("work", { disabled: true });
    await original.untilFile("sshkeys-alice", []);
    await stage.allIsHandled();
    await areUntouched();
  });

  test("is left alone after a restart too", async () => {
    await stage.run();
    await stage.allIsHandled();
    await areUntouched();
  });

  test("is a SecretConflict for the user whose Secret should be there, until it is deleted as the message says", async () => {
    await elsewhere.create("work", { user: "alice", key: freshKey() });
    await untilHealed(elsewhere, "work", await conflictOf(elsewhere, "work"));
  });

  test("holds up nobody else", async () => {
    await bystander.livesOn();
  });
});

/** How a Secret stops being the operator's: by hand, or by a policy while the operator writes it. */
const LOSSES: readonly (readonly [what: string, patch: object, patched: string])[] = [
  [
    "label",
    { metadata: { labels: { [MANAGED_LABEL]: null } } },
    `/metadata/labels/${escaped(MANAGED_LABEL)}`,
  ],
  [
    "annotation",
    { metadata: { annotations: { [SECRET_ANNOTATION]: null } } },
    `/metadata/annotations/${escaped(SECRET_ANNOTATION)}`,
  ],
];

describe.each(LOSSES)("a Secret of the operator's that loses its %s", (what, patch, path) => {
  let victim: Tenant;
  let attacker: Attacker;
  const keys = { first: freshKey(), second: freshKey() };

  beforeEach(async () => {
    victim = await stage.tenant();
    attacker = await editorOf(victim);
    for (const [name, key] of Object.entries(keys)) await victim.create(name, { user: "alice", key });
    for (const name of Object.keys(keys)) await victim.until(name, "Projected");
  });

  afterEach(() => {
    attacker[Symbol.dispose]();
  });

  const linesOf = (...names: (keyof typeof keys)[]) => names.map((name) => victim.line(name, keys[name]));

  test("is a SecretConflict for each of its keys, which the command in the message mends", async () => {
    await attacker.tenant.editSecret("sshkeys-alice", patch);
    const message = await conflictOf(victim, "first");
    await conflictOf(victim, "second");
    await untilHealed(victim, "first", message);
    await victim.until("second", "Projected");
    await victim.untilFile("sshkeys-alice", linesOf("first", "second"));
  });

  test("is taken up again when that is back", async () => {
    const { metadata } = (await attacker.tenant.secret("sshkeys-alice")) ?? {};
    await attacker.tenant.editSecret("sshkeys-alice", patch);
    await conflictOf(victim, "first");
    await victim.edit("second", { disabled: true });
    const { labels, annotations } = metadata ?? {};
    await attacker.tenant.editSecret("sshkeys-alice", { metadata: { labels, annotations } });
    await victim.until("first", "Projected");
    await victim.untilFile("sshkeys-alice", linesOf("first"));
    await victim.until("second", "Disabled");
  });

  test("makes a revocation say that it has not happened, also one made while the operator is away", async () => {
    await attacker.tenant.editSecret("sshkeys-alice", patch);
    await conflictOf(victim, "first");
    await victim.edit("first", { disabled: true });
    const status = await victim.until("first", "SecretConflict");
    expect(readyOf(status)?.message).toContain("must be removed from Secret sshkeys-alice");
    expect(projectedOf(status)).toBe("Unknown");
    await stage.crash();
    await victim.edit("second", { disabled: true });
    await stage.run();
    expect(projectedOf(await victim.until("second", "SecretConflict"))).toBe("Unknown");
    await victim.removeSecret("sshkeys-alice");
    await victim.until("first", "Disabled");
    await victim.until("second", "Disabled");
  });

  test("by an admission policy at each write is a SecretConflict, until policy and Secret are gone", async () => {
    await takeOffAtWrites(victim, path, what);
    await attacker.tenant.create("third", { user: "alice", key: freshKey() });
    const message = await conflictOf(victim, "third");
    await conflictOf(victim, "first");
    await victim.send("DELETE", `${ADMISSION}/mutatingadmissionpolicybindings/${victim.namespace}`);
    await eventually("the policy is gone", async () => !(await isTakenOff(victim, what)), DEADLINE_MS);
    await untilHealed(victim, "third", message);
  });

  test("holds up nobody else", async () => {
    await attacker.tenant.editSecret("sshkeys-alice", patch);
    await bystander.livesOn();
    await attacker.tenant.create("bobs", { user: "bob", key: freshKey() });
    await victim.until("bobs", "Projected");
  });
});

describe("a Secret of the operator's that somebody overwrites again and again", () => {
  const OVERWRITES = 60;
  let victim: Tenant;
  let seconds: number;
  let before: number;
  const keys = { kept: freshKey(), going: freshKey() };

  beforeAll(async () => {
    await stage.run();
    victim = await stage.tenant();
    using attacker = await editorOf(victim);
    for (const [name, key] of Object.entries(keys)) await victim.create(name, { user: "alice", key });
    await victim.until("going", "Projected");
    await victim.until("kept", "Projected");
    await stage.allIsHandled();
    before = (await filesWritten()).length;
    const started = performance.now();
    let isOver = false;
    let overwrites = 0;
    const fight = (async () => {
      while (!isOver) {
        const lines = [...Object.entries(keys), ["evil", freshKey()]] as [string, string][];
        const authorized_keys = lines.map(([name, key]) => `${victim.line(name, key)}\n`).join("");
        await attacker.tenant.editSecret("sshkeys-alice", { stringData: { authorized_keys } });
        overwrites += 1;
      }
    })();
    try {
      await eventually("the fight lasts", () => overwrites >= OVERWRITES, DEADLINE_MS);
      await victim.edit("going", { disabled: true });
      const without = `${victim.line("kept", keys.kept)}\n`;
      await eventually(
        "the revocation is written in the middle of it",
        async () => (await filesWritten()).includes(without),
        DEADLINE_MS,
      );
      await bystander.livesOn();
    } finally {
      isOver = true;
      await fight;
    }
    await victim.untilFile("sshkeys-alice", [victim.line("kept", keys.kept)]);
    seconds = (performance.now() - started) / 1000;
  });

  const filesWritten = async () =>
    (await stage.writesIn(victim))
      .filter(({ resource, name }) => resource === "secrets" && name === "sshkeys-alice")
      .map(({ answered }) =>
        Buffer.from(String(Object(answered.data).authorized_keys), "base64").toString("utf8"),
      );

  test("is written three times a second at most", async () => {
    expect((await filesWritten()).length - before).toBeLessThanOrEqual(3 + 3 * seconds);
  });

  test("ends with the right statuses", async () => {
    await victim.until("kept", "Projected");
    await victim.until("going", "Disabled");
  });

  test("is told once, in one Event and one line of the log", async () => {
    await stage.allIsHandled();
    const told = (await stage.operator.log()).filter(
      ({ event, namespace }) => event === "SecretRestored" && namespace === victim.namespace,
    );
    expect([told.length, (await eventsOn(victim, "sshkeys-alice", "SecretRestored")).length]).toEqual([1, 1]);
  });

  test("was overwritten many times, and nobody but the operator and the attacker wrote it", async () => {
    const writes = await readWrites(stage.cluster.controlPlane.auditLog ?? "");
    const on = writes.filter(
      ({ namespace, resource, name }) =>
        namespace === victim.namespace && resource === "secrets" && name === "sshkeys-alice",
    );
    expect(on.length).toBeGreaterThan(OVERWRITES);
  });
});

/** Waits until the status says so, and gives the message. */
async function conflictOf(tenant: Tenant, name: string): Promise<string> {
  const status = await tenant.until(name, "SecretConflict");
  return readyOf(status)?.message ?? "";
}

/** Carries out the command that the message names. */
async function untilHealed(tenant: Tenant, name: string, message: string): Promise<void> {
  const [, command = ""] = /run: kubectl (delete secret -n \S+ [a-z0-9-]+);/.exec(message) ?? [];
  const { code, stderr } = await stage.cluster.kubectl(command.split(" "));
  expect([message, code, stderr]).toEqual([expect.stringContaining("run: kubectl"), 0, ""]);
  await tenant.until(name, "Projected");
}

function projectedOf({ conditions = [] }: SSHKeyStatus): string | undefined {
  return conditions.find(({ type }) => type === "Projected")?.status;
}

async function eventsOn(tenant: Tenant, name: string, reason: string): Promise<readonly unknown[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${tenant.namespace}/events`;
  const { body } = await stage.cluster.request("GET", path);
  const { items } = body as { items: { reason: string; regarding: { name: string } }[] };
  return items.filter((event) => event.regarding.name === name && event.reason === reason);
}

/** From now on every Secret of the namespace loses this when it is written. */
async function takeOffAtWrites(tenant: Tenant, path: string, what: string): Promise<void> {
  const metadata = { name: tenant.namespace };
  const [, map = "", key = ""] = /^\/metadata\/(\w+)\/(.*)$/.exec(path) ?? [];
  const name = key.replace("~1", "/");
  const rule = {
    apiGroups: [""],
    apiVersions: ["v1"],
    operations: ["CREATE", "UPDATE"],
    resources: ["secrets"],
  };
  await tenant.send("POST", `${ADMISSION}/mutatingadmissionpolicies`, {
    metadata,
    spec: {
      matchConstraints: { resourceRules: [rule] },
      matchConditions: [
        { name: "has", expression: `has(object.metadata.${map}) && '${name}' in object.metadata.${map}` },
      ],
      reinvocationPolicy: "Never",
      mutations: [
        { patchType: "JSONPatch", jsonPatch: { expression: `[JSONPatch{op: "remove", path: "${path}"}]` } },
      ],
    },
  });
  await tenant.send("POST", `${ADMISSION}/mutatingadmissionpolicybindings`, {
    metadata,
    spec: {
      policyName: tenant.namespace,
      matchResources: {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": tenant.namespace } },
      },
    },
  });
  await eventually("the policy is in force", () => isTakenOff(tenant, what), DEADLINE_MS);
}

async function isTakenOff({ cluster, namespace }: Tenant, what: string): Promise<boolean> {
  const probe = {
    metadata: {
      name: "probe",
      labels: { [MANAGED_LABEL]: "x" },
      annotations: { [SECRET_ANNOTATION]: "x" },
    },
  };
  const { body } = await cluster.request("POST", `${secretsPath(namespace)}?dryRun=All`, probe);
  const { labels, annotations } = (body as { metadata: Record<string, object | undefined> }).metadata;
  return (what === "label" ? labels : annotations) === undefined;
}

function escaped(key: string): string {
  return key.replace("/", "~1");
}
