import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../src/api/paths.ts";
import { STATES } from "../../src/api/states.ts";
import { eventually } from "../cluster/eventually.ts";
import type { LogLine } from "../cluster/operatorprocess.ts";
import { altered, freshDSSKey, freshKey } from "../operator/publickeys.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../operator/tenant.ts";
import { makeKey, makeProof, publicKeyLine } from "../ssh/signer.ts";
import { type Replica, Replicas, SHORT_LEASE } from "./replicas.ts";

const PEM =
  "-----BEGIN PUBLIC KEY----- MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE= -----END PUBLIC KEY-----";
/** The same key as an OpenSSH line, which a message may offer. */
const CONVERTED = "AAAAC3NzaC1lZDI1NTE5AAAAIBm/RAlphM3+hUG6wWfcO5bIUIaqMLa2ywxcOK1wMWbh";

/** STATES that would take another setting, a thousand keys, a list of revoked keys, a broken one, or an API server that is slow. */
const NOT_HERE: ReadonlySet<string> = new Set([
  "Accepted",
  "SecretFull",
  "Revoked",
  "Compromised",
  "Pending",
]);
const KEYS = 10;

let folder: string;
let replicas: Replicas;
let both: readonly Replica[];
let tenant: Tenant;
let log: string;
/** Base64 of every key that was given to the operator. */
const keys: string[] = [];

/** A whole life at the most talkative level: every STATE, an API server that dies and comes back, a hand-over. */
beforeAll(async () => {
  replicas = await Replicas.open();
  tenant = await replicas.tenant();
  folder = await mkdtemp(join(tmpdir(), "sshkey-operator-log-"));
  const config = join(folder, "config.yaml");
  await writeFile(config, "policy: { requireUserVerification: true }\n");
  const args = [...SHORT_LEASE, "--log-level=trace", `--config=${config}`];
  both = await Promise.all(["a", "b"].map((name) => replicas.start(name, args)));
  await oneOfEach();
  await replicas.cluster.controlPlane.stopApiServer("SIGKILL");
  // Whichever led, only that one logs it.
  const lost = both.map(({ process }) => process.logged("LeadershipLost"));
  await Promise.any(lost);
  await replicas.cluster.controlPlane.startApiServer();
  await replicas.leader();
  await tenant.edit("disabled", { disabled: false });
  await tenant.until("disabled", "Projected");
  const isLast = ({ name, state }: LogLine) => name === "disabled" && state === "Projected";
  // A status is logged a moment after it is written.
  await Promise.any(both.map(({ process }) => process.logged("StateChanged", isLast)));
  log = both.map(({ process }) => process.child.output()).join("");
});

afterAll(async () => {
  await replicas?.close();
  await rm(folder, { recursive: true });
});

describe("the log at its most talkative", () => {
  test("has seen it all: the lead lost and found, watches and the lease failing, every STATE", () => {
    const events = new Set(lines().map(({ event }) => event));
    const states = new Set(lines().map(({ state }) => state));
    const awaited = ["Started", "Synced", "NewLeader", "StartedLeading", "LeadershipLost", "LeaseFailed"];
    expect([...awaited, "WatchRestarted", "StateChanged"].filter((event) => !events.has(event))).toEqual([]);
    expect(Object.keys(STATES).filter((state) => !NOT_HERE.has(state) && !states.has(state))).toEqual([]);
  });

  test("is one JSON object a line with time, level, event and message", () => {
    const isWhole = (line: object) => ["time", "level", "event", "msg"].every((field) => field in line);
    expect(lines().filter((line) => !isWhole(line))).toEqual([]);
  });

  test("holds no key", () => {
    // What follows the type, which every key of the type begins with.
    const parts = keys.map((base64) => base64.slice(24, 60)).filter((part) => part !== "");
    expect(parts.filter((part) => log.includes(part))).toEqual([]);
    expect(log).not.toMatch(/AAAA[A-Za-z0-9+/]{8}|BEGIN|MCowBQYDK2Vw/);
  });

  test("holds no proof", () => {
    expect(log).not.toContain(Buffer.from("SSHSIG").toString("base64"));
  });

  test("holds no token and no header of a request", () => {
    const tokens = both.flatMap(({ token }) => token.split("."));
    expect(tokens.filter((part) => log.includes(part))).toEqual([]);
    expect(log).not.toMatch(/authorization|bearer|user-agent/i);
  });

  test("holds no body of a request or an answer", () => {
    expect(log).not.toMatch(
      /apiVersion|metadata|authorized_keys|stringData|lastTransitionTime|holderIdentity/,
    );
  });

  test("holds no title and no comment", () => {
    expect(log).not.toMatch(/title-of|comment-of/);
  });

  test("says of every key the word that its status says", async () => {
    const said = lines()
      .filter(({ event }) => event === "StateChanged")
      .sort((a, b) => (String(a.time) < String(b.time) ? -1 : 1));
    const words = (await tenant.list()).map(({ metadata, status }) => {
      const last = said.findLast(({ name }) => name === metadata?.name);
      return [metadata?.name, last?.state, stateOf(status)];
    });
    expect(words.filter(([, logged, written]) => logged !== written)).toEqual([]);
    expect(words.length).toBe(KEYS);
  });
});

function lines(): readonly LogLine[] {
  return log
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function oneOfEach(): Promise<void> {
  const create = async (name: string, key: string, more: object = {}) => {
    keys.push(key.split(" ")[1] ?? "");
    const spec = { user: name, key: `${key} comment-of-${name}`, title: `title-of-${name}`, ...more };
    await tenant.create(name, spec);
  };
  const shared = freshKey();
  await create("projected", shared);
  await tenant.until("projected", "Projected");
  await create("duplicate", shared);
  await create("weak", freshDSSKey());
  await create("expired", freshKey(), { expiresAt: "2020-01-01T00:00:00Z" });
  await create("disabled", freshKey(), { disabled: true });
  await create(
    "invalid",
    altered(freshKey(), (blob) => blob.subarray(0, 40)),
  );
  const touched = makeKey("sk-ssh-ed25519@openssh.com");
  await create("unproven", publicKeyLine(touched), { proof: makeProof(touched, "unproven") });
  await create("converted", `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ${PEM}`);
  await tenant.buildCreate("sshkeys-conflict", {});
  await create("conflict", freshKey());
  keys.push(CONVERTED);
  await create("terminating", freshKey());
  const path = `${sshKeysPath(tenant.namespace)}/terminating`;
  await tenant.send("PATCH", path, { metadata: { finalizers: ["test.example/kept"] } });
  await tenant.remove("terminating");
  await tenant.until("terminating", "Terminating");
  await eventually(
    "every key has its STATE",
    async () => (await tenant.list()).filter(({ status }) => stateOf(status) !== "").length === KEYS,
    DEADLINE_MS,
  );
}
