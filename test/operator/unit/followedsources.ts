import { onTestFinished, vi } from "vitest";
import type { Log } from "../../../src/api/logevent.ts";
import { PLURAL } from "../../../src/api/names.ts";
import { crdPath } from "../../../src/api/paths.ts";
import type { StoredSSHKey } from "../../../src/claims/record.ts";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import { guardAuthorizedKeys, guardSSHKeys } from "../../../src/operator/deletionguard.ts";
import type { Metrics } from "../../../src/operator/metrics.ts";
import { Sources } from "../../../src/operator/sources.ts";
import { Projection } from "../../../src/projection/projection.ts";
import { NOW } from "../../projection/secrets.ts";
import { only } from "./fakes.ts";
import { listOf, WatchedServer } from "./watchedserver.ts";

export const CRD_PATH = crdPath(PLURAL);
/** A CRD that was there before everything. */
export const STANDS = { metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } };

type Fields = Readonly<Record<string, unknown>>;

/** Sources and DeletionGuard of an API server that answers by path, a call at a time if need be; the rest is empty lists. */
export function follow(answers: Readonly<Record<string, unknown>>, namespaces?: readonly string[]) {
  const server = new WatchedServer((call) => {
    const answer = answers[call.path] ?? (call.path === CRD_PATH ? STANDS : listOf());
    return typeof answer === "function" ? answer(call) : answer;
  });
  const { transport, calls, watched } = server;
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  const put = vi.spyOn(projection, "putSSHKey");
  const suspend = vi.spyOn(projection, "suspend");
  const logged: string[] = [];
  const write = ({ event, resource, namespace, state }: Fields) => {
    logged.push([event, resource, namespace, state].filter((part) => part !== undefined).join(" "));
  };
  const log = only<Log>({ info: write, warn: write });
  const specs: string[] = [];
  const metrics = only<Metrics>({ changeObserved: (id) => void specs.push(id), watchRestarted() {} });
  const shared = { transport, projection, log, metrics, now: () => NOW, onChange: () => {} };
  const deletions = guardSSHKeys(shared);
  const authorizedKeysDeletions = guardAuthorizedKeys(shared);
  const sources = new Sources({
    ...shared,
    deletions,
    authorizedKeysDeletions,
    settings: { ...DEFAULT_SETTINGS, namespaces },
    primeProducts: () => primeProducts,
  });
  let primeProducts: readonly bigint[] = [];
  let isReady = false;
  void sources.whenReady().then(() => {
    isReady = true;
  });
  return {
    projection,
    deletions,
    calls,
    logged,
    specs,
    /** What the operator has seen of SSHKeys, in order: name, resourceVersion and what the proof is worth. */
    get seen() {
      return put.mock.calls.map(([r]) => `${r.name} ${r.resourceVersion} ${r.proof?.result ?? "None"}`);
    },
    /** Namespaces that were, in order. */
    get suspended() {
      return suspend.mock.calls.map(([namespace]) => namespace);
    },
    get isReady() {
      return isReady;
    },
    isSynced: (namespace: string) => projection.isSynced(namespace),
    watched,
    /** Lists and watches; ends with the test. */
    start() {
      const stop = new AbortController();
      const ended = Promise.all([sources.run(stop.signal), deletions.run(stop.signal)]);
      onTestFinished(async () => {
        stop.abort();
        await ended;
      });
    },
    show(path: string, type: "ADDED" | "MODIFIED" | "DELETED", object: StoredSSHKey) {
      server.show(path, type, object);
    },
    /** From now on the product of primes is public. */
    divideBy(product: bigint) {
      primeProducts = [product];
      for (const { record } of projection.claims.all()) sources.divideAgain(record);
    },
    expire: (path: string) => server.expire(path),
    claim: (name: string) => projection.claims.get("team-a", name),
  };
}
