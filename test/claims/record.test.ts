import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inOrderToStore, type StoredSSHKey, toSSHKeyRecord } from "../../src/claims/record.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { blobOf, CREATED, sshKey, sshKeyRecord } from "./sshkeys.ts";

const LATER = (CREATED + 500) * 1000;
const ATTESTED = {
  observedGeneration: 2,
  fingerprint: fingerprintSHA256(Buffer.from(blobOf(1), "base64")),
  claimedSince: new Date(LATER).toISOString(),
};

describe("since when an SSHKey has its key, as it says itself", () => {
  it.each<[string, number, object | undefined, number | undefined]>([
    ["a first generation without a status", 1, undefined, CREATED * 1000],
    ["a first generation that nobody looked at", 1, { observedGeneration: -1 }, CREATED * 1000],
    ["an edit that nobody looked at", 2, { observedGeneration: -1 }, undefined],
    [
      "an edit into another key than the status speaks of",
      2,
      { ...ATTESTED, observedGeneration: 1, fingerprint: "SHA256:other" },
      undefined,
    ],
    ["an edit of something else than the key", 3, ATTESTED, LATER],
    ["a status that dates it", 2, ATTESTED, LATER],
    ["a status without a date", 2, { ...ATTESTED, claimedSince: undefined }, CREATED * 1000],
    [
      "a status older than the object, as after a restore",
      1,
      { ...ATTESTED, claimedSince: "2001-01-01T00:00:00Z" },
      CREATED * 1000,
    ],
    ["a date that is none", 2, { ...ATTESTED, claimedSince: "yesterday" }, CREATED * 1000],
  ])("is read from %s", (_, generation, status, since) => {
    const facts = { name: "k", generation, ...(status === undefined ? {} : { status }) };
    expect(sshKeyRecord(facts).attestedSince).toBe(since);
  });
});

it("of what a list shows whoever waits for a key is stored before its holder, and after both who got it by an edit since", () => {
  const of = (name: string, reason: string, generation = 1) =>
    sshKeyRecord({
      name,
      generation,
      status: { observedGeneration: 1, conditions: [{ type: "Ready", reason }] },
    });
  const records = [of("edited", "Duplicate", 2), of("holder", "Projected"), of("waiting", "Duplicate")];
  expect(inOrderToStore(records).map(({ name }) => name)).toEqual(["waiting", "holder", "edited"]);
});

describe("reading an SSHKey", () => {
  it("takes two spellings of one key for one", () => {
    const [plain, folded] = [`ssh-ed25519 ${blobOf(1)} a`, `  ssh-ed25519\t${blobOf(1)}   b`].map((key) =>
      sshKeyRecord({ name: "k", key }),
    );
    expect(plain?.key?.base64).toBe(folded?.key?.base64);
  });

  it("tells every fault, not only the first", () => {
    const record = sshKeyRecord({ name: "k", user: "", key: "junk", options: ["junk"] });
    expect(record.faults).toHaveLength(3);
  });

  it("reads the same spec once", () => {
    const known = sshKeyRecord({ name: "k" });
    expect(toSSHKeyRecord(sshKey({ name: "k", resourceVersion: 2 }), known).key).toBe(known.key);
  });

  it("reads another object of the same name and generation anew", () => {
    const known = sshKeyRecord({ name: "k" });
    expect(toSSHKeyRecord(sshKey({ name: "k", uid: "other", key: 2 }), known).key?.base64).toBe(blobOf(2));
  });

  it.each(["managedFields", "ownerReferences", "finalizers", "annotations", "labels"])(
    "counts a write of its status with its %s, however long they are",
    (field) => {
      const { metadata, ...rest } = sshKey({ name: "laptop" });
      const long = { ...metadata, [field]: ["x".repeat(1_000_000)] };
      expect(toSSHKeyRecord({ ...rest, metadata: long }).bytes).toBeGreaterThan(1_000_000);
    },
  );

  it("is total, whatever a changed CRD lets in", () => {
    const spec = fc.record(
      {
        user: fc.anything(),
        key: fc.anything(),
        options: fc.anything(),
        expiresAt: fc.anything(),
        disabled: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(spec, (junk) => {
        const object = { ...sshKey({ name: "k" }), spec: junk } as unknown as StoredSSHKey;
        expect(toSSHKeyRecord(object).faults.length).toBeGreaterThan(0);
      }),
    );
  });
});
