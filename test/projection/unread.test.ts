import { expect, it } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { Projection } from "../../src/projection/projection.ts";
import { reconcile } from "../../src/projection/reconcile.ts";
import { sshKeyRecord } from "../claims/sshkeys.ts";
import { line, NOW } from "./secrets.ts";

const ALICE = "team-a/sshkeys-alice";

it("a Secret that got its label back is read, though its content is the one last known", () => {
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  const object = (resourceVersion: string) => ({
    metadata: {
      namespace: "team-a",
      name: "sshkeys-alice",
      uid: "u1",
      resourceVersion,
      labels: { [MANAGED_LABEL]: "default" },
      annotations: { [SECRET_ANNOTATION]: ALICE },
    },
    data: { authorized_keys: Buffer.from(line("laptop")).toString("base64") },
  });
  projection.setSynced(undefined);
  projection.putSSHKey(sshKeyRecord({ name: "laptop" }), NOW);
  projection.putSSHKey(sshKeyRecord({ name: "work", key: 2 }), NOW);
  projection.putSecret(projection.toLiveSecret(object("7")));
  const running = reconcile(
    projection,
    ALICE,
    () => NOW,
    () => undefined,
  );
  expect(running.next().value).toMatchObject({ kind: "update" });
  running.next({ kind: "lost" });
  // The label is away while it is read back, and there again at the next look.
  const again = reconcile(
    projection,
    ALICE,
    () => NOW,
    () => undefined,
  );
  expect(again.next().value).toMatchObject({ kind: "listManaged" });
  expect(again.next({ kind: "found", object: undefined, resourceVersion: "8" }).value).toMatchObject({
    kind: "listMetadata",
  });
  again.next({ kind: "void" } as never);
  projection.putSecret(projection.toLiveSecret(object("9")));
  // The whole file is rejected now: the key that is in force and in the Secret has to stay in it.
  const third = reconcile(
    projection,
    ALICE,
    () => NOW,
    () => undefined,
  );
  let step = third.next();
  const files: string[] = [];
  while (step.done !== true) {
    const { value } = step;
    if (value.kind === "update") {
      const data = value.patch.find(({ path }) => path === "/data")?.value as { authorized_keys: string };
      files.push(Buffer.from(data.authorized_keys, "base64").toString());
    }
    step = third.next({ kind: "refused", reason: "rejected", message: "A quota." });
  }
  expect(files).not.toContain("");
});

it("a Secret that got its label back without its data holds nothing", () => {
  const projection = new Projection(DEFAULT_SETTINGS.policy, DEFAULT_SETTINGS.secrets);
  const metadata = (resourceVersion: string) => ({
    namespace: "team-a",
    name: "sshkeys-alice",
    uid: "u1",
    resourceVersion,
    annotations: { [SECRET_ANNOTATION]: ALICE },
  });
  const labels = { [MANAGED_LABEL]: "default" };
  const data = { authorized_keys: Buffer.from(line("laptop")).toString("base64") };
  projection.setSynced(undefined);
  projection.putSSHKey(sshKeyRecord({ name: "laptop" }), NOW);
  projection.putSecret(projection.toLiveSecret({ metadata: { ...metadata("7"), labels }, data }));
  projection.secretDisappeared("team-a", "sshkeys-alice", "8");
  const looking = reconcile(
    projection,
    ALICE,
    () => NOW,
    () => undefined,
  );
  expect(looking.next().value).toMatchObject({ kind: "listMetadata" });
  looking.next({ kind: "found", object: { metadata: metadata("8") }, resourceVersion: "8" });
  projection.putSecret(projection.toLiveSecret({ metadata: { ...metadata("10"), labels }, data: {} }));
  // The write that restores it is rejected.
  const writing = reconcile(
    projection,
    ALICE,
    () => NOW,
    () => undefined,
  );
  let step = writing.next();
  while (step.done !== true)
    step = writing.next({ kind: "refused", reason: "rejected", message: "A quota." });
  const claim = projection.claims.get("team-a", "laptop");
  expect(claim && projection.lastVerdict(claim)).toMatchObject({
    projected: "False",
    state: "SecretConflict",
  });
});
