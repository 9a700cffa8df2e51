import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Log } from "../../../src/api/logevent.ts";
import { AUTHORIZED_KEYS_PLURAL, SHARE_KEYS_ANNOTATION } from "../../../src/api/names.ts";
import { authorizedKeysPath, crdPath, NAMESPACES_PATH, namespacePath } from "../../../src/api/paths.ts";
import { DEFAULT_SETTINGS } from "../../../src/config/settings.ts";
import { AuthorizedKeysSources } from "../../../src/operator/authorizedkeyssources.ts";
import { guardAuthorizedKeys } from "../../../src/operator/deletionguard.ts";
import { Projection } from "../../../src/projection/projection.ts";
import { authorizedKeys, OWN } from "../../authorizedkeys/scene.ts";
import { NOW } from "../../projection/secrets.ts";
import { failure, only, refusal, until } from "./fakes.ts";
import { listOf, WatchedServer } from "./watchedserver.ts";

const CRD_PATH = crdPath(AUTHORIZED_KEYS_PLURAL);
const PEOPLE = namespacePath("people");
const STANDS = { metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } };
const FORBIDDEN = refusal(403, "Forbidden");
const MISSING = refusal(404, "NotFound");
const NO_ANSWER = [refusal(500), refusal(503), refusal(429, "TooManyRequests"), failure("Unreachable")];

/** A Namespace as the API server shows it. `shares`: the annotation. */
function namespace(
  name: string,
  shares?: string,
  labels: Readonly<Record<string, string>> = {},
  version = 1,
) {
  const annotations = shares === undefined ? {} : { [SHARE_KEYS_ANNOTATION]: shares };
  return { metadata: { name, uid: `uid-of-${name}`, resourceVersion: String(version), labels, annotations } };
}

/** AuthorizedKeysSources of an API server that answers by path; what it has no answer for is empty, or not there. */
function follow(answers: Record<string, unknown>, namespaces?: readonly string[]) {
  const server = new WatchedServer(({ path }) => {
    if (path in answers) return answers[path];
    if (path === CRD_PATH) return STANDS;
    return path.startsWith(`${NAMESPACES_PATH}/`) ? MISSING : listOf();
  });
  const { transport } = server;
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  projection.setSynced(undefined);
  const onChange = vi.fn();
  const log = only<Log>({ info() {}, warn() {} });
  const deletions = guardAuthorizedKeys({ transport, projection, log, now: () => NOW, onChange });
  const sources = new AuthorizedKeysSources({
    ...{ transport, projection, deletions, onChange },
    settings: { ...DEFAULT_SETTINGS, namespaces },
    callbacks: () => ({ onRestart() {}, onState() {} }),
  });
  const stop = new AbortController();
  const ended = Promise.all([sources.run(stop.signal), deletions.run(stop.signal)]);
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  return {
    projection,
    server,
    answers,
    onChange,
    /** Does the bastion get its keys? Undefined: nobody knows. */
    isShared: (name: string) => projection.namespaces.isShared(name, OWN),
    /** Is it no longer waited for what its Namespace says? */
    isAsked: (name: string) => projection.isSynced(name),
    object: () => projection.authorizedKeys.get(OWN, "bastion"),
  };
}

/** Time passes when it is told to. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Lets time pass until this is so: what failed is tried again after a while. */
async function untilInTime(what: string, isSo: () => boolean): Promise<void> {
  let isPassing = false;
  await until(what, () => {
    if (!isPassing) {
      isPassing = true;
      void pass(100).then(() => {
        isPassing = false;
      });
    }
    return isSo();
  });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  return () => vi.useRealTimers();
});

describe("of an installation for some namespaces each Namespace", () => {
  it("is asked for by its name, and no list or watch of Namespaces is", async () => {
    const { server, isAsked } = follow({ [PEOPLE]: namespace("people") }, ["people", OWN]);
    await until("both are asked", () => isAsked("people") && isAsked(OWN));
    const asked = server.calls.map(({ path }) => path).filter((path) => path.startsWith(NAMESPACES_PATH));
    expect(asked.sort()).toEqual([namespacePath(OWN), PEOPLE].sort());
    expect([...server.watched]).not.toContain(NAMESPACES_PATH);
  });

  it("is asked for every ten seconds", async () => {
    const { server, isAsked } = follow({ [PEOPLE]: namespace("people") }, ["people"]);
    await until("it is asked", () => isAsked("people"));
    const counts = [];
    for (const ms of [9_999, 1, 10_000, 10_000]) {
      await pass(ms);
      counts.push(server.countOf(PEOPLE));
    }
    expect(counts).toEqual([1, 2, 3, 4]);
  });

  it("shares its keys from the answer on that says so, and no longer than to that which does not", async () => {
    const { answers, isShared, isAsked } = follow({ [PEOPLE]: namespace("people") }, ["people"]);
    await until("it is asked", () => isAsked("people"));
    const shared = [isShared("people")];
    for (const shares of [OWN, "others"]) {
      answers[PEOPLE] = namespace("people", shares);
      await pass(10_000);
      shared.push(isShared("people"));
    }
    expect(shared).toEqual([false, true, false]);
  });

  it("that does not exist shares nothing", async () => {
    const { isShared, isAsked } = follow({ [PEOPLE]: MISSING }, ["people"]);
    await until("it is asked", () => isAsked("people"));
    expect(isShared("people")).toBe(false);
  });

  it("that is gone shares nothing any more, and does again when it is made anew", async () => {
    const { answers, isShared } = follow({ [PEOPLE]: namespace("people", OWN) }, ["people"]);
    await until("it is shared", () => isShared("people") === true);
    answers[PEOPLE] = MISSING;
    await pass(10_000);
    expect(isShared("people")).toBe(false);
    answers[PEOPLE] = namespace("people", OWN);
    await pass(10_000);
    expect(isShared("people")).toBe(true);
  });

  it.each([FORBIDDEN, ...NO_ANSWER])("is as it was last known after $status $code", async (refused) => {
    const { server, answers, isShared } = follow({ [PEOPLE]: namespace("people", OWN) }, ["people"]);
    await until("it is shared", () => isShared("people") === true);
    answers[PEOPLE] = refused;
    await pass(30_000);
    expect([server.countOf(PEOPLE), isShared("people")]).toEqual([4, true]);
  });

  it("that may not be read is a doubt, and nobody waits for it", async () => {
    const { isShared, isAsked } = follow({ [PEOPLE]: FORBIDDEN }, ["people"]);
    await until("it is asked", () => isAsked("people"));
    expect(isShared("people")).toBeUndefined();
  });

  it.each(NO_ANSWER.filter(({ status }) => status === 0 || status >= 500))(
    "is waited for a minute, and no longer, while all that comes is $status $code",
    async (failed) => {
      const { server, isAsked, isShared } = follow({ [PEOPLE]: failed }, ["people"]);
      await until("it is asked for", () => server.countOf(PEOPLE) === 1);
      await pass(50_000);
      expect([server.countOf(PEOPLE), isAsked("people")]).toEqual([6, false]);
      await pass(10_000);
      expect([server.countOf(PEOPLE), isAsked("people"), isShared("people")]).toEqual([7, true, undefined]);
    },
  );

  it("is known without one that is not answered for", async () => {
    const answers = { [PEOPLE]: namespace("people", OWN), [namespacePath("slow")]: new Promise(() => {}) };
    const { isShared, isAsked } = follow(answers, ["slow", "people"]);
    await until("it is shared", () => isShared("people") === true);
    expect([isAsked("people"), isAsked("slow")]).toEqual([true, false]);
  });

  it("is told with each answer", async () => {
    const { server, onChange, isAsked } = follow({ [PEOPLE]: namespace("people") }, ["people"]);
    await until("it is asked and the rest is known", () => isAsked("people") && server.watched.size === 1);
    await until("the list is told", () => onChange.mock.calls.length >= 2);
    const before = onChange.mock.calls.length;
    await pass(20_000);
    expect(onChange.mock.calls.length - before).toBe(2);
  });
});

describe("of an installation for all namespaces", () => {
  const shared = [namespace("people", OWN), namespace("contractors")];

  it("nothing is known of any Namespace before the list is complete", async () => {
    const list = Promise.withResolvers<unknown>();
    const { server, isShared, isAsked } = follow({ [NAMESPACES_PATH]: list.promise });
    await until("the rest is known", () => server.watched.has(authorizedKeysPath()));
    expect([isShared("people"), isShared("nowhere"), isAsked("people")]).toEqual([
      undefined,
      undefined,
      false,
    ]);
    list.resolve(listOf(...shared));
    await until("they are known", () => isAsked("people"));
    expect(["people", "contractors", "nowhere"].map(isShared)).toEqual([true, false, false]);
  });

  it("a watch shows what is new, edited and deleted", async () => {
    const { server, isShared } = follow({ [NAMESPACES_PATH]: listOf(...shared) });
    await until("they are watched", () => server.watched.has(NAMESPACES_PATH));
    server.show(NAMESPACES_PATH, "ADDED", namespace("later", "*", {}, 101));
    server.show(NAMESPACES_PATH, "MODIFIED", namespace("contractors", OWN, {}, 102));
    server.show(NAMESPACES_PATH, "DELETED", namespace("people", OWN, {}, 103));
    await until("the last is seen", () => isShared("people") === false);
    expect(["later", "contractors"].map(isShared)).toEqual([true, true]);
  });

  it("what a list lacks after a watch has ended shares nothing any more, and the rest is as listed", async () => {
    const { server, answers, isShared } = follow({ [NAMESPACES_PATH]: listOf(...shared) });
    await until("they are watched", () => server.watched.has(NAMESPACES_PATH));
    const list = Promise.withResolvers<unknown>();
    answers[NAMESPACES_PATH] = list.promise;
    server.expire(NAMESPACES_PATH);
    await untilInTime("it is listed anew", () => server.countOf(NAMESPACES_PATH) === 2);
    expect(isShared("people")).toBe(true);
    list.resolve(listOf(namespace("contractors", OWN)));
    await until("the list is seen", () => isShared("people") === false);
    expect(isShared("contractors")).toBe(true);
  });

  it("a list that becomes forbidden leaves what was known", async () => {
    const { server, answers, isShared } = follow({ [NAMESPACES_PATH]: listOf(...shared) });
    await until("they are watched", () => server.watched.has(NAMESPACES_PATH));
    answers[NAMESPACES_PATH] = FORBIDDEN;
    server.expire(NAMESPACES_PATH);
    await untilInTime("it was refused", () => server.countOf(NAMESPACES_PATH) === 2);
    await pass(60_000);
    expect(["people", "contractors"].map(isShared)).toEqual([true, false]);
  });

  it.each([FORBIDDEN, MISSING])(
    "a list that is refused, $status, is a doubt, and nobody waits for it",
    async (refused) => {
      const { isShared, isAsked } = follow({ [NAMESPACES_PATH]: refused });
      await until("it is known that nothing will be", () => isAsked("people"));
      expect(isShared("people")).toBeUndefined();
    },
  );

  it("a list that fails is waited for a minute, and no longer", async () => {
    const { server, isAsked, isShared } = follow({ [NAMESPACES_PATH]: refusal(503) });
    await until("it was asked for", () => server.countOf(NAMESPACES_PATH) === 1);
    await pass(59_000);
    expect(isAsked("people")).toBe(false);
    await pass(40_000);
    expect([isAsked("people"), isShared("people")]).toEqual([true, undefined]);
  });
});

describe("what a selector finds", () => {
  const TEAM = { team: "a" };

  /** Undefined: nobody knows all that it may find. */
  function found({ namespaces }: Projection): readonly string[] | undefined {
    return namespaces.isSearchable ? namespaces.withLabels(TEAM) : undefined;
  }

  it("are the listed Namespaces with its labels, as they come and go", async () => {
    const listed = [namespace("people", OWN, TEAM), namespace("contractors", OWN)];
    const { server, projection } = follow({ [NAMESPACES_PATH]: listOf(...listed) });
    expect(found(projection)).toBeUndefined();
    await until("they are watched", () => server.watched.has(NAMESPACES_PATH));
    expect(found(projection)).toEqual(["people"]);
    server.show(NAMESPACES_PATH, "MODIFIED", namespace("contractors", OWN, TEAM, 101));
    await until("both are found", () => found(projection)?.length === 2);
    server.show(NAMESPACES_PATH, "MODIFIED", namespace("people", OWN, {}, 102));
    await until("one is found", () => found(projection)?.length === 1);
    expect(found(projection)).toEqual(["contractors"]);
  });

  it("is unknown until every served Namespace is read, and then served ones only", async () => {
    const answers = {
      [PEOPLE]: namespace("people", OWN, TEAM),
      [namespacePath("contractors")]: FORBIDDEN as unknown,
      [namespacePath("strangers")]: namespace("strangers", OWN, TEAM),
    };
    const { projection, isAsked } = follow(answers, ["people", "contractors"]);
    await until("both are asked", () => isAsked("people") && isAsked("contractors"));
    expect(found(projection)).toBeUndefined();
    answers[namespacePath("contractors")] = namespace("contractors");
    await pass(10_000);
    expect(found(projection)).toEqual(["people"]);
  });

  it("is known where a served Namespace does not exist", async () => {
    const { projection, isAsked } = follow({ [PEOPLE]: namespace("people", OWN, TEAM) }, ["people", "gone"]);
    await until("both are asked", () => isAsked("people") && isAsked("gone"));
    expect(found(projection)).toEqual(["people"]);
  });
});

describe("AuthorizedKeys", () => {
  const bastion = authorizedKeys({}, 1);

  it("are not known to be complete before their list is", async () => {
    const list = Promise.withResolvers<unknown>();
    const { projection, server, object } = follow({ [authorizedKeysPath()]: list.promise });
    await until("the rest is known", () => server.watched.has(NAMESPACES_PATH));
    expect(projection.authorizedKeys.isSynced(OWN)).toBe(false);
    list.resolve(listOf(bastion));
    await until("they are", () => projection.authorizedKeys.isSynced(OWN));
    expect(object()?.uid).toBe(bastion.metadata.uid);
  });

  it("of a namespace that may not be read do not keep those of others from being known", async () => {
    const { projection } = follow({ [authorizedKeysPath("people")]: FORBIDDEN }, ["people", OWN]);
    await until("one is known", () => projection.authorizedKeys.isSynced(OWN));
    expect(projection.authorizedKeys.isSynced("people")).toBe(false);
  });

  it("of a cluster without the CRD are never complete, and Namespaces are known all the same", async () => {
    const { projection, isAsked, server } = follow({ [authorizedKeysPath()]: MISSING });
    await until("Namespaces are", () => isAsked("people"));
    await until("it was refused", () => server.countOf(authorizedKeysPath()) === 1);
    expect(projection.authorizedKeys.isSynced(OWN)).toBe(false);
  });

  it.each(["a watch shows as deleted", "a list lacks after a watch has ended"])(
    "that %s stay until that is believed",
    async (how) => {
      const crd = Promise.withResolvers<unknown>();
      const path = authorizedKeysPath();
      const { server, answers, object } = follow({ [path]: listOf(bastion), [CRD_PATH]: crd.promise });
      await until("it is watched", () => server.watched.has(path));
      answers[path] = listOf();
      if (how.startsWith("a list")) server.expire(path);
      else server.show(path, "DELETED", { metadata: { ...bastion.metadata, resourceVersion: "101" } });
      await untilInTime("the CRD is being read", () => server.countOf(CRD_PATH) === 1);
      expect(object()?.uid).toBe(bastion.metadata.uid);
      crd.resolve(STANDS);
      await until("it is gone", () => object() === undefined);
    },
  );

  it("that a list lacks while the CRD is being deleted stay", async () => {
    const path = authorizedKeysPath();
    const deleted = { metadata: { ...STANDS.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    const { server, answers, object } = follow({ [path]: listOf(bastion), [CRD_PATH]: deleted });
    await until("it is watched", () => server.watched.has(path));
    answers[path] = listOf();
    server.expire(path);
    await untilInTime("the CRD was read", () => server.countOf(CRD_PATH) === 1);
    await pass(60_000);
    expect(object()?.uid).toBe(bastion.metadata.uid);
  });

  it("with a deletionTimestamp are being deleted once that is believed, and may be so before", async () => {
    const crd = Promise.withResolvers<unknown>();
    const path = authorizedKeysPath();
    const { server, object } = follow({ [path]: listOf(bastion), [CRD_PATH]: crd.promise });
    await until("it is watched", () => server.watched.has(path));
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    const metadata = { ...bastion.metadata, resourceVersion: "101", generation: 2, deletionTimestamp };
    server.show(path, "MODIFIED", { ...bastion, metadata });
    await until("the CRD is being read", () => server.countOf(CRD_PATH) === 1);
    expect([object()?.isTerminating, object()?.mayBeTerminating]).toEqual([false, true]);
    crd.resolve(STANDS);
    await until("it is", () => object()?.isTerminating === true);
    expect(object()?.mayBeTerminating).toBe(false);
  });
});
