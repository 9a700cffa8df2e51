import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatRFC3339 } from "../../src/api/time.ts";
import type { KeyPair } from "../sshd/keypair.ts";
import { kubectl, refreshPods, SSHKEYS, waitForState } from "./kubernetes.ts";
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
    await patch(namespace, name, { spec: { expiresAt: formatRFC3339(Date.now() + 2000) } });
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

/** The tests of one pod come one after the other. */
const IN_TURN = { concurrent: false };

describe.concurrent.each(LAYOUTS)("in a pod as $name", (layout) => {
  let pod: SSHDPod;
  let other: KeyPair;

  beforeAll(async () => {
    pod = pods.get(layout) as SSHDPod;
    other = await pod.keyPair("other");
    await pod.declare("other", other);
  });

  afterAll(async () => {
    const names = await kubectl(["get", SSHKEYS, "--namespace", pod.namespace, "-o=name"]);
    for (const name of names.split("\n")) {
      await kubectl(["patch", name, "--namespace", pod.namespace, "--type=merge", "--patch", UNFINALIZED]);
    }
  });

  test("a key logs in that is in its Secret", IN_TURN, async () => {
    await refreshPods(pod.namespace);
    await pod.untilAccepted(other);
  });

  test("a key is refused that no SSHKey has", IN_TURN, async () => {
    expect(await pod.login(await pod.keyPair("stranger"))).toMatchObject({ accepted: false });
  });

  test.each(Object.entries(REVOCATIONS))(
    "a key is refused whose SSHKey is %s",
    IN_TURN,
    async (way, revoke) => {
      const name = way.replaceAll(/[^a-z]+/g, "-");
      const key = await pod.admit(name);
      const state = await revoke(pod.namespace, name);
      if (state !== undefined) await waitForState(pod.namespace, name, state);
      await refreshPods(pod.namespace);
      await pod.untilRefused(key);
      expect(await pod.login(other)).toMatchObject({ accepted: true });
    },
  );
});

const UNFINALIZED = JSON.stringify({ metadata: { finalizers: null } });

async function patch(namespace: string, name: string, change: object): Promise<void> {
  const args = ["patch", SSHKEYS, name, "--namespace", namespace, "--type=merge"];
  await kubectl([...args, "--patch", JSON.stringify(change)]);
}
