import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { freshKey } from "../operator/publickeys.ts";
import { readyOf, type Tenant } from "../operator/tenant.ts";
import { type Replica, Replicas, SHORT_LEASE } from "./replicas.ts";

/** Kubelet may take 86 s to bring a changed ConfigMap to a node. */
const DOUBT_MS = 120_000;

let folder: string;
let replicas: Replicas;
let tenant: Tenant;
let second: Replica;

/** Starts a replica with lists of its own, as each node has its own copy of a mounted ConfigMap. */
async function start(name: string): Promise<Replica> {
  await mkdir(join(folder, name, "lists"), { recursive: true });
  await put(name, "revoked", "");
  const config = join(folder, name, "config.yaml");
  await writeFile(
    config,
    `blocklists: ${join(folder, name, "lists")}\nrevokedKeys: ${join(folder, name, "revoked")}\n`,
  );
  return await replicas.start(name, [...SHORT_LEASE, `--config=${config}`]);
}

/** From one moment to the next, as a mounted volume changes. */
async function put(replica: string, name: string, content: string): Promise<void> {
  const file = join(folder, replica, name);
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

async function fingerprintOf(name: string): Promise<string> {
  return `${(await tenant.read(name)).status?.fingerprint}\n`;
}

/** Who gained access from the second replica on. */
async function gained(): Promise<readonly unknown[]> {
  const lines = (await second.process.log()).filter(({ event }) => event === "AccessChanged");
  return lines.filter(({ change }) => change === "added").map(({ user }) => user);
}

function says(status: SSHKeyStatus, words: string): boolean {
  return readyOf(status)?.message.includes(words) === true;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sshkey-operator-lists-"));
  replicas = await Replicas.open();
  tenant = await replicas.tenant();
  const first = await start("first");
  await replicas.leader();
  second = await start("second");
  for (const [name, user] of [
    ["leaked", "alice"],
    ["mistaken", "bob"],
  ] as const) {
    await tenant.create(name, { user, key: freshKey() });
    await tenant.until(name, "Projected");
  }
  await put("first", "lists/leaked.txt", await fingerprintOf("leaked"));
  await put("first", "revoked", await fingerprintOf("mistaken"));
  await tenant.until("leaked", "Compromised");
  await tenant.until("mistaken", "Revoked");
  for (const user of ["alice", "bob"]) await tenant.untilFile(`sshkeys-${user}`, []);
  await replicas.kill(first);
  await replicas.leader();
  await tenant.create("new", { user: "carol", key: freshKey() });
  await second.process.logged("AccessChanged", ({ user }) => user === "carol");
});

afterAll(async () => {
  await replicas?.close();
  await rm(folder, { recursive: true });
});

describe("whoever takes over with older lists", () => {
  test.each([
    ["leaked", "Compromised"],
    ["mistaken", "Revoked"],
  ] as const)(
    "lets nobody in whom the one before has refused, and says why: %s stays %s",
    async (name, state) => {
      await tenant.until(name, state, (status) => says(status, "the lists of this one may be older"));
      expect(await gained()).toEqual(["carol"]);
    },
  );

  test("refuses by its own lists when they have come", async () => {
    await put("second", "lists/leaked.txt", await fingerprintOf("leaked"));
    await tenant.until("leaked", "Compromised", (status) => says(status, "administrator's list"));
    expect(await gained()).toEqual(["carol"]);
  });

  test("lets those in two minutes later who are on none of its lists", async () => {
    await second.process.logged("AccessChanged", ({ user }) => user === "bob");
    const led = await second.process.timeOf("StartedLeading", 1);
    expect(Date.now() - led).toBeGreaterThanOrEqual(DOUBT_MS);
    expect(await gained()).toEqual(["carol", "bob"]);
  });
});
