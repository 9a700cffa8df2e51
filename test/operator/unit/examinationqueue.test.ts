import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Log } from "../../../src/api/logevent.ts";
import type { State } from "../../../src/api/states.ts";
import { type SSHKeyRecord, toSSHKeyRecord } from "../../../src/claims/record.ts";
import {
  ExaminationQueue,
  type ExaminationQueueOptions,
  patienceFor,
} from "../../../src/operator/examinationqueue.ts";
import { proof } from "../../claims/keypairs.ts";
import { type SSHKeyFacts, sshKey, sshKeyRecord } from "../../claims/sshkeys.ts";
import { honest, rsaBlob } from "../../ssh/weakness/weakrsa.ts";
import { only, until } from "./fakes.ts";

const PROOF = proof({ key: 1, user: "alice" });
const NONE: readonly bigint[] = [];
const FOREVER = Number.POSITIVE_INFINITY;
const WRONG = proof({ key: 1, user: "bob" });

/** Its proof is not verified yet. `onBegin` is called when that begins. */
function record(facts: Partial<SSHKeyFacts>, onBegin: () => void = () => {}): SSHKeyRecord {
  const read = toSSHKeyRecord(sshKey({ name: "laptop", proof: PROOF, ...facts }));
  if (read.proof?.result !== "Unverified") throw new Error("there is nothing to verify");
  const { attempts } = read.proof;
  const begun = () => {
    onBegin();
    return attempts();
  };
  return { ...read, proof: { ...read.proof, attempts: begun } };
}

function open({
  primeProducts = () => NONE,
  known = () => undefined,
}: Partial<ExaminationQueueOptions> = {}) {
  const verified: string[] = [];
  const overdue: string[] = [];
  const caughtUp: string[] = [];
  const logged: unknown[] = [];
  const write = ({ event }: { readonly event?: unknown }) => void logged.push(event);
  const given = ({ namespace, name, uid, resourceVersion, proof }: SSHKeyRecord) => {
    verified.push(`${namespace}/${name} ${uid} ${resourceVersion} ${proof?.result ?? "None"}`);
  };
  const queue = new ExaminationQueue({
    primeProducts,
    known,
    log: only<Log>({ info: write, warn: write, error: write }),
    onCaughtUp: (namespace) => void caughtUp.push(namespace),
    onOverdue: ({ name, resourceVersion }) => void overdue.push(`${name} ${resourceVersion}`),
    onExamined: given,
    onDivided: given,
  });
  return {
    queue,
    logged,
    verified,
    overdue,
    caughtUp,
    /** Verifies what is held until so many have come out, and a few more after them: what comes out of all that was held. */
    async run(count: number) {
      const stop = new AbortController();
      const ended = queue.run(stop.signal);
      onTestFinished(async () => {
        stop.abort();
        await ended;
      });
      await until("they are verified", () => verified.length >= count);
      for (const name of ["x", "y", "z"]) {
        queue.hold(record({ name, namespace: "later" }), FOREVER);
        await until("a later one is verified", () => verified.at(-1)?.startsWith(`later/${name}`) === true);
      }
      return verified.filter((each) => !each.startsWith("later/"));
    },
  };
}

describe("the queue of unverified proofs", () => {
  it.each([
    [PROOF, "Proven"],
    [WRONG, "ProofInvalid"],
  ])("gives back each SSHKey with what its proof is worth", async (text, result) => {
    const { queue, run } = open();
    queue.hold(record({ uid: "a", proof: text }), FOREVER);
    expect(await run(1)).toEqual([`team-a/laptop a 1 ${result}`]);
  });

  it("gives back the latest of those that it was given", async () => {
    const { queue, run } = open();
    queue.hold(record({ uid: "a" }), FOREVER);
    queue.hold(record({ uid: "a", resourceVersion: 2 }), FOREVER);
    expect(await run(1)).toEqual(["team-a/laptop a 2 Proven"]);
  });

  it("gives back none that was dropped", async () => {
    const { queue, run } = open();
    queue.hold(record({ uid: "a" }), FOREVER);
    queue.drop({ namespace: "team-a", name: "laptop" });
    expect(await run(0)).toEqual([]);
  });

  it("keeps those of other namespaces when one is dropped", async () => {
    const { queue, run } = open();
    queue.hold(record({ uid: "a" }), FOREVER);
    queue.hold(record({ namespace: "team-b", uid: "b" }), FOREVER);
    queue.dropAll("team-a");
    expect(await run(1)).toEqual(["team-b/laptop b 1 Proven"]);
  });

  it("keeps none when all are dropped", async () => {
    const { queue, run } = open();
    queue.hold(record({ uid: "a" }), FOREVER);
    queue.hold(record({ namespace: "team-b", uid: "b" }), FOREVER);
    queue.dropAll(undefined);
    expect(await run(0)).toEqual([]);
  });
});

describe("while a proof is being verified", () => {
  it("a newer one with the same proof takes its place, verified once", async () => {
    const { queue, run } = open();
    let begun = 0;
    const newer = record({ uid: "a", resourceVersion: 2 }, () => {
      begun += 1;
    });
    queue.hold(
      record({ uid: "a" }, () => queue.hold(newer, FOREVER)),
      FOREVER,
    );
    expect([await run(1), begun]).toEqual([["team-a/laptop a 2 Proven"], 0]);
  });

  it("a newer one with another proof comes out after it", async () => {
    const { queue, run } = open();
    const newer = record({ uid: "a", resourceVersion: 2, proof: WRONG });
    queue.hold(
      record({ uid: "a" }, () => queue.hold(newer, FOREVER)),
      FOREVER,
    );
    expect(await run(2)).toEqual(["team-a/laptop a 1 Proven", "team-a/laptop a 2 ProofInvalid"]);
  });

  it("something else that is known by then drops it, and that is no failure", async () => {
    const { queue, logged, run } = open();
    queue.hold(
      record({ uid: "a" }, () => queue.drop({ namespace: "team-a", name: "laptop" })),
      FOREVER,
    );
    expect([await run(0), logged]).toEqual([[], []]);
  });

  it.each([
    ["the same proof", PROOF, "Proven"],
    ["another one", WRONG, "ProofInvalid"],
  ])("another SSHKey of its name with %s comes out alone", async (_, text, result) => {
    const { queue, run } = open();
    const another = record({ uid: "b", resourceVersion: 3, proof: text });
    const recreate = () => {
      queue.drop({ namespace: "team-a", name: "laptop" });
      queue.hold(another, FOREVER);
    };
    queue.hold(record({ uid: "a" }, recreate), FOREVER);
    expect(await run(1)).toEqual([`team-a/laptop b 3 ${result}`]);
  });

  it("a failure is logged, and the proof verified all the same", async () => {
    const { queue, logged, run } = open();
    let failures = 1;
    const failing = record({ uid: "a" }, () => {
      if (failures-- > 0) throw new Error("out of memory");
    });
    queue.hold(failing, FOREVER);
    expect([await run(1), logged]).toEqual([["team-a/laptop a 1 Proven"], ["UnexpectedError"]]);
  });
});

it("the proofs of one namespace keep that of another one waiting for no more than two", async () => {
  const { queue, verified, run } = open();
  for (let i = 0; i < 50; i += 1) queue.hold(record({ name: `k${i}`, uid: "a" }), FOREVER);
  queue.hold(record({ namespace: "team-b", uid: "b" }), FOREVER);
  await run(51);
  expect(verified.indexOf("team-b/laptop b 1 Proven")).toBeLessThanOrEqual(2);
});

describe("a namespace of which more is seen than examined", () => {
  function behind() {
    const opened = open();
    for (const name of ["a", "b"]) opened.queue.hold(record({ name, uid: name }), FOREVER);
    expect([...opened.queue.behind()]).toEqual(["team-a"]);
    return opened;
  }

  it("has caught up when all of it is examined", async () => {
    const { run, caughtUp } = behind();
    await run(2);
    expect(caughtUp).toEqual(["team-a"]);
  });

  it("has not when it is about to be listed again", () => {
    const { queue, caughtUp } = behind();
    queue.dropAll(undefined);
    expect(caughtUp).toEqual([]);
  });

  it("has not when it was listed again, and something is still to be examined", async () => {
    const { queue, run, caughtUp } = behind();
    queue.dropAll(undefined);
    queue.hold(record({ name: "b", uid: "b" }), FOREVER);
    queue.settle(undefined);
    expect(caughtUp).toEqual([]);
    await run(1);
    expect(caughtUp).toEqual(["team-a"]);
  });

  it.each([undefined, "team-a"])("has when nothing of it is held after a list of %s", (scope) => {
    const { queue, caughtUp } = behind();
    queue.dropAll(scope);
    queue.settle(scope);
    expect(caughtUp).toEqual(["team-a"]);
  });

  it("has not by a list of another namespace", () => {
    const { queue, caughtUp } = behind();
    queue.dropAll("team-b");
    queue.settle("team-b");
    expect(caughtUp).toEqual([]);
  });
});

describe("when other primes are known", () => {
  const key = honest(2048);
  const line = `ssh-rsa ${rsaBlob(key).toString("base64")}`;
  const rsa = (facts: Partial<SSHKeyFacts>) => sshKeyRecord({ name: "rsa", key: line, ...facts });

  /** What is found of these RSA keys, which are known, and of what is held beside them. */
  async function found(
    known: readonly SSHKeyRecord[],
    held: readonly SSHKeyRecord[],
    primeProducts = [key.modulus],
  ) {
    const { queue, verified, run } = open({
      primeProducts: () => primeProducts,
      known: (id) => known.find(({ namespace, name }) => id === `${namespace}/${name}`),
    });
    for (const each of known) queue.divideAgain(each);
    for (const each of held) queue.hold(each, FOREVER);
    await run(primeProducts.length * known.length + held.length);
    return verified.flatMap((each) => each.split(" ")[0] ?? []).filter((id) => !id.startsWith("later/"));
  }

  it("an RSA key is examined again, and given out where they find something", async () => {
    expect(await found([rsa({})], [])).toEqual(["team-a/rsa"]);
  });

  it("an RSA key is not given out where they find what was found before", async () => {
    expect(await found([rsa({})], [], [])).toEqual([]);
  });

  it("an RSA key is examined again though it was edited into another key, and back while that was examined", async () => {
    const primeProducts = [key.modulus];
    const { queue, verified, run } = open({ primeProducts: () => primeProducts, known: () => rsa({}) });
    queue.divideAgain(rsa({}));
    const back = () => queue.drop({ namespace: "team-a", name: "rsa" });
    queue.hold(record({ name: "rsa" }, back), FOREVER);
    await run(1);
    expect(verified[0]).toBe("team-a/rsa uid-of-team-a-rsa 1 None");
  });

  it("an RSA key that was Compromised is given out whatever they find", async () => {
    expect(await found([rsa({ status: statusOf("Compromised") })], [], [7n])).toEqual(["team-a/rsa"]);
  });

  it("an RSA key is known not to be examined again yet, until it is", async () => {
    const { queue, run } = open({ known: () => rsa({}) });
    queue.divideAgain(rsa({}));
    const before = queue.isUndivided(rsa({}));
    await run(0);
    expect([before, queue.isUndivided(rsa({}))]).toEqual([true, false]);
  });

  it("a namespace full of RSA keys keeps that of another one waiting for no more than two", async () => {
    const many = Array.from({ length: 20 }, (_, i) => rsa({ name: `k${i}` }));
    const order = await found([...many, rsa({ namespace: "team-b" })], []);
    expect(order.indexOf("team-b/rsa")).toBeLessThanOrEqual(2);
  });

  it("an RSA key does not wait for all that its namespace has new", async () => {
    const order = await found(
      [rsa({})],
      Array.from({ length: 20 }, (_, i) => record({ name: `new-${i}` })),
    );
    expect(order.indexOf("team-a/rsa")).toBeLessThanOrEqual(2);
  });

  it("a new SSHKey does not wait for the RSA keys of its namespace", async () => {
    const many = Array.from({ length: 20 }, (_, i) => rsa({ name: `k${i}` }));
    const products = [key.modulus];
    const { queue, verified, run } = open({
      primeProducts: () => products,
      known: (id) => many.find(({ namespace, name }) => id === `${namespace}/${name}`),
    });
    for (const each of many) queue.divideAgain(each);
    // Its proof is verified in another thread, in whatever time that gets: what counts is when that begins.
    const before: string[] = [];
    const begins = () => before.push(...verified);
    queue.hold(record({ name: "new" }, begins), FOREVER);
    await run(many.length + 1);
    expect([before.length <= 2, verified.some((each) => each.startsWith("team-a/new "))]).toEqual([
      true,
      true,
    ]);
  });
});

describe("an SSHKey is seen before its proof is verified", () => {
  const IN_FORCE = { name: "laptop", resourceVersion: 1 } as const;

  it.each<[string, Partial<SSHKeyFacts>]>([
    ["disables it", { disabled: true }],
    ["deletes it", { isTerminating: true }],
  ])("at once where the edit %s", (_, facts) => {
    expect(patienceFor(record(facts), sshKeyRecord(IN_FORCE))).toBe(0);
  });

  it("at once where it was seen so before", () => {
    expect(patienceFor(record({ generation: 3 }), record({ generation: 2 }))).toBe(0);
  });

  it.each<[string, SSHKeyRecord | undefined, Partial<SSHKeyFacts>]>([
    ["another key", sshKeyRecord(IN_FORCE), { key: 2, proof: proof({ key: 2, user: "alice" }) }],
    ["other options", sshKeyRecord(IN_FORCE), { options: ["restrict"] }],
    ["an end to its being disabled", sshKeyRecord({ ...IN_FORCE, disabled: true }), {}],
    ["another end", sshKeyRecord(IN_FORCE), { expiresAt: 4_000_000_000_000 }],
    ["nothing known before", undefined, {}],
    ["nothing known before and no line", undefined, { disabled: true }],
    ["another one of its name known before", sshKeyRecord({ ...IN_FORCE, uid: "another" }), {}],
  ])("after a second with %s", (_, known, facts) => {
    expect(patienceFor(record(facts), known)).toBe(1000);
  });

  it("never where its line stays as it is", () => {
    expect(patienceFor(record({ generation: 2 }), sshKeyRecord(IN_FORCE))).toBe(FOREVER);
  });
});

describe("an SSHKey that has waited for as long as it may", () => {
  function opened() {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    return open();
  }

  it("is given out at that time, and not before", () => {
    const { queue, overdue } = opened();
    queue.hold(record({}), 1000);
    vi.advanceTimersByTime(999);
    expect(overdue).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(overdue).toEqual(["laptop 1"]);
  });

  it("is given out at once where that is not at all", () => {
    const { queue, overdue } = opened();
    queue.hold(record({}), 0);
    expect(overdue).toEqual(["laptop 1"]);
  });

  it("is given out as the latest, and no later for an edit in the meantime", () => {
    const { queue, overdue } = opened();
    queue.hold(record({}), 1000);
    vi.advanceTimersByTime(999);
    queue.hold(record({ resourceVersion: 2 }), 1000);
    vi.advanceTimersByTime(1);
    expect(overdue).toEqual(["laptop 2"]);
  });

  it("is given out never when the latest has all the time", () => {
    const { queue, overdue } = opened();
    queue.hold(record({}), 1000);
    queue.hold(record({ resourceVersion: 2 }), FOREVER);
    vi.advanceTimersByTime(5000);
    expect(overdue).toEqual([]);
  });

  it("is given out never when it was dropped", () => {
    const { queue, overdue } = opened();
    queue.hold(record({}), 1000);
    queue.drop({ namespace: "team-a", name: "laptop" });
    vi.advanceTimersByTime(5000);
    expect(overdue).toEqual([]);
  });

  it("is given out never when it was verified", async () => {
    const { queue, overdue, run } = opened();
    queue.hold(record({ uid: "a" }), 1000);
    await run(1);
    vi.advanceTimersByTime(5000);
    expect(overdue).toEqual([]);
  });

  it("is verified all the same", async () => {
    const { queue, run } = opened();
    queue.hold(record({ uid: "a" }), 0);
    expect(await run(1)).toEqual(["team-a/laptop a 1 Proven"]);
  });
});

function statusOf(state: State): object {
  return { observedGeneration: 1, conditions: [{ type: "Ready", reason: state }] };
}
