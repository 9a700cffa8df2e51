import { expect, it } from "vitest";
import { DATA_KEY, MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import type { Answer } from "../../src/projection/delivery.ts";
import { Projection } from "../../src/projection/projection.ts";
import { reconcile } from "../../src/projection/reconcile.ts";
import { sshKeyRecord } from "../claims/sshkeys.ts";
import { line, NOW } from "./secrets.ts";
import { textOf, written } from "./secretserver.ts";

const ALICE = "team-a/sshkeys-alice";
const LABELS = { [MANAGED_LABEL]: "default" };
const DATA = { [DATA_KEY]: Buffer.from(line("laptop")).toString("base64") };
const REJECTED: Answer = { kind: "refused", reason: "rejected", message: "A quota." };

it("a Secret that got its label back is read, though its content is the one last known", () => {
  const projection = projectionOfLaptop();
  projection.putSSHKey(sshKeyRecord({ name: "work", key: 2 }), NOW);
  const shown = (version: string) => projection.toLiveSecret({ ...secret(version, LABELS), data: DATA });
  projection.putSecret(shown("7"));
  const running = begin(projection);
  expect(running.next().value).toMatchObject({ kind: "update" });
  running.next({ kind: "lost" });
  // The label is away while it is read back, and there again at the next look.
  const again = begin(projection);
  expect(again.next().value).toMatchObject({ kind: "listManaged" });
  expect(again.next({ kind: "found", object: undefined, resourceVersion: "8" }).value).toMatchObject({
    kind: "listMetadata",
  });
  again.next({ kind: "void" });
  projection.putSecret(shown("9"));
  // The whole file is rejected now: the key that is in force and in the Secret has to stay in it.
  expect(filesTried(projection)).not.toContain("");
});

it("a Secret that got its label back without its data holds nothing", () => {
  const projection = projectionOfLaptop();
  projection.putSecret(projection.toLiveSecret({ ...secret("7", LABELS), data: DATA }));
  projection.secretDisappeared("team-a", "sshkeys-alice", "8");
  const looking = begin(projection);
  expect(looking.next().value).toMatchObject({ kind: "listMetadata" });
  looking.next({ kind: "found", object: secret("8"), resourceVersion: "8" });
  projection.putSecret(projection.toLiveSecret({ ...secret("10", LABELS), data: {} }));
  // The write that restores it is rejected.
  filesTried(projection);
  const claim = projection.claims.get("team-a", "laptop");
  expect(claim && projection.lastVerdict(claim)).toMatchObject({
    projected: "False",
    state: "SecretConflict",
  });
});

function projectionOfLaptop(): Projection {
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  projection.setSynced(undefined);
  projection.putSSHKey(sshKeyRecord({ name: "laptop" }), NOW);
  return projection;
}

/** Alice's Secret without its data. */
function secret(resourceVersion: string, labels: Readonly<Record<string, string>> = {}) {
  const annotations = { [SECRET_ANNOTATION]: ALICE };
  return {
    metadata: {
      namespace: "team-a",
      name: "sshkeys-alice",
      uid: "u1",
      resourceVersion,
      labels,
      annotations,
    },
  };
}

function begin(projection: Projection): ReturnType<typeof reconcile> {
  return reconcile(
    projection,
    ALICE,
    () => NOW,
    () => undefined,
  );
}

/** Reconciles while every write is rejected; the files that it tried to write. */
function filesTried(projection: Projection): string[] {
  const pass = begin(projection);
  const files: string[] = [];
  for (let step = pass.next(); step.done !== true; step = pass.next(REJECTED)) {
    if (step.value.kind !== "update") continue;
    files.push(textOf(written(step.value, undefined)));
  }
  return files;
}
