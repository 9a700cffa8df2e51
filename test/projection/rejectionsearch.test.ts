import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SECRET_ANNOTATION } from "../../src/api/names.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { AuthorizedKeysTarget } from "../../src/projection/authorizedkeystarget.ts";
import type { Answer } from "../../src/projection/delivery.ts";
import { Projection } from "../../src/projection/projection.ts";
import { reconcile, type SecretRequest } from "../../src/projection/reconcile.ts";
import type { SecretObject } from "../../src/projection/secret.ts";
import { authorizedKeysRecord } from "../authorizedkeys/scene.ts";
import { nobodysKey, sshKeyRecord } from "../claims/sshkeys.ts";
import { NOW } from "./secrets.ts";
import { written } from "./secretserver.ts";

const ID = "bastion/bastion";
const REJECTED: Answer = { kind: "refused", reason: "rejected", message: "No." };

/** An API server that rejects a Secret as it likes, and the operator's passes over the one of an AuthorizedKeys. */
class Gate {
  readonly projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
  now = NOW;
  writes = 0;
  requeueAt: number | undefined;
  #stored: SecretObject | undefined;
  #version = 1;
  readonly #rejects: (files: string) => boolean;

  constructor(users: number, rejects: (files: string) => boolean) {
    this.#rejects = rejects;
    this.projection.setSynced(undefined);
    for (let i = 0; i < users; i += 1) this.put(`u${i}`);
    this.projection.authorizedKeys.put(authorizedKeysRecord({}));
  }

  put(name: string, disabled = false): void {
    const key = nobodysKey(Number(name.slice(1)) + 1);
    const facts = { namespace: "bastion", name, user: name, key, disabled };
    const version = { resourceVersion: ++this.#version, generation: this.#version };
    this.projection.putSSHKey(sshKeyRecord({ ...facts, ...version }), this.now);
  }

  /** Passes for as long as one says that the next is due at once; returns how the last one ended. */
  settle(): string {
    for (let passes = 0; passes < 10_000; passes += 1) {
      const running = reconcile(
        this.projection,
        ID,
        () => this.now,
        () => undefined,
      );
      let step = running.next();
      while (step.done !== true) step = running.next(this.#answer(step.value));
      if (step.value.kind === "done") this.requeueAt = step.value.requeueAt;
      if (step.value.kind !== "requeue") return step.value.kind;
    }
    return "never";
  }

  get held(): readonly string[] {
    return Object.entries(this.#stored?.data ?? {})
      .filter(([, file]) => file !== "")
      .map(([dataKey]) => dataKey);
  }

  get rejected(): readonly string[] {
    const target = this.projection.target(ID);
    const omitted = target instanceof AuthorizedKeysTarget ? target.omitted : [];
    return omitted.filter(({ reason }) => reason === "Rejected").map(({ sshKey = "" }) => sshKey);
  }

  #answer(request: SecretRequest): Answer {
    if (request.kind === "listMetadata" || request.kind === "listManaged")
      return { kind: "found", object: undefined, resourceVersion: String(this.#version) };
    if (request.kind === "delete") return { kind: "deleted" };
    this.writes += 1;
    const { data = {} } = written(request, this.#stored);
    const text = Object.values(data).map((file) => Buffer.from(file, "base64").toString());
    if (this.#rejects(text.join(""))) return REJECTED;
    const metadata = {
      name: "bastion",
      namespace: "bastion",
      uid: "u",
      resourceVersion: String(++this.#version),
      labels: { "sshkey-operator.dev/managed": "default" },
      annotations: {
        [SECRET_ANNOTATION]: ID,
        "sshkey-operator.dev/authorized-keys": "bastion",
      },
    };
    this.#stored = { metadata, data };
    return { kind: "written", object: this.#stored };
  }
}

function rejecting(...names: readonly string[]) {
  return (files: string) => names.some((name) => files.includes(` bastion/${name}\n`));
}

describe("a key with which the API server rejects the Secret", () => {
  const gates = fc
    .record({ users: fc.integer({ min: 1, max: 60 }), bad: fc.uniqueArray(fc.nat(59), { maxLength: 3 }) })
    .map(({ users, bad }) => ({ users, bad: bad.filter((i) => i < users).map((i) => `u${i}`) }));

  it("is left out alone, and told", () => {
    fc.assert(
      fc.property(gates, ({ users, bad }) => {
        const gate = new Gate(users, rejecting(...bad));
        gate.settle();
        const all = Array.from({ length: users }, (_, i) => `u${i}`);
        expect([...gate.held].sort()).toEqual(all.filter((name) => !bad.includes(name)).sort());
        expect([...gate.rejected].sort()).toEqual([...bad].sort());
      }),
      { numRuns: 200 },
    );
  });

  it("is found in few writes", () => {
    const gate = new Gate(1000, rejecting("u777"));
    gate.settle();
    expect(gate.writes).toBeLessThanOrEqual(2 * Math.log2(1000) + 4);
  });

  it("delays no removal", () => {
    let isStrict = false;
    const gate = new Gate(20, (files) => isStrict && files.includes(" bastion/u20\n"));
    gate.settle();
    isStrict = true;
    gate.put("u20");
    gate.put("u3", true);
    gate.settle();
    expect([gate.held.includes("u3"), gate.held.length, gate.rejected]).toEqual([false, 19, ["u20"]]);
  });

  it("is tried again after five minutes", () => {
    let isStrict = true;
    const gate = new Gate(5, (files) => isStrict && rejecting("u2")(files));
    gate.settle();
    isStrict = false;
    gate.now = gate.requeueAt ?? 0;
    gate.settle();
    expect([gate.now, gate.held.length, gate.rejected]).toEqual([NOW + 5 * 60_000, 5, []]);
  });
});

describe("a Secret that is rejected whatever is in it", () => {
  it("is not searched through for long, and nobody is said to be at fault", () => {
    const gate = new Gate(500, () => true);
    expect([gate.settle(), gate.rejected]).toEqual(["blocked", []]);
    expect(gate.writes).toBeLessThanOrEqual(60);
  });

  it("is not searched through where taking lines out is rejected as well", () => {
    let isStrict = false;
    const gate = new Gate(50, () => isStrict);
    gate.settle();
    const { writes } = gate;
    isStrict = true;
    gate.put("u50");
    gate.put("u3", true);
    expect([gate.settle(), gate.writes - writes]).toEqual(["blocked", 2]);
  });
});
