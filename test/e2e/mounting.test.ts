import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { applySSHKey, kubectl, refreshPods, SSHKEYS, waitForState } from "./kubernetes.ts";
import { LAYOUTS, type Layout, SSHDPod } from "./sshdpod.ts";

/** Ways to revoke a key, and the STATE that the SSHKey then has; of one that is gone none. */
const REVOCATIONS: Record<string, (namespace: string, name: string) => Promise<string | undefined>> = {
  async deleted(namespace, name) {
    await kubectl(["delete", SSHKEYS, name, "--namespace", namespace]);
    return undefined;
  },
  async disabled(namespace, name) {
    await patch(namespace, name, { spec: { disabled: true } });
    return "Disabled";
  },
  async expired(namespace, name) {
    await patch(namespace, name, { spec: { expiresAt: inSeconds(2) } });
    return "Expired";
  },
  async "deleted, and kept by a finalizer"(namespace, name) {
    await patch(namespace, name, { metadata: { finalizers: ["example.com/kept"] } });
    await kubectl(["delete", SSHKEYS, name, "--namespace", namespace, "--wait=false"]);
    return "Terminating";
  },
};

const pods = new Map<Layout, SSHDPod>();

beforeAll(async () => {
  const start = async (layout: Layout) => pods.set(layout, await SSHDPod.start(`e2e-${layout.name}`, layout));
  await Promise.all(LAYOUTS.map(start));
});

afterAll(async () => {
  await Promise.all([...pods.values()].map((pod) => pod.stop()));
});

describe.each(LAYOUTS)("in a pod as $name", (layout) => {
  let pod: SSHDPod;
  let other: KeyPair;

  beforeAll(async () => {
    pod = pods.get(layout) as SSHDPod;
    other = await pod.keyPair("other");
    await declare("other", other);
  });

  afterAll(async () => {
    const names = await kubectl(["get", SSHKEYS, "--namespace", pod.namespace, "-o=name"]);
    for (const name of names.split("\n")) {
      await kubectl(["patch", name, "--namespace", pod.namespace, "--type=merge", "--patch", UNFINALIZED]);
    }
  });

  test("a key logs in that is in its Secret", async () => {
    await refreshPods(pod.namespace);
    await isAccepted(other);
  });

  test("a key is refused that no SSHKey has", async () => {
    expect(await pod.login(await pod.keyPair("stranger"))).toMatchObject({ accepted: false });
  });

  test.concurrent.each(Object.entries(REVOCATIONS))(
    "a key is refused whose SSHKey is %s",
    async (way, revoke) => {
      const name = way.replaceAll(/[^a-z]+/g, "-");
      const key = await pod.keyPair(name);
      await declare(name, key);
      await refreshPods(pod.namespace);
      await isAccepted(key);
      const state = await revoke(pod.namespace, name);
      if (state !== undefined) await waitForState(pod.namespace, name, state);
      await refreshPods(pod.namespace);
      await eventually("the key is refused", async () => !(await pod.login(key)).accepted);
      expect(await pod.login(other)).toMatchObject({ accepted: true });
    },
  );

  async function declare(name: string, key: KeyPair): Promise<void> {
    await applySSHKey(pod.namespace, name, { user: "alice", key: key.publicKey });
    await waitForState(pod.namespace, name, "Projected");
  }

  async function isAccepted(key: KeyPair): Promise<void> {
    await eventually("the key logs in", async () => (await pod.login(key)).accepted);
  }
});

const UNFINALIZED = JSON.stringify({ metadata: { finalizers: null } });

async function patch(namespace: string, name: string, change: object): Promise<void> {
  const args = ["patch", SSHKEYS, name, "--namespace", namespace, "--type=merge"];
  await kubectl([...args, "--patch", JSON.stringify(change)]);
}

function inSeconds(seconds: number): string {
  return `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;
}
