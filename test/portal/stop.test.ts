import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { PEOPLE_CONFIG } from "./peopleportal.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

let cluster: Cluster;
let proxy: FaultProxy;
let portal: PortalProcess;
let slow: readonly Socket[];

beforeAll(async () => {
  cluster = await sharedCluster();
  const { namespace } = new Tenant(cluster, await cluster.namespace());
  proxy = await FaultProxy.start(cluster.controlPlane.kubeconfig);
  portal = await startPortal({ kubeconfig: proxy.kubeconfig, namespace, config: PEOPLE_CONFIG });
});

afterAll(async () => {
  for (const socket of slow ?? []) socket.destroy();
  portal?.child.kill("SIGKILL");
  await proxy?.stop();
  await cluster?.stop();
});

/** Sends this, and reads nothing. */
function slowClient(sent: string): Socket {
  const { hostname, port } = new URL(portal.url);
  const socket = connect(Number(port), hostname, () => socket.write(sent));
  return socket.on("error", () => {}).pause();
}

const HOST = "HTTP/1.1\r\nhost: keys.example.org\r\nx-forwarded-user: mallory\r\n";

/** How long the portal has from the signal until the kubelet kills it, but for the time in which it serves as before; in ms. */
function timeToStop(): number {
  const deployment = parse(readFileSync("deploy/portal/deployment.yaml", "utf8"));
  const { terminationGracePeriodSeconds, containers } = deployment.spec.template.spec;
  const [, delay] = /--shutdown-delay-duration=(\d+)s/.exec(containers[0].args.join(" ")) ?? [];
  return (terminationGracePeriodSeconds - Number(delay)) * 1000;
}

const isTaken = async () =>
  await fetch(`${portal.url}healthz`).then(
    () => true,
    () => false,
  );

describe("a stop that slow clients hold up, while a write and a hanging one are under way,", () => {
  let [took, code]: [number, number | null] = [Number.POSITIVE_INFINITY, null];
  let answers: readonly (number | undefined)[];

  beforeAll(async () => {
    const release = Promise.withResolvers<void>();
    const { origin } = new URL("https://keys.example.org");
    const write = async (user: string) => {
      const headers = { "x-forwarded-user": user, "content-type": "application/json", origin };
      const body = JSON.stringify({ name: "Laptop", key: freshKey() });
      const path = `${portal.url}api/users/${user}/ssh_keys`;
      const answer = await fetch(path, { method: "POST", headers, body }).catch(() => undefined);
      return answer?.status;
    };
    const isCreate = ({ verb, resource }: { readonly verb: string; readonly resource: string }) =>
      verb === "create" && resource === "sshkeys";
    const stalled = proxy.inject(isCreate, { kind: "stall", until: release.promise });
    const writes = [write("ann")];
    await eventually("the write is under way", () => stalled.hits === 1);
    const hanging = proxy.inject(isCreate, { kind: "hang", forwarded: false });
    writes.push(write("bob"));
    await eventually("the other hangs", () => hanging.hits === 1);
    slow = [
      slowClient(`POST /keys/new ${HOST}content-length: 1000\r\n\r\nkey=`),
      slowClient(`GET /keys ${HOST}`),
      slowClient(`GET /apidoc/v2.json ${HOST}\r\n`.repeat(500)),
    ];
    const signalled = performance.now();
    const ended = portal.stop();
    await eventually("nobody else comes in", async () => !(await isTaken()));
    release.resolve();
    code = await ended;
    took = performance.now() - signalled;
    answers = await Promise.all(writes);
  });

  test("answers the write", () => {
    expect(answers[0]).toBe(201);
  });

  test("says nothing of the one that hangs", () => {
    expect(answers[1]).toBeUndefined();
  });

  test("ends by itself", () => {
    expect(code).toBe(0);
  });

  test("ends before the kubelet would end it", () => {
    expect(took).toBeLessThan(timeToStop());
  });
});
