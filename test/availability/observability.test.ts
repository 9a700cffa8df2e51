import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { type OperatorProcess, spawnOperator } from "../cluster/operatorprocess.ts";
import { type Installation, startInstallation } from "../deploy/installation.ts";
import { freshDSSKey, freshKey, freshRSAKey } from "../operator/publickeys.ts";
import { DEADLINE_MS, stateOf, Tenant } from "../operator/tenant.ts";
import { type Scrape, scrape } from "./exposition.ts";

const USERS = 50;
const BAD_KEYS = 1000;
/** Events at once for one namespace, and then one more each 5 s. */
const BURST = 25;
const REFILL_MS = 5000;

let installation: Installation;
let operator: OperatorProcess;
let before: readonly number[];
let afterwards: Scrape;

/** The operator starts where there is no CRD yet; then the CRD comes, and then keys. */
beforeAll(async () => {
  installation = await startInstallation();
  await start();
  await operator.logged("WatchRestarted", ({ reason }) => reason === "notfound");
  before = [await probe("/healthz"), await probe("/readyz")];
  await installation.kubectl(["apply", "-f", "crds/sshkeys.yaml"]);
  await operator.logged("StartedLeading");
});

afterAll(async () => {
  await operator?.kill();
  await installation?.stop();
});

describe("probes", () => {
  test("say healthy and not ready while the CRD is missing", () => {
    expect(before).toEqual([200, 503]);
  });

  test("say healthy and ready when every list is complete", async () => {
    expect([await probe("/healthz"), await probe("/readyz")]).toEqual([200, 200]);
  });

  test.each(["/", "/metrics", "/healthz/"])("know no %s", async (path) => {
    expect(await probe(path)).toBe(404);
  });

  test("are read and nothing else", async () => {
    const url = `http://${(await addresses())[0]}/healthz`;
    expect((await fetch(url, { method: "POST" })).status).toBe(404);
  });
});

describe("metrics", () => {
  let tenant: Tenant;
  const fingerprints: string[] = [];

  beforeAll(async () => {
    tenant = await newTenant("scraped");
    await Promise.all(Array.from({ length: USERS }, (_, i) => create(i)));
    await tenant.create("weak", { user: "weak", key: freshDSSKey() });
    await tenant.create("rsa", { user: "rsa", key: freshRSAKey(3072) });
    await tenant.create("expiring", { user: "expiring", key: freshKey(), expiresAt: "2040-01-01T00:00:00Z" });
    for (let i = 0; i < USERS; i += 1) {
      fingerprints.push((await tenant.until(`scraped-key-${i}`, "Projected")).fingerprint ?? "");
    }
    await tenant.until("weak", "Weak");
    await tenant.until("rsa", "Projected");
    await tenant.until("expiring", "Projected");
    afterwards = await scrapeNow();
  });

  const create = (i: number) =>
    tenant.create(`scraped-key-${i}`, {
      user: `scraped-user-${i}`,
      key: `${freshKey()} scraped-comment-${i}`,
      title: `scraped-title-${i}`,
    });

  test("are Prometheus' text format, each with a help and a type", () => {
    expect(afterwards.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    const undescribed = [...afterwards.families].filter(([, { help, type }]) => !help || !type);
    expect(undescribed).toEqual([]);
  });

  test.each([
    ["controller_runtime_reconcile_total", { controller: "secret", result: "success" }],
    ["controller_runtime_reconcile_total", { controller: "status", result: "success" }],
    ["controller_runtime_reconcile_time_seconds", { controller: "secret" }],
    ["controller_runtime_max_concurrent_reconciles", { controller: "blocked" }],
    ["workqueue_adds_total", { name: "secret", controller: "secret" }],
    ["workqueue_adds_total", { name: "status", controller: "status" }],
    ["workqueue_queue_duration_seconds", { name: "status", controller: "status" }],
    ["workqueue_work_duration_seconds", { name: "status", controller: "status" }],
    ["leader_election_master_status", { name: "sshkey-operator" }],
    ["rest_client_requests_total", { method: "POST", code: "201" }],
    ["process_cpu_seconds_total", {}],
    ["sshkey_operator_projection_duration_seconds", {}],
    ["sshkey_operator_state_changes_total", { state: "Projected" }],
    ["sshkey_operator_watch_restarts_total", { resource: "sshkeys", reason: "notfound" }],
  ])("%s counts under controller-runtime's labels or the domain's own: %j", (name, labels) => {
    expect(afterwards.value(name, labels)).toBeGreaterThan(0);
  });

  test("say that nothing is left to do, and when the next key expires", () => {
    const names = [
      "workqueue_depth",
      "controller_runtime_active_workers",
      "sshkey_operator_next_expiry_timestamp_seconds",
    ];
    expect(names.map((name) => afterwards.value(name))).toEqual([
      0,
      0,
      Date.parse("2040-01-01T00:00:00Z") / 1000,
    ]);
  });

  test("hold no namespace, user, name, title, comment, fingerprint or Secret", () => {
    const words = ["scraped", "sshkeys-", "SHA256", "AAAA", ...fingerprints];
    expect(words.filter((word) => afterwards.text.includes(word))).toEqual([]);
  });

  test("have no more series for twice as many users", async () => {
    const known = seriesOf(afterwards);
    await Promise.all(Array.from({ length: USERS }, (_, i) => create(USERS + i)));
    for (let i = USERS; i < 2 * USERS; i += 1) await tenant.until(`scraped-key-${i}`, "Projected");
    expect([...seriesOf(await scrapeNow())].filter((series) => !known.has(series))).toEqual([]);
  });

  test("count the keys by state and type as kubectl does, and the Secrets", async () => {
    const agree = async () => {
      const { samples, value } = await scrapeNow();
      const counted = samples("sshkey_operator_sshkeys").map(
        ({ labels, value }) => `${labels.state} ${labels.type}: ${value}`,
      );
      expect(counted.sort()).toEqual(await keysByKubectl());
      expect(value("sshkey_operator_secrets")).toBe((await tenant.secrets()).length);
      return true;
    };
    expect(await eventually("metrics and kubectl agree", agree)).toBe(true);
  });
});

describe("Events", () => {
  test("are one for each change of STATE", async () => {
    const tenant = await newTenant("events");
    await tenant.create("key", { user: "alice", key: freshKey() });
    await tenant.until("key", "Projected");
    await tenant.edit("key", { disabled: true });
    await tenant.until("key", "Disabled");
    await tenant.edit("key", { disabled: false, title: "again" });
    await tenant.until("key", "Projected");
    await tenant.edit("key", { title: "no change of STATE" });
    await tenant.until("key", "Projected", ({ observedGeneration }) => observedGeneration === 4);
    await eventually("all are written", async () => (await eventsIn("events")).length >= 3, DEADLINE_MS);
    expect((await eventsIn("events")).sort()).toEqual(["Disabled", "Projected", "Projected"]);
  });

  test("are found by who reports them", async () => {
    const selector = "reportingComponent=sshkey-operator.dev/operator";
    const found = await installation.kubectl([
      "get",
      "events",
      "-n",
      "events",
      "--field-selector",
      selector,
      "-o",
      "name",
    ]);
    expect(found.split("\n").length).toBe((await eventsIn("events")).length);
  });

  test("are no flood for 1,000 bad keys in one namespace, and what is left out is counted", async () => {
    const dropped = async () => (await scrapeNow()).value("sshkey_operator_events_dropped_total");
    const tenant = await newTenant("flooded");
    const [droppedBefore, startedAt] = [await dropped(), Date.now()];
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA";
    await Promise.all(
      Array.from({ length: BAD_KEYS }, (_, i) => tenant.create(`bad-${i}`, { user: `bad-${i}`, key })),
    );
    const areAccounted = async () =>
      (await eventsIn("flooded")).length + (await dropped()) - droppedBefore === BAD_KEYS;
    await eventually("each has its Event or is counted", areAccounted, 2 * DEADLINE_MS);
    const most = BURST + Math.ceil((Date.now() - startedAt) / REFILL_MS);
    const written = (await eventsIn("flooded")).length;
    expect([written >= BURST, written <= most]).toEqual([true, true]);
  });

  test("are not repeated after a restart", async () => {
    const earlier = (await everyEvent()).length;
    await operator.stop();
    await start();
    await operator.logged("StartedLeading");
    const tenant = await newTenant("restarted");
    await tenant.create("marker", { user: "marker", key: freshKey() });
    await eventually(
      "the marker has its Event",
      async () => (await eventsIn("restarted")).length > 0,
      DEADLINE_MS,
    );
    expect((await everyEvent()).length).toBe(earlier + 1);
  });
});

async function start(): Promise<void> {
  operator = await spawnOperator({ kubeconfig: installation.controlPlane.kubeconfig });
  await operator.logged("Started");
}

/** A namespace of this name. */
async function newTenant(namespace: string): Promise<Tenant> {
  await installation.kubectl(["create", "namespace", namespace]);
  return new Tenant({ request: installation.request } as Cluster, namespace);
}

async function addresses(): Promise<readonly string[]> {
  return (await operator.logged("Started")).addresses as readonly string[];
}

async function probe(path: string): Promise<number> {
  return (await fetch(`http://${(await addresses())[0]}${path}`)).status;
}

async function scrapeNow(): Promise<Scrape> {
  return await scrape(`${(await addresses())[1]}`);
}

/** The series of the loop, not those about Node or about answers of the API server. */
function seriesOf({ families }: Scrape): ReadonlySet<string> {
  const ours = [...families].filter(([name]) =>
    /^(sshkey_operator|workqueue|controller_runtime)_/.test(name),
  );
  return new Set(
    ours.flatMap(([, { samples }]) => samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)),
  );
}

async function keysByKubectl(): Promise<string[]> {
  const { items } = JSON.parse(await installation.kubectl(["get", "sshkeys", "-A", "-o", "json"])) as {
    items: SSHKey[];
  };
  const counts = Map.groupBy(items, ({ status }) => `${stateOf(status)} ${status?.type ?? ""}`);
  return [...counts].map(([labels, keys]) => `${labels}: ${keys.length}`).sort();
}

async function everyEvent(): Promise<readonly { reason: string }[]> {
  return (await installation.read<{ items: { reason: string }[] }>("/apis/events.k8s.io/v1/events")).items;
}

async function eventsIn(namespace: string): Promise<string[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  return (await installation.read<{ items: { reason: string }[] }>(path)).items.map(({ reason }) => reason);
}
