import { describe, expect, onTestFinished, test } from "vitest";
import { ApiError } from "../../../src/kube/apierror.ts";
import type { Call } from "../../../src/kube/transport.ts";
import { UsageReporter } from "../../../src/usage/reporter.ts";
import { type IndexedKey, SSHKeyIndex } from "../../../src/usage/sshkeyindex.ts";

const NOW = Date.parse("2027-01-31T12:00:00Z");
const SOURCE = { namespace: "bastion", name: "node-1" };

const fingerprintOf = (n: number) => `SHA256:${String(n).padStart(43, "a")}`;
const line = (n: number, time = "2027-01-31T11:00:00Z") =>
  `${time} h sshd[1]: Accepted publickey for a from 192.0.2.7 port 1 ssh2: ED25519 ${fingerprintOf(n)}`;

const indexedKey = (n: number, o: Partial<IndexedKey> = {}): IndexedKey => ({
  namespace: "bastion",
  name: `key-${n}`,
  uid: `uid-${n}`,
  resourceVersion: "1",
  user: "alice",
  fingerprint: fingerprintOf(n),
  fingerprintMD5: "",
  reported: undefined,
  ...o,
});

/** A reporter that runs, and what it asks of the API server, which answers as it is told. */
function reporting(o: { answer?: (call: Call) => unknown; covers?: boolean; count?: number } = {}) {
  const { covers = true, count = 1, answer = () => ({ metadata: { resourceVersion: "2" } }) } = o;
  const keys = new SSHKeyIndex();
  for (let n = 0; n < count; n += 1) keys.put(indexedKey(n));
  const calls: Call[] = [];
  const asked: string[] = [];
  const requests = {
    async request<T>(call: Call) {
      calls.push(call);
      return answer(call) as T;
    },
  };
  const reach = {
    covers: async (_: string, key: IndexedKey) => {
      asked.push(key.name);
      return covers;
    },
  };
  const lines: unknown[] = [];
  const counted: string[] = [];
  const metrics = {
    lineRead: () => counted.push("line"),
    loginRead: (isKnown: boolean) => counted.push(isKnown ? "known" : "unknown"),
    reported: (result: string) => counted.push(result),
  };
  const tell = (event: string) => void lines.push(event);
  const reporter = new UsageReporter({ keys, reach, requests, tell, metrics, now: () => NOW });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void reporter.run(stop.signal);
  return { reporter, keys, calls, asked, lines, counted };
}

const failure = (code: "Conflict" | "Forbidden" | "NotFound" | "InternalError", said = "") =>
  new ApiError({ code, message: `PATCH: ${code}`, said });
const NO_RIGHT = 'User "system:serviceaccount:bastion:sshkey-usage" cannot patch resource "sshkeys/status"';

describe("the reporter", () => {
  test("asks nothing and keeps nothing for fingerprints that nobody has", async () => {
    const { reporter, calls, asked } = reporting();
    for (let n = 1; n < 100_000; n += 1) reporter.read(line(n), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect([calls, asked]).toEqual([[], []]);
  });

  test("writes once what is logged many times before the first write", async () => {
    const { reporter, calls } = reporting();
    for (let n = 0; n < 1000; n += 1) reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    for (let n = 0; n < 1000; n += 1) reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect(calls.length).toBe(1);
  });

  test("writes by server-side apply, on the version that it has looked at, and nothing but the field", async () => {
    const { reporter, calls } = reporting();
    reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect(calls[0]).toMatchObject({
      method: "PATCH",
      path: "/apis/sshkey-operator.dev/v1alpha1/namespaces/bastion/sshkeys/key-0/status",
      query: { fieldManager: "sshkey-usage", force: "true" },
      contentType: "application/apply-patch+yaml",
      body: {
        metadata: { resourceVersion: "1" },
        status: {
          lastUsed: { time: "2027-01-31T00:00:00Z", source: "node-1", fingerprint: fingerprintOf(0) },
        },
      },
    });
  });

  test.each<[string, IndexedKey | undefined]>([
    ["is gone", undefined],
    ["has become another one of its name", indexedKey(1, { name: "key-0", resourceVersion: "3" })],
  ])("keeps nothing of an SSHKey that %s when the write is answered", async (_, now) => {
    const { reporter, keys } = reporting({
      answer: () => {
        keys.remove(indexedKey(0));
        if (now !== undefined) keys.put(now);
        return { metadata: { resourceVersion: "2" } };
      },
    });
    reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect(keys.get("bastion/key-0")).toEqual(now);
  });

  test("looks again when another write came before, and gives way to a later day", async () => {
    let count = 0;
    const { reporter, keys, calls } = reporting({
      answer: () => {
        count += 1;
        keys.put(indexedKey(0, { resourceVersion: "5", reported: Date.parse("2027-01-31T00:00:00Z") }));
        throw failure("Conflict");
      },
    });
    reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect([count, calls.length]).toEqual([1, 1]);
  });

  test("writes on the newer version when another write came before that says nothing of it", async () => {
    const { reporter, keys, calls } = reporting({
      answer: () => {
        if (calls.length > 1) return { metadata: { resourceVersion: "6" } };
        keys.put(indexedKey(0, { resourceVersion: "5" }));
        throw failure("Conflict");
      },
    });
    reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect(calls.map(({ body }) => (body as { metadata: object }).metadata)).toMatchObject([
      { resourceVersion: "1" },
      { resourceVersion: "5" },
    ]);
  });

  test("forgets a key that is gone", async () => {
    const { reporter, calls } = reporting({
      answer: () => {
        throw failure("NotFound");
      },
    });
    reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect(calls.length).toBe(1);
  });

  test("tries a namespace in which it may not write once a minute, and says so once", async () => {
    const { reporter, calls, lines } = reporting({
      count: 100,
      answer: () => {
        throw failure("Forbidden", NO_RIGHT);
      },
    });
    for (let n = 0; n < 100; n += 1) {
      reporter.read(line(n), SOURCE, { undatedAt: NOW });
      await reporter.drained();
    }
    expect([calls.length, lines.length]).toEqual([1, 1]);
  });

  test("tries the other keys of a namespace where a policy refuses some, and says so once", async () => {
    const { reporter, calls, lines } = reporting({
      count: 40,
      answer: () => {
        throw failure("Forbidden", "ValidatingAdmissionPolicy 'p' denied request");
      },
    });
    for (const n of [...Array(40).keys(), ...Array(40).keys()]) {
      reporter.read(line(n), SOURCE, { undatedAt: NOW });
      await reporter.drained();
    }
    expect([calls.length, lines.length]).toEqual([40, 1]);
  });

  test("tries again after a failure of the API server", async () => {
    const { reporter, calls } = reporting({
      answer: () => {
        if (calls.length < 3) throw failure("InternalError");
        return { metadata: { resourceVersion: "2" } };
      },
    });
    reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect(calls.length).toBe(3);
  });

  test("asks once a minute about a key of which this log may say nothing, however often that says it", async () => {
    const { reporter, calls, asked } = reporting({ covers: false });
    for (let n = 0; n < 1000; n += 1) {
      reporter.read(line(0), SOURCE, { undatedAt: NOW });
      await reporter.drained();
    }
    expect([calls.length, asked.length]).toEqual([0, 1]);
  });

  test("looks up a key that thousands have once a minute, and counts each login", async () => {
    const { reporter, keys, asked, counted } = reporting({ covers: false, count: 0 });
    for (let n = 0; n < 3000; n += 1) keys.put(indexedKey(n, { fingerprint: fingerprintOf(0) }));
    let found = 0;
    const find = keys.find.bind(keys);
    keys.find = (fingerprint) => {
      found += 1;
      return find(fingerprint);
    };
    for (let n = 0; n < 1000; n += 1) reporter.read(line(0), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect([found, asked.length, counted.filter((each) => each === "known").length]).toEqual([1, 3000, 1000]);
  });

  test("writes a burst of 50 at once, and then 10 a second", async () => {
    const { reporter, calls } = reporting({ count: 60 });
    const from = performance.now();
    for (let n = 0; n < 60; n += 1) reporter.read(line(n), SOURCE, { undatedAt: NOW });
    await reporter.drained();
    expect([calls.length, performance.now() - from > 900]).toEqual([60, true]);
  });
});
