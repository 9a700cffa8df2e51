import { describe, expect, it } from "vitest";
import { SECRET_ANNOTATION } from "../../src/api/names.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { inOrderToStore, toSSHKeyRecord } from "../../src/claims/record.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import type { Answer } from "../../src/projection/delivery.ts";
import { Projection } from "../../src/projection/projection.ts";
import { reconcile } from "../../src/projection/reconcile.ts";
import { proof } from "../claims/keypairs.ts";
import { CREATED, type SSHKeyFacts, sshKey, sshKeyRecord } from "../claims/sshkeys.ts";
import { line, liveSecret, NOW } from "./secrets.ts";

const ID = "team-a/sshkeys-alice";
const OLDER = { name: "older", createdAt: CREATED };
const YOUNGER = { name: "younger", createdAt: CREATED + 1 };

function projectionOf(...all: SSHKeyFacts[]): Projection {
  const projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
  for (const facts of all) projection.putSSHKey(sshKeyRecord(facts), NOW);
  return projection;
}

describe("what is due", () => {
  it("is the Secret of a user who got an SSHKey", () => {
    expect([...projectionOf(OLDER).takeDirty().targets.keys()]).toEqual([ID]);
  });

  it("is nothing once it was handed over", () => {
    const projection = projectionOf(OLDER);
    projection.takeDirty();
    expect(projection.takeDirty().targets.size).toBe(0);
  });

  it("is urgent when a holder goes", () => {
    const projection = projectionOf(OLDER, YOUNGER);
    projection.takeDirty();
    projection.removeSSHKey("team-a", "older");
    expect(projection.takeDirty().targets.get(ID)).toBe("removal");
  });

  it("is the Secret of another user whose SSHKey is promoted", () => {
    const projection = projectionOf(OLDER, { ...YOUNGER, user: "bob" });
    projection.takeDirty();
    projection.removeSSHKey("team-a", "older");
    expect(projection.takeDirty().targets.has("team-a/sshkeys-bob")).toBe(true);
  });

  it("is nothing for an older view of a Secret", () => {
    const projection = projectionOf(OLDER);
    projection.putSecret(liveSecret(line("older"), { resourceVersion: "9" }));
    projection.takeDirty();
    projection.putSecret(liveSecret("", { resourceVersion: "8" }));
    expect(projection.takeDirty().targets.size).toBe(0);
  });
});

describe("a user whose SSHKeys are all gone", () => {
  it("has none left over, though they went at once", () => {
    const projection = projectionOf(OLDER, YOUNGER);
    projection.removeSSHKey("team-a", "older");
    projection.removeSSHKey("team-a", "younger");
    projection.takeDirty();
    expect(projection.target(ID)?.isNamed).toBe(false);
  });
});

describe("an SSHKey that a changed CRD gave another user", () => {
  it("leaves the Secret of the first", () => {
    const projection = projectionOf(OLDER, { ...OLDER, user: "bob", generation: 2, resourceVersion: 2 });
    expect(projection.target(ID)?.isNamed).toBe(false);
  });
});

describe("an SSHKey whose proof is not verified yet", () => {
  it("is Pending as soon as it is planned, though its Secret is as it should be", () => {
    const projection = projectionOf();
    const facts = { ...OLDER, proof: proof({ key: 1, user: "alice" }) };
    projection.putSSHKey(toSSHKeyRecord(sshKey(facts)), NOW);
    projection.takeDirty();
    const target = projection.target(ID);
    if (target !== undefined) projection.plan(target, NOW);
    const [claim] = projection.takeDirty().statuses;
    expect(claim && projection.lastVerdict(claim)?.state).toBe("Pending");
  });
});

describe("a list in which an edit comes before the holder of the key", () => {
  it("displaces nobody, though the operator's clock is an hour behind", () => {
    const projection = projectionOf();
    const edited = sshKeyRecord({ name: "edited", generation: 2, createdAt: CREATED - 10 });
    for (const record of inOrderToStore([edited, sshKeyRecord(OLDER)]))
      projection.putSSHKey(record, (CREATED - 3600) * 1000);
    expect(projection.claims.get("team-a", "older")?.isHolder).toBe(true);
  });
});

describe("somebody's own Secret that has had the label for a moment", () => {
  it("leaves no target behind when it never said that it is the operator's", () => {
    const projection = projectionOf();
    projection.putSecret(liveSecret("", { ownership: "copy", forWhom: {} }));
    projection.secretDisappeared("team-a", "sshkeys-alice", "8");
    expect(projection.target(ID)).toBeUndefined();
  });

  it("leaves no target behind when it says so and is still there", () => {
    const answer: Answer = {
      kind: "found",
      object: {
        metadata: {
          name: "sshkeys-alice",
          namespace: "team-a",
          uid: "u1",
          resourceVersion: "9",
          creationTimestamp: "2026-01-01T00:00:00Z",
          annotations: { [SECRET_ANNOTATION]: ID },
        },
      },
      resourceVersion: "9",
    };
    const projection = projectionOf();
    projection.putSecret(liveSecret(""));
    projection.secretDisappeared("team-a", "sshkeys-alice", "8");
    const pass = reconcile(
      projection,
      ID,
      () => NOW,
      () => undefined,
    );
    const asked = pass.next();
    const end = pass.next(answer);
    expect([asked.value, end, projection.target(ID)]).toMatchObject([
      { kind: "listMetadata" },
      { done: true, value: { kind: "done" } },
      undefined,
    ]);
  });
});

describe("a standby", () => {
  it("forgets a Secret of nobody that is no longer shown", () => {
    const projection = projectionOf();
    projection.putSecret(liveSecret(""));
    projection.secretDisappeared("team-a", "sshkeys-alice", "8");
    projection.forgetVanished(projection.takeDirty().targets.keys());
    expect([projection.target(ID), projection.secretCounts.all]).toEqual([undefined, 0]);
  });

  it("keeps one that a user's SSHKeys need", () => {
    const projection = projectionOf(OLDER);
    projection.putSecret(liveSecret(line("older")));
    projection.secretDisappeared("team-a", "sshkeys-alice", "8");
    projection.forgetVanished(projection.takeDirty().targets.keys());
    expect(projection.target(ID)?.live?.ownership).toBe("unlabelled");
  });
});

describe("whoever begins to write again", () => {
  it("counts from then on how long a Secret has been out of sync", () => {
    const projection = projectionOf(OLDER);
    const target = projection.target(ID);
    if (target !== undefined) projection.plan(target, NOW);
    projection.beginWriting(NOW + 60_000);
    if (target !== undefined) projection.plan(target, NOW + 60_000);
    expect(target?.outOfSyncSince).toBe(NOW + 60_000);
  });
});

describe("a Secret that loses its label between two attempts to write it", () => {
  it("is not written again, whatever version it has", () => {
    const projection = projectionOf(OLDER, { ...YOUNGER, key: 2 });
    projection.putSecret(liveSecret(line("older") + line("third", 3)));
    const pass = reconcile(
      projection,
      ID,
      () => NOW,
      () => undefined,
    );
    const asked: string[] = [];
    const answers: Record<string, Answer> = {
      update: { kind: "refused", reason: "server-error", message: "It fails." },
      listManaged: { kind: "found", object: undefined, resourceVersion: "8" },
    };
    for (let step = pass.next(); step.done !== true; ) {
      asked.push(step.value.kind);
      step = pass.next(answers[step.value.kind] ?? { kind: "void" });
    }
    expect(asked).toEqual(["update", "listManaged"]);
  });
});
