import { setTimeout as delay } from "node:timers/promises";
import { API_VERSION, AUTHORIZED_KEYS_KIND, SHARE_KEYS_ANNOTATION } from "../src/api/names.ts";
import {
  authorizedKeysPath,
  METADATA_ONLY,
  namespacePath,
  secretPath,
  secretsPath,
  sshKeysPath,
} from "../src/api/paths.ts";
import type { SecretObject } from "../src/projection/secret.ts";
import { eventually } from "../test/cluster/eventually.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import type { Client } from "./client.ts";
import { newSSHKey } from "./keyset.ts";
import { type MemoryUsage, type OperatorProcess, withOperator } from "./operator.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, requestCounts, type Site } from "./site.ts";

const SECRET_WRITES: Figure = {
  name: "a key is disabled: Secret writes, of the user's and 20 targets",
  unit: "",
  target: { most: 21 },
  guard: { most: 21 },
};
const STATUS_WRITES: Figure = {
  name: "the same: status writes",
  unit: "",
  target: { most: 21 },
  guard: { most: 21 },
};
const ONE_TARGET: Figure = {
  name: "one target: PATCH sent → Secret written, median ÷ a bare PUT of that Secret",
  unit: "×",
  target: { most: 2 },
};
const ONE_TARGET_MS: Figure = { name: "the same, median", unit: "ms" };
const BARE_PUT: Figure = { name: "a bare PUT of that Secret, median", unit: "ms" };
const WITHDRAWN: Figure = {
  name: "consent withdrawn from 20 targets → all emptied",
  unit: "s",
  target: { most: 3 },
};
const HEAP: Figure = {
  name: "20 targets: heap above one, garbage collected",
  unit: "MB",
  target: { most: 25 },
  guard: { most: 25 },
};
const MEMORY: Figure = {
  name: "20 targets: RSS above one, garbage collected",
  unit: "MB",
  target: { most: 25 },
};

const PEOPLE = "people";
const KEYS_OF_A_USER = 5;
const TARGETS = 20;
const EDITS = 7;
const DEADLINE_MS = 120_000;

/** Many users' keys in one Secret each of 20 namespaces. */
export const authorizedKeys: Bench = {
  name: "authorizedkeys",
  fixedKeys: 5000,
  async run(round: Round): Promise<readonly Sample[]> {
    const { quick } = round;
    const users = quick ? 100 : 1000;
    const keys = Array.from({ length: users * KEYS_OF_A_USER }, (_, i) =>
      newSSHKey(PEOPLE, `key-${i}`, `user-${Math.floor(i / KEYS_OF_A_USER)}`, i),
    );
    const gates = Array.from({ length: TARGETS }, (_, i) => `gate-${i}`);
    return await onFreshSite([PEOPLE, ...gates], async (site) => {
      await seedConverged(site, keys);
      await share(site, "*");
      return await withOperator(site, round, async (operator) => {
        await create(site, gates.slice(0, 1), keys.length);
        const edits = quick ? 1 : EDITS;
        const one = await timeOfOne(site, edits);
        const before = await memoryOf(operator);
        await create(site, gates.slice(1), keys.length - edits);
        const after = await memoryOf(operator);
        const { secretWrites, statusWrites } = await disableOne(site, operator);
        const seconds = await withdraw(site, gates);
        return [
          { figure: SECRET_WRITES, value: secretWrites },
          { figure: STATUS_WRITES, value: statusWrites },
          { figure: ONE_TARGET, value: one.edit / one.put },
          { figure: ONE_TARGET_MS, value: one.edit },
          { figure: BARE_PUT, value: one.put },
          { figure: HEAP, value: (after.heapUsed - before.heapUsed) / 1e6 },
          { figure: MEMORY, value: (after.rss - before.rss) / 1e6 },
          { figure: WITHDRAWN, value: seconds },
        ];
      });
    });
  },
};

async function share({ client }: Site, shareWith: string | null): Promise<void> {
  const metadata = { annotations: { [SHARE_KEYS_ANNOTATION]: shareWith } };
  await client.json("PATCH", namespacePath(PEOPLE), { metadata });
}

/** Waits until each has all of the keys. */
async function create({ client }: Site, gates: readonly string[], keys: number): Promise<void> {
  for (const namespace of gates) {
    await client.json("POST", authorizedKeysPath(namespace), {
      apiVersion: API_VERSION,
      kind: AUTHORIZED_KEYS_KIND,
      metadata: { name: "gate" },
      spec: { from: [{ namespace: PEOPLE }] },
    });
  }
  for (const namespace of gates) {
    const isFull = async () => linesOf(await read(client, namespace)) === keys;
    await eventually(`${namespace} has all keys`, isFull, DEADLINE_MS);
  }
}

/** In ms: from the edit of one key to the Secret without it, and a bare write of the same size. */
async function timeOfOne({ client }: Site, edits: number): Promise<{ edit: number; put: number }> {
  const path = secretsPath("gate-0");
  const { resourceVersion } = await client.list(path);
  let onWrite = (_at: number) => {};
  // Of its metadata: what is measured has no time to spare for encoding it for somebody else.
  const stop = await client.watch(path, resourceVersion, (_, at) => onWrite(at), METADATA_ONLY);
  const edited: number[] = [];
  for (let i = 0; i < edits; i += 1) {
    // Nothing else is under way.
    await delay(2000);
    const { promise: written, resolve } = Promise.withResolvers<number>();
    onWrite = resolve;
    const started = performance.now();
    await disable(client, i);
    edited.push((await written) - started);
  }
  stop();
  const { data } = await read(client, "gate-0");
  const bare = secretPath("gate-0", "bare");
  const metadata = { name: "bare", namespace: "gate-0" };
  await client.json("POST", path, { apiVersion: "v1", kind: "Secret", metadata, data });
  const put: number[] = [];
  for (let i = 0; i < edits; i += 1) {
    const body = { apiVersion: "v1", kind: "Secret", metadata, data: { ...data, more: btoa(String(i)) } };
    const started = performance.now();
    await client.json("PUT", bare, body);
    put.push(performance.now() - started);
  }
  return { edit: quantile(edited, 0.5), put: quantile(put, 0.5) };
}

/** How many writes one disabled key causes. */
async function disableOne(site: Site, operator: OperatorProcess) {
  await operator.untilIdle();
  const before = await requestCounts(site);
  const lines = linesOf(await read(site.client, "gate-0"));
  await disable(site.client, 100);
  for (let i = 0; i < TARGETS; i += 1) {
    const isOut = async () => linesOf(await read(site.client, `gate-${i}`)) === lines - 1;
    await eventually(`gate-${i} is without it`, isOut, DEADLINE_MS);
  }
  await operator.untilIdle();
  const after = await requestCounts(site);
  return {
    secretWrites: after.secretWrites - before.secretWrites,
    statusWrites: after.statusWrites - before.statusWrites,
  };
}

/** In s. */
async function withdraw(site: Site, gates: readonly string[]): Promise<number> {
  const started = performance.now();
  await share(site, null);
  for (const namespace of gates) {
    const isEmpty = async () => linesOf(await read(site.client, namespace)) === 0;
    await eventually(`${namespace} is empty`, isEmpty, DEADLINE_MS);
  }
  return (performance.now() - started) / 1000;
}

async function memoryOf(operator: OperatorProcess): Promise<MemoryUsage> {
  await operator.untilAtRest();
  return await operator.memory();
}

async function disable(client: Client, key: number): Promise<void> {
  await client.json("PATCH", `${sshKeysPath(PEOPLE)}/key-${key}`, { spec: { disabled: true } });
}

async function read(client: Client, namespace: string): Promise<SecretObject> {
  const { status, text } = await client.request("GET", secretPath(namespace, "gate"));
  return status === 404 ? { metadata: NOWHERE } : (JSON.parse(text) as SecretObject);
}

const NOWHERE = { name: "", uid: "", resourceVersion: "" };

function linesOf({ data = {} }: SecretObject): number {
  const files = Object.values(data).map((file) => Buffer.from(file, "base64").toString());
  return files.reduce((sum, file) => sum + file.split("\n").length - 1, 0);
}
