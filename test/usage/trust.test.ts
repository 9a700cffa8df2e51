import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { acceptedLine, Bastion, send, share, storedKey, today } from "./bastion.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await sharedCluster();
});

afterAll(async () => {
  await cluster.stop();
});

/** A bastion whose account may report the keys of this namespace, as far as RBAC goes. */
async function neighbours() {
  const bastion = await Bastion.open(cluster);
  const people = await cluster.namespace();
  await bastion.mayReport(people);
  const key = await storedKey(cluster, people, "alice", { user: "alice" });
  /** What whoever owns the bastion's pods writes into their logs is believed of the key: is it? */
  const isBelieved = async () => {
    const { code } = await bastion.usage([key.line()], ["--from", people]);
    expect(code).toBe(0);
    return (await key.lastUsed()) !== undefined;
  };
  return { bastion, people, key, isBelieved };
}

describe("of another namespace's keys a log is believed", () => {
  test("where that shares them, and an AuthorizedKeys takes them", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, bastion.namespace);
    await bastion.takes("all", [{ namespace: people, users: ["al*"] }]);
    expect(await isBelieved()).toBe(true);
  });

  test("where a selector finds the namespace, which shares them", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, "*");
    const labels = { "kubernetes.io/metadata.name": people };
    await bastion.takes("all", [{ namespaceSelector: { matchLabels: labels } }]);
    expect(await isBelieved()).toBe(true);
  });

  test("not where an AuthorizedKeys takes them that nobody shares", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await bastion.takes("all", [{ namespace: people }]);
    expect(await isBelieved()).toBe(false);
  });

  test("not where they are shared with others only", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, `${bastion.namespace}-2, other-*`);
    await bastion.takes("all", [{ namespace: people }]);
    expect(await isBelieved()).toBe(false);
  });

  test("not where they are shared and nobody takes them", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, bastion.namespace);
    await bastion.takes("others", [{ namespace: people, users: ["bob"] }, { users: ["*"] }]);
    expect(await isBelieved()).toBe(false);
  });

  test("not where a selector finds other namespaces only", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, "*");
    await bastion.takes("all", [{ namespaceSelector: { matchLabels: { team: "a" } } }]);
    expect(await isBelieved()).toBe(false);
  });

  test("where one takes them that is older than a hundred others, whatever its name", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, bastion.namespace);
    await bastion.takes("zz", [{ namespace: people }]);
    const second = Math.floor(Date.now() / 1000);
    await eventually("a second later", () => Math.floor(Date.now() / 1000) > second + 1);
    const names = Array.from({ length: 100 }, (_, i) => `a${i}`);
    await Promise.all(names.map((name) => bastion.takes(name, [{ users: ["bob"] }])));
    expect(await isBelieved()).toBe(true);
  });

  test("not where a hundred others are older, and get the Secrets", async () => {
    const { bastion, people, isBelieved } = await neighbours();
    await share(cluster, people, bastion.namespace);
    const names = Array.from({ length: 100 }, (_, i) => `z${i}`);
    await Promise.all(names.map((name) => bastion.takes(name, [{ users: ["bob"] }])));
    const second = Math.floor(Date.now() / 1000);
    await eventually("a second later", () => Math.floor(Date.now() / 1000) > second + 1);
    await bastion.takes("aa", [{ namespace: people }]);
    expect(await isBelieved()).toBe(false);
  });

  test("not without the rights to see who shares with whom, which is told", async () => {
    const bastion = await Bastion.open(cluster);
    const people = await cluster.namespace();
    await bastion.may(people, "report", [
      { apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys"], verbs: ["list", "watch"] },
      { apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys/status"], verbs: ["patch"] },
    ]);
    await share(cluster, people, bastion.namespace);
    await bastion.takes("all", [{ namespace: people }]);
    const key = await storedKey(cluster, people, "alice");
    const { stdout } = await bastion.usage([key.line()], ["--from", people]);
    expect([stdout.includes("LogUnreadable"), await key.lastUsed()]).toEqual([true, undefined]);
  });
});

test("a key that nobody may report is no reason not to report the others", async () => {
  const { bastion, people, key } = await neighbours();
  const own = await storedKey(cluster, bastion.namespace, "own");
  await bastion.usage([key.line(), own.line()], ["--from", people]);
  expect([await key.lastUsed(), (await own.lastUsed())?.time]).toEqual([undefined, today()]);
});

test("a key of one value in two namespaces was used where the log comes from", async () => {
  const { bastion, people, key } = await neighbours();
  const { spec } = await key.read();
  const own = await storedKey(cluster, bastion.namespace, "own", { key: spec.key });
  await bastion.usage([key.line()], ["--from", people]);
  expect([await key.lastUsed(), (await own.lastUsed())?.time]).toEqual([undefined, today()]);
});

test("an account without the rights in a namespace is told so, and ends", async () => {
  const bastion = await Bastion.open(cluster);
  const key = await storedKey(cluster, bastion.namespace, "own");
  const rules = [{ apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys"], verbs: ["list", "watch"] }];
  const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${bastion.namespace}/roles/report-${bastion.namespace}`;
  await send(cluster, "PATCH", role, { rules });
  const { stdout } = await bastion.usage([key.line()]);
  expect([stdout.includes("LastUseNotReported"), await key.lastUsed()]).toEqual([true, undefined]);
});

test("an account that may not list the SSHKeys ends with what to do, and reads nothing", async () => {
  const bastion = await Bastion.open(cluster);
  const elsewhere = await cluster.namespace();
  const { code, stderr } = await bastion.usage([], ["--from", elsewhere]);
  expect([code, stderr]).toEqual([3, expect.stringMatching(/403.*docs\/usage\.md/)]);
});

describe("a flood of fingerprints that nobody has", () => {
  test("holds up no login, and is told nowhere", async () => {
    const bastion = await Bastion.open(cluster);
    const key = await storedKey(cluster, bastion.namespace, "own");
    const flood = Array.from({ length: 100_000 }, (_, i) =>
      acceptedLine(`SHA256:${String(i).padStart(43, "a")}`),
    );
    const { code, stdout } = await bastion.usage([...flood, key.line()]);
    const written = stdout.split("\n").filter((line) => /LastUse|LogUnreadable/.test(line));
    expect([code, written.length, (await key.lastUsed())?.time]).toEqual([0, 1, today()]);
  });
});
