import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { podPath } from "../../src/api/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { acceptedLine, Bastion, type RunningUsage, send, storedKey, today } from "./bastion.ts";
import { Kubelet } from "./kubelet.ts";

let cluster: Cluster;
let kubelet: Kubelet;
let bastion: Bastion;
let usage: RunningUsage;
/** Of another tenant, whose keys the same account may report. */
let tenant: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  kubelet = await Kubelet.start(cluster);
  bastion = await Bastion.open(cluster);
  tenant = await cluster.namespace();
  await bastion.mayReport(tenant);
  for (const namespace of [bastion.namespace, tenant]) await bastion.mayReadLogs(namespace);
  await kubelet.pod(bastion.namespace, "before");
  usage = await bastion.start(["--namespace", tenant, "--pods", "--selector", "app=bastion"]);
});

afterAll(async () => {
  await usage.stop();
  await kubelet.stop();
  await cluster.stop();
});

const newKey = (name: string) => storedKey(cluster, bastion.namespace, name);

describe("the logs of pods", () => {
  test("say which keys were used, and by which pod", async () => {
    const key = await newKey("used");
    await kubelet.logUntilReported(key, "before");
    expect(await key.lastUsed()).toEqual({
      time: today(),
      source: `pod/${bastion.namespace}/before`,
      fingerprint: key.fingerprint,
    });
  });

  test("are read of pods that come later, from their beginning", async () => {
    const key = await newKey("later");
    kubelet.log(bastion.namespace, "later", key.line());
    await kubelet.pod(bastion.namespace, "later");
    await eventually("it is reported", async () => (await key.lastUsed()) !== undefined);
  });

  test("are read on when the connection breaks", async () => {
    const key = await newKey("broken");
    kubelet.breakAll();
    await kubelet.logUntilReported(key, "before");
  });

  test("are dated by the container runtime, whatever the line says", async () => {
    const key = await newKey("dated");
    await kubelet.logUntilReported(key, "before", key.line("2026-01-05T00:00:00Z"));
    expect((await key.lastUsed())?.time).toBe(today());
  });

  test.each([
    [
      "of a journal",
      (MESSAGE: string, day: Date) => ({ MESSAGE, __REALTIME_TIMESTAMP: `${day.getTime()}000` }),
    ],
    ["of Docker", (log: string, day: Date) => ({ log, time: day.toISOString() })],
  ])("are dated by it also where the line looks like one %s", async (name, entry) => {
    const key = await newKey(`dated-${name.replaceAll(" ", "-").toLowerCase()}`);
    const message = acceptedLine(key.fingerprint).replace(/^.* sshd/, "sshd");
    const forged = entry(message, new Date("2026-01-05T00:00:00Z"));
    await kubelet.logUntilReported(key, "before", JSON.stringify(forged));
    expect((await key.lastUsed())?.time).toBe(today());
  });

  test("are not read of pods without the label", async () => {
    await kubelet.pod(bastion.namespace, "unlabelled", { app: "other" });
    await kubelet.pod(bastion.namespace, "labelled");
    await eventually("the other is read", () => kubelet.readers(bastion.namespace, "labelled") > 0);
    expect(kubelet.readers(bastion.namespace, "unlabelled")).toBe(0);
  });

  test("are read no more once the pod is gone", async () => {
    await kubelet.pod(bastion.namespace, "leaving");
    await eventually("it is read", () => kubelet.readers(bastion.namespace, "leaving") > 0);
    await send(cluster, "DELETE", `${podPath(bastion.namespace, "leaving")}?gracePeriodSeconds=0`);
    await eventually("it is not read", () => kubelet.readers(bastion.namespace, "leaving") === 0);
  });
});

describe("a tenant who writes logins into the log of his own pod", () => {
  test("makes nobody's key used but his own namespace's", async () => {
    const others = await newKey("others");
    const own = await storedKey(cluster, tenant, "own");
    await kubelet.pod(tenant, "forger");
    kubelet.log(tenant, "forger", others.line());
    await kubelet.logUntilReported(own, "forger");
    expect(await others.lastUsed()).toBeUndefined();
  });
});
