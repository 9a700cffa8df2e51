import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { KubeObject } from "../../../src/api/object.ts";
import { Reflector, type ReflectorOptions, type Restart } from "../../../src/kube/reflector.ts";
import type { RestartReason } from "../../../src/kube/restart.ts";
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { eventually } from "../../cluster/eventually.ts";
import { type FaultyProxy, startFaultyProxy } from "./faultyproxy.ts";
import { ObjectStore, summaryOf } from "./objectstore.ts";

/** Reflectors of the ConfigMaps in a namespace of their own, seen through a faulty proxy; new for each test of the file. */
export function reflectorFixture() {
  let cluster: Cluster;
  let proxy: FaultyProxy;
  let path: string;
  let running: { stop: AbortController; ended: Promise<void> }[] = [];

  beforeAll(async () => {
    cluster = await startCluster();
  });

  afterAll(() => cluster.stop());

  beforeEach(async () => {
    proxy = await startFaultyProxy(cluster.controlPlane.kubeconfig);
    path = `/api/v1/namespaces/${await cluster.namespace()}/configmaps`;
  });

  afterEach(async () => {
    for (const { stop, ended } of running) {
      stop.abort();
      await ended;
    }
    running = [];
    await proxy.stop();
  });

  const create = (name: string, labels = {}) => cluster.request("POST", path, { metadata: { name, labels } });
  const update = (name: string) =>
    cluster.request("PATCH", `${path}/${name}`, { data: { at: String(Math.random()) } });
  const remove = (name: string) => cluster.request("DELETE", `${path}/${name}`);
  const onServer = async () =>
    summaryOf(((await cluster.request("GET", path)).body as { items: KubeObject[] }).items);

  const start = (options: Partial<ReflectorOptions<KubeObject>> = {}) => {
    const store = new ObjectStore();
    const restarts: { reason: RestartReason; restart: Restart }[] = [];
    const reflector = new Reflector<KubeObject>({
      transport: proxy.transport,
      path,
      decode: (object) => object,
      sink: store,
      pageSize: 2,
      backoff: { initialMs: 1, maxMs: 20 },
      onRestart: (reason, restart) => restarts.push({ reason, restart }),
      ...options,
    });
    const stop = new AbortController();
    running.push({ stop, ended: reflector.run(stop.signal) });
    return { reflector, store, restarts, stop };
  };

  const settled = (store: ObjectStore) =>
    eventually("the store equals the server", async () => {
      const expected = await onServer();
      return store.summary.join() === expected.join();
    });

  const watching = () => eventually("a watch runs", () => proxy.watches > 0);

  const startWatching = async (options: Partial<ReflectorOptions<KubeObject>> = {}) => {
    const started = start(options);
    await started.reflector.whenSynced();
    await watching();
    return started;
  };

  return {
    get cluster() {
      return cluster;
    },
    get proxy() {
      return proxy;
    },
    get path() {
      return path;
    },
    get running() {
      return running;
    },
    create,
    update,
    remove,
    onServer,
    start,
    settled,
    watching,
    startWatching,
  };
}
