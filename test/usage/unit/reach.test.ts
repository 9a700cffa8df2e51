import { describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_KIND, SHARE_KEYS_ANNOTATION } from "../../../src/api/names.ts";
import type { BodyReader, Call } from "../../../src/kube/transport.ts";
import { Reach } from "../../../src/usage/reach.ts";
import type { IndexedKey } from "../../../src/usage/sshkeyindex.ts";

const MINUTE = 60_000;
const { signal } = new AbortController();

const key: IndexedKey = {
  namespace: "people",
  name: "alice",
  uid: "uid",
  resourceVersion: "1",
  user: "alice",
  fingerprint: "SHA256:x",
  fingerprintMD5: "",
  reported: undefined,
};

/** Of a bastion that has so many AuthorizedKeys, of which the oldest takes alice's keys; it comes last in their list. */
function reaching(o: { count?: number; sharedWith?: string } = {}) {
  const { count = 1, sharedWith = "bastion" } = o;
  const objects = Array.from({ length: count }, (_, i) => ({
    kind: AUTHORIZED_KEYS_KIND,
    metadata: {
      namespace: "bastion",
      name: `a${i}`,
      uid: `uid-${i}`,
      resourceVersion: "1",
      creationTimestamp: new Date(Date.UTC(2026, 0, 1) - i * 1000).toISOString(),
    },
    spec: { from: [{ namespace: "people", users: [i === count - 1 ? "alice" : "bob"] }] },
  }));
  const calls: Call[] = [];
  let now = 0;
  const requests = {
    async request<T>(call: Call) {
      calls.push(call);
      return { metadata: { name: "people", annotations: { [SHARE_KEYS_ANNOTATION]: sharedWith } } } as T;
    },
    async read<T>(call: Call, reader: BodyReader<T>): Promise<T> {
      calls.push(call);
      const { limit, continue: from = "0" } = call.query ?? {};
      const end = Number(from) + Number(limit);
      const metadata = { resourceVersion: "1", ...(end < count ? { continue: `${end}` } : {}) };
      const items = objects.slice(Number(from), end);
      await reader.take(Buffer.from(JSON.stringify({ kind: "List", metadata, items })));
      return reader.end();
    },
  };
  const reach = new Reach({ requests, now: () => now, onForbidden: () => {} });
  return {
    covers: () => reach.covers("bastion", key, signal),
    wait: (ms: number) => {
      now += ms;
    },
    lists: () => calls.filter(({ path }) => path.endsWith("authorizedkeys")).length,
  };
}

describe("whose keys a log may speak of", () => {
  test("is told by the oldest AuthorizedKeys, also where it is the last of many", async () => {
    const { covers, lists } = reaching({ count: 1000 });
    expect([await covers(), lists()]).toEqual([true, 10]);
  });

  test("takes no look at AuthorizedKeys where the keys are not shared", async () => {
    const { covers, lists } = reaching({ sharedWith: "others" });
    expect([await covers(), lists()]).toEqual([false, 0]);
  });

  test("is asked once a minute", async () => {
    const { covers, wait, lists } = reaching();
    for (let second = 0; second < 60; second += 1) {
      await covers();
      wait(1000);
    }
    expect(lists()).toBe(1);
    await covers();
    expect(lists()).toBe(2);
  });

  test("is asked the more rarely the more AuthorizedKeys there are", async () => {
    const { covers, wait, lists } = reaching({ count: 1000 });
    for (let minute = 0; minute < 60; minute += 1) {
      await covers();
      wait(MINUTE);
    }
    expect(lists()).toBe(60);
  });
});
