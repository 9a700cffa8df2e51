import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Replica, Replicas } from "../availability/replicas.ts";
import { eventually } from "../cluster/eventually.ts";
import { History } from "../cluster/history.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";

/** What a request may take, in ms: a process that is told to stop waits for none. */
const REQUEST_MS = 30_000;
/** More users than are worked on at once. */
const USERS = 48;
/** Of 16 Secrets that are worked on at once (`concurrency`), what one namespace gets. */
const WORKERS = 8;

let replicas: Replicas;
let tenant: Tenant;
let history: History;
let made = 0;

beforeAll(async () => {
  replicas = await Replicas.open();
  tenant = await replicas.tenant();
  history = await History.start(replicas.cluster.controlPlane.kubeconfig);
  await replicas.start("leader");
  await replicas.leader();
});

afterEach(() => {
  replicas.cluster.controlPlane.apiserver.kill("SIGCONT");
});

afterAll(async () => {
  await history?.stop();
  await replicas?.close();
});

test("a standby that cannot read the Lease ends in time", async () => {
  const standby = await replicas.start("standby", [
    "--leader-elect-renew-deadline=2s",
    "--leader-elect-retry-period=500ms",
  ]);
  hang();
  await standby.process.logged("LeaseFailed");
  expect(await end(standby)).toEqual({ code: 0, isInTime: true });
});

test("a leader whose every write hangs ends in time", async () => {
  const leader = await replicas.leader();
  await hangInTheMiddleOfWork(leader);
  expect(await end(leader)).toEqual({ code: 0, isInTime: true });
});

test("one without a lease whose every write hangs ends in time", async () => {
  const alone = await replicas.start("alone", ["--leader-elect=false"]);
  await hangInTheMiddleOfWork(alone);
  expect(await end(alone)).toEqual({ code: 0, isInTime: true });
});

/** The API server takes connections and requests from here on, and never answers. */
function hang(): void {
  replicas.cluster.controlPlane.apiserver.kill("SIGSTOP");
}

async function hangInTheMiddleOfWork(replica: Replica): Promise<void> {
  const names = Array.from({ length: USERS }, (_, i) => `user-${made + i}`);
  made += USERS;
  // Its watch is open: what comes now is in the socket when the API server stands still.
  await tenant.create(`first-${made}`, { user: `first-${made}`, key: freshKey() });
  await tenant.until(`first-${made}`, "Projected");
  // Paused, so that all of it is still to be done when it goes on.
  replica.process.child.kill("SIGSTOP");
  await Promise.all(names.map((name) => tenant.create(name, { user: name, key: freshKey() })));
  // A create is answered before watches tell of it: what another watch has told lies in the operator's socket too.
  await eventually("a watch tells of all of them", () => {
    const told = new Set(history.versions.map(({ object }) => object.metadata.name));
    return names.every((name) => told.has(name));
  });
  hang();
  replica.process.child.kill("SIGCONT");
  await eventually("every worker that the namespace gets waits for the API server", async () => {
    const scraped = await replica.scrape();
    const active = scraped.value("controller_runtime_active_workers", { controller: "secret" });
    if (active === WORKERS) return true;
    throw new Error(`${active} of ${WORKERS} do`);
  });
}

async function end(replica: Replica): Promise<{ code: number | null; isInTime: boolean }> {
  const started = performance.now();
  const code = await replicas.stop(replica);
  return { code, isInTime: performance.now() - started < REQUEST_MS };
}
