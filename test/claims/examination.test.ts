import { describe, expect, test } from "vitest";
import { examined, isExamined, mayBeInForce, whenExamined } from "../../src/claims/examination.ts";
import { type SSHKeyRecord, toSSHKeyRecord } from "../../src/claims/record.ts";
import { closePrimes, honest, type MadeKey, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { proof } from "./keypairs.ts";
import { messageOf, NOW, Scene } from "./scene.ts";
import { type SSHKeyFacts, sshKey } from "./sshkeys.ts";

const line = (key: MadeKey) => `ssh-rsa ${rsaBlob(key).toString("base64")}`;
const SOUND = line(honest(2048));
const OTHER = line(honest(2048));
const WEAK = line(closePrimes(2048, 2n));

/** As a watch shows it. */
function shown(facts: Partial<SSHKeyFacts>, known?: SSHKeyRecord): SSHKeyRecord {
  return toSSHKeyRecord(sshKey({ name: "laptop", ...facts }), known);
}

/** The status of an SSHKey that was in force, for this generation. */
function inForce(observedGeneration: number, reason = "Projected"): object {
  const at = "2024-01-01T00:00:00Z";
  const ready = { type: "Ready", status: "True", reason, message: "", lastTransitionTime: at };
  return { observedGeneration, conditions: [ready] };
}

describe("an RSA key", () => {
  test("is not in force before it is examined, and says what it waits for", () => {
    const scene = new Scene();
    scene.claims.put(shown({ key: SOUND }), NOW);
    expect(scene.standing("laptop")).toMatchObject({ state: "Pending" });
    expect(messageOf(scene.standing("laptop"))).toBe("The key is being examined; wait.");
  });

  test.each([
    ["sound", SOUND, "InForce"],
    ["weak", WEAK, "Compromised"],
  ])("that is %s has its standing once it is", (_what, key, state) => {
    const scene = new Scene();
    const record = shown({ key });
    scene.claims.put(record, NOW);
    scene.claims.put(examined(record), NOW);
    expect(scene.standing("laptop").state).toBe(state);
  });

  test("is found to be the same at once and in its turn", async () => {
    const record = shown({ key: WEAK, proof: proof({ key: 1, user: "alice" }) });
    expect(await whenExamined(record)).toEqual(examined(record));
  });

  test("in another generation is not examined again", () => {
    const first = examined(shown({ key: WEAK }));
    const second = shown({ key: `${WEAK} another comment`, generation: 2 }, first);
    expect(second.key?.arithmetic).toBe(first.key?.arithmetic);
  });

  test("in the place of another one is examined itself", () => {
    const first = examined(shown({ key: SOUND }));
    expect(isExamined(shown({ key: WEAK, generation: 2 }, first))).toBe(false);
  });
});

describe("before an RSA key is examined, it stays in force", () => {
  test.each(["Projected", "Accepted", "Duplicate", "SecretFull"])(
    "where the status of this very spec says %s",
    (state) => expect(mayBeInForce(shown({ key: SOUND, status: inForce(1, state) }))).toBe(true),
  );

  test.each([
    "Pending",
    "Invalid",
    "Compromised",
    "Revoked",
    "Weak",
    "Disabled",
    "Expired",
    "SecretConflict",
    "Nonsense",
  ])("but not where it says %s", (state) =>
    expect(mayBeInForce(shown({ key: SOUND, status: inForce(1, state) }))).toBe(false),
  );

  test("but not where the status is of another generation", () => {
    expect(mayBeInForce(shown({ key: SOUND, generation: 2, status: inForce(1) }))).toBe(false);
  });

  test("but not where its proof is not verified", () => {
    const rsaProof = { ...shown({ key: SOUND, status: inForce(1) }) };
    const unverified = {
      digest: "d",
      result: "Unverified",
      authenticator: undefined,
      attempts: () => [],
    } as const;
    expect(mayBeInForce({ ...rsaProof, proof: unverified })).toBe(false);
  });

  test("until it is found to be weak", () => {
    const scene = new Scene();
    const record = shown({ key: WEAK, status: inForce(1) });
    scene.claims.put(record, NOW);
    expect(scene.standing("laptop").state).toBe("InForce");
    scene.claims.put(examined(record), NOW);
    expect(scene.standing("laptop").state).toBe("Compromised");
  });
});

test("a key of another type has nothing to examine", () => {
  expect(isExamined(shown({ key: 1 }))).toBe(true);
});

test("what is examined already stays the same record", () => {
  const record = examined(shown({ key: OTHER }));
  expect(examined(record)).toBe(record);
});
