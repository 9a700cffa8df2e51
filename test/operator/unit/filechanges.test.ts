import { describe, expect, it } from "vitest";
import type { Call } from "../../../src/kube/transport.ts";
import type { PodRefresher } from "../../../src/operator/podrefresher.ts";
import { line, NOW } from "../../projection/secrets.ts";
import { failure, only, refusal, until } from "./fakes.ts";
import { isSecretWrite, isStatusWrite, Stand } from "./stand.ts";

const ALICE = "team-a/sshkeys-alice";
const LAPTOP = { name: "laptop" };
const TABLET = { name: "tablet", key: 2 };

/** A stand that does not lead yet, and what its refresher of pods is told: which Secret changed how, after how many requests. */
function stood(options: Omit<ConstructorParameters<typeof Stand>[0] & object, "refresher"> = {}) {
  const told: { readonly what: string; readonly calls: number }[] = [];
  const begunWith: string[] = [];
  const refresher = only<PodRefresher>({
    refresh: ({ namespace, secretName }, change) =>
      void told.push({ what: `${change} ${namespace}/${secretName}`, calls: stand.calls.length }),
    run: async (lately) => {
      for (const { namespace, secretName } of lately) begunWith.push(`${namespace}/${secretName}`);
    },
  });
  const stand: Stand = new Stand({ ...options, refresher });
  return { stand, told, begunWith, whats: () => told.map(({ what }) => what) };
}

/** The same, and it leads. */
function start(options: Parameters<typeof stood>[0] = {}) {
  const started = stood(options);
  started.stand.start();
  return started;
}

/** Alice's Secret holds these lines, and everything is said. */
async function converged(...all: readonly (typeof LAPTOP)[]) {
  const started = start();
  started.stand.show(...all);
  const text = all.length === 2 ? line("laptop") + line("tablet", 2) : line("laptop");
  await until("the Secret is written", () => started.stand.file(ALICE) === text);
  await until("the statuses are", () => started.stand.calls.filter(isStatusWrite).length >= all.length);
  await started.stand.rest();
  started.told.length = 0;
  return started;
}

describe("the refresher of pods is told", () => {
  it("of an addition, once it is acknowledged, when a line comes in", async () => {
    const gate = Promise.withResolvers<void>();
    const fault = async (call: Call, serve: () => unknown) => {
      if (isSecretWrite(call)) await gate.promise;
      return serve();
    };
    const { stand, told, whats } = start({ fault });
    stand.show(LAPTOP);
    await until("the write is under way", () => stand.calls.some(isSecretWrite));
    expect(told).toEqual([]);
    gate.resolve();
    await until("it is told", () => told.length > 0);
    await stand.rest();
    expect(whats()).toEqual([`addition ${ALICE}`]);
  });

  it("of a removal when a line goes, also when another comes in with the same write", async () => {
    const { stand, told, whats } = await converged(LAPTOP);
    stand.show({ name: "laptop", key: 3, generation: 2, resourceVersion: stand.nextVersion() });
    await until("it is told", () => told.length > 0);
    stand.delete("laptop");
    await until("it is told again", () => told.length > 1);
    await stand.rest();
    expect(whats()).toEqual([`removal ${ALICE}`, `removal ${ALICE}`]);
  });

  it("of a removal when a line changes: its options may forbid more", async () => {
    const { stand, told, whats } = await converged(LAPTOP);
    stand.show({ ...LAPTOP, options: ["no-pty"], generation: 2, resourceVersion: stand.nextVersion() });
    await until("it is told", () => told.length > 0);
    await stand.rest();
    expect(whats()).toEqual([`removal ${ALICE}`]);
  });

  it.each([
    ["put a line into", `ssh-ed25519 AAAAx mallory\n${line("laptop")}`],
    ["took the lines out of", ""],
  ])("of a removal when others %s the Secret, and it is restored", async (_, file) => {
    const { stand, told, whats } = await converged(LAPTOP);
    stand.meddle(ALICE, file);
    await until("it is told", () => told.length > 0);
    await stand.rest();
    expect([whats(), stand.file(ALICE)]).toEqual([[`removal ${ALICE}`], line("laptop")]);
  });

  it("of a removal when who begins to lead takes a foreign line out", async () => {
    const first = new Stand().show(LAPTOP).start();
    await until("the Secret is written", () => first.file(ALICE) === line("laptop"));
    const { stand, told, whats } = start({ isSynced: false });
    const secret = first.server.get(ALICE);
    if (secret === undefined) throw new Error("there is no Secret");
    stand.server.put(secret);
    stand.show(LAPTOP).meddle(ALICE, `ssh-ed25519 AAAAx mallory\n${line("laptop")}`);
    stand.projection.beginWriting(0);
    stand.projection.setSynced(undefined);
    stand.controller.enqueueDirty();
    await until("it is told", () => told.length > 0);
    await stand.rest();
    expect(whats()).toEqual([`removal ${ALICE}`]);
  });

  it("of a write whose answer was lost, when it was read that it came through", async () => {
    const { stand, told, whats } = await converged(LAPTOP, TABLET);
    let isLost = false;
    stand.fault = (call, serve) => {
      if (isLost || !isSecretWrite(call)) return undefined;
      isLost = true;
      serve();
      return failure("Disconnected");
    };
    stand.delete("tablet");
    await until("it is told", () => told.length > 0);
    await stand.rest();
    expect(whats()).toEqual([`removal ${ALICE}`]);
    expect(stand.calls.slice(0, told[0]?.calls).at(-1)?.method).toBe("GET");
  });

  it("of nothing when the write is refused", async () => {
    const { stand, whats } = await converged(LAPTOP);
    let isRefused = false;
    stand.fault = (call) => {
      if (!isSecretWrite(call)) return undefined;
      isRefused = true;
      return refusal(403, "Forbidden");
    };
    stand.show(TABLET);
    await until("it is refused", () => isRefused);
    await stand.rest();
    expect(whats()).toEqual([]);
  });

  it("of nothing when all that was written is an annotation", async () => {
    const { stand, whats } = await converged(LAPTOP);
    const secret = stand.server.get(ALICE);
    if (secret === undefined) throw new Error("there is no Secret");
    const annotations = { ...secret.metadata.annotations, "sshkey-operator.dev/user": "mallory" };
    stand.server.put({ ...secret, metadata: { ...secret.metadata, annotations } });
    stand.projection.putSecret(stand.projection.toLiveSecret(stand.server.get(ALICE) ?? secret));
    const before = stand.calls.filter(isSecretWrite).length;
    stand.controller.enqueueDirty();
    await until("it is written", () => stand.calls.filter(isSecretWrite).length > before);
    await stand.rest();
    expect(whats()).toEqual([]);
  });
});

describe("who begins to lead begins with", () => {
  it.each([
    ["Secrets that were written in the last two minutes", NOW - 100_000, [ALICE]],
    ["Secrets that were written just now, by another clock", NOW + 5000, [ALICE]],
    ["none that was written before that", NOW - 130_000, []],
  ])("%s", async (_, time, expected) => {
    const { stand, begunWith } = begin({ managedFields: [{ time: new Date(time).toISOString() }] });
    await stand.rest();
    expect(begunWith).toEqual(expected);
  });

  it("none that is not the operator's", async () => {
    const managedFields = [{ time: new Date(NOW).toISOString() }];
    const { stand, begunWith } = begin({ managedFields, annotations: {} });
    await stand.rest();
    expect(begunWith).toEqual([]);
  });
});

/** Alice's Secret is there, with this in its metadata, before anybody leads. */
function begin(metadata: object) {
  const started = stood();
  const { stand } = started;
  const annotations = { "sshkey-operator.dev/secret": ALICE, "sshkey-operator.dev/user": "alice" };
  const [namespace = "", name = ""] = ALICE.split("/");
  const secret = {
    metadata: {
      namespace,
      name,
      uid: "u1",
      resourceVersion: "7",
      labels: { "sshkey-operator.dev/managed": "default" },
      annotations,
      ...metadata,
    },
    data: { authorized_keys: Buffer.from(line("laptop")).toString("base64") },
  };
  stand.projection.putSecret(stand.projection.toLiveSecret(secret));
  stand.start();
  return started;
}
