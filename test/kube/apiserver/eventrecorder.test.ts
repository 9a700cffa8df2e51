import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Credentials } from "../../../src/kube/credentials.ts";
import {
  type DropReason,
  EventRecorder,
  type EventRecorderOptions,
} from "../../../src/kube/eventrecorder.ts";
import { Transport } from "../../../src/kube/transport.ts";
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { json, startLocalServer } from "../localserver.ts";

let cluster: Cluster;
let credentials: Credentials;
let transport: Transport;

beforeAll(async () => {
  cluster = await startCluster();
  credentials = new Credentials({ kubeconfig: cluster.controlPlane.kubeconfig });
  transport = new Transport({ credentials, userAgent: "test" });
});

afterAll(async () => {
  await transport.close();
  await credentials.close();
  await cluster.stop();
});

interface StoredEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly eventTime: string;
}

const startRecorder = (options: Partial<EventRecorderOptions> = {}) => {
  const told = { recorded: 0, dropped: [] as DropReason[] };
  const recorder = new EventRecorder({
    transport,
    reportingController: "example.dev/controller",
    reportingInstance: "pod-1",
    observer: {
      recorded: () => {
        told.recorded += 1;
      },
      dropped: (reason) => told.dropped.push(reason),
    },
    ...options,
  });
  return { recorder, told };
};

const eventOn = (
  namespace: string,
  fields: Partial<{ type: "Normal" | "Warning"; note: string; name: string }> = {},
) => ({
  regarding: {
    apiVersion: "v1",
    kind: "ConfigMap",
    namespace,
    name: fields.name ?? "thing",
    uid: "11111111-2222",
  },
  type: fields.type ?? "Normal",
  reason: "Invalid",
  action: "Validate",
  note: fields.note ?? "a sentence",
});

const stored = async (namespace: string): Promise<StoredEvent[]> => {
  const { body } = await cluster.request("GET", `/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return (body as { items: StoredEvent[] }).items;
};

describe("an event", () => {
  test("reaches the API server as it was recorded", async () => {
    const namespace = await cluster.namespace();
    const { recorder, told } = startRecorder();
    recorder.record(eventOn(namespace, { type: "Warning" }));
    await recorder.flush(180_000);
    expect(told).toEqual({ recorded: 1, dropped: [] });
    expect(await stored(namespace)).toMatchObject([
      {
        type: "Warning",
        reason: "Invalid",
        action: "Validate",
        note: "a sentence",
        reportingController: "example.dev/controller",
        reportingInstance: "pod-1",
        eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        metadata: { name: expect.stringMatching(/^thing\.[0-9a-f]{16}$/) },
      },
    ]);
  });

  test("about an object without a namespace lives in default", async () => {
    const { recorder, told } = startRecorder();
    recorder.record(eventOn(""));
    await recorder.flush(180_000);
    expect(told).toEqual({ recorded: 1, dropped: [] });
  });

  test("with a note longer than the API takes is cut between two characters", async () => {
    const namespace = await cluster.namespace();
    const { recorder } = startRecorder();
    recorder.record(eventOn(namespace, { note: `a${"€".repeat(1000)}` }));
    await recorder.flush(180_000);
    expect((await stored(namespace))[0]?.note).toBe(`a${"€".repeat(341)}`);
  });

  test("about an object with the longest name is taken", async () => {
    const namespace = await cluster.namespace();
    const { recorder, told } = startRecorder();
    recorder.record(
      eventOn(namespace, { name: `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}` }),
    );
    await recorder.flush(180_000);
    expect(told).toEqual({ recorded: 1, dropped: [] });
  });

  test("in a namespace that is not there is refused and not tried again", async () => {
    const { recorder, told } = startRecorder();
    recorder.record(eventOn("no-such-namespace"));
    await recorder.flush(180_000);
    expect(told).toEqual({ recorded: 0, dropped: ["rejected"] });
  });
});

describe("a thousand events in one namespace", () => {
  test("are not more than its burst, and the rest is counted", async () => {
    const namespace = await cluster.namespace();
    const { recorder, told } = startRecorder({ capacity: 2000 });
    for (let count = 0; count < 1000; count += 1) {
      recorder.record(eventOn(namespace, { type: "Warning" }));
    }
    await recorder.flush(180_000);
    expect([told.recorded, told.dropped.length, new Set(told.dropped)]).toEqual([
      25,
      975,
      new Set(["rate_limited"]),
    ]);
    expect(await stored(namespace)).toHaveLength(25);
  });

  test("leave other namespaces their own burst", async () => {
    const [loud, quiet] = [await cluster.namespace(), await cluster.namespace()];
    const { recorder } = startRecorder({ capacity: 2000 });
    for (let count = 0; count < 1000; count += 1) {
      recorder.record(eventOn(loud, { type: "Warning" }));
    }
    recorder.record(eventOn(quiet));
    await recorder.flush(180_000);
    expect(await stored(quiet)).toHaveLength(1);
  });

  test("of good news leave room for a warning", async () => {
    const namespace = await cluster.namespace();
    const { recorder } = startRecorder({ capacity: 2000 });
    for (let count = 0; count < 100; count += 1) {
      recorder.record(eventOn(namespace));
    }
    await new Promise(setImmediate);
    recorder.record(eventOn(namespace, { type: "Warning" }));
    await recorder.flush(180_000);
    expect((await stored(namespace)).filter(({ type }) => type === "Warning")).toHaveLength(1);
  });

  test("that exceed the queue give way to a warning", async () => {
    const namespace = await cluster.namespace();
    const { recorder, told } = startRecorder({ capacity: 10 });
    for (let count = 0; count < 10; count += 1) {
      recorder.record(eventOn(namespace));
    }
    recorder.record(eventOn(namespace, { type: "Warning" }));
    recorder.record(eventOn(namespace));
    await recorder.flush(180_000);
    expect((await stored(namespace)).filter(({ type }) => type === "Warning")).toHaveLength(1);
    expect([told.recorded, told.dropped]).toEqual([10, ["queue_full", "queue_full"]]);
  });
});

describe("a recorder", () => {
  test("takes an event for written when the answer to an earlier attempt was lost", async () => {
    let attempts = 0;
    const server = await startLocalServer((request, response) => {
      attempts += 1;
      attempts === 1
        ? void request.socket.destroy()
        : json(response, 409, { kind: "Status", reason: "AlreadyExists" });
    });
    const { recorder, told } = startRecorder({ transport: server.transport });
    recorder.record(eventOn("a"));
    await recorder.flush(180_000);
    await server.stop();
    expect([told, attempts]).toEqual([{ recorded: 1, dropped: [] }, 2]);
  });

  test("gives up what hangs when its time is over, and takes nothing afterwards", async () => {
    const server = await startLocalServer(() => {});
    const { recorder, told } = startRecorder({ transport: server.transport });
    for (let count = 0; count < 5; count += 1) {
      recorder.record(eventOn("a"));
    }
    await recorder.flush(100);
    recorder.record(eventOn("a"));
    await server.stop();
    expect(told).toEqual({ recorded: 0, dropped: Array.from({ length: 6 }, () => "shutdown") });
  });
});
