import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { exchange } from "../../../../src/plugin/changes/rotation.ts";
import { type Cluster, ClusterError } from "../../../../src/plugin/cluster/cluster.ts";
import type { SSHKeyObject } from "../../../../src/plugin/cluster/sshkeys.ts";
import { readKeys } from "../../../../src/plugin/givenkeys/keytext.ts";
import { Session, type Streams } from "../../../../src/plugin/session/session.ts";
import { freshKey } from "../../../operator/publickeys.ts";

test("an SSHKey that somebody else made of the new key meanwhile is not taken back", async () => {
  const [key] = readKeys(freshKey(), "the key");
  if (key === undefined) throw new Error("no key");
  const spec = { user: "alice", key: `${key.type} ${key.blob.toString("base64")}` };
  const metadata = { name: "new", namespace: "team", uid: "1", resourceVersion: "1" };
  const theirs: SSHKeyObject = { metadata, spec };
  const requests: string[] = [];
  const cluster = {
    namespace: "team",
    create: async () => {
      requests.push("create");
      throw new ClusterError("AlreadyExists", "it is there");
    },
    get: async () => theirs,
    delete: async () => requests.push("delete"),
  } as unknown as Cluster;
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), env: {} };
  const session = new Session(streams as unknown as Streams, new AbortController().signal);
  const old = { ...theirs, metadata: { ...metadata, name: "old", uid: "0" } };
  const made = { key, spec, name: undefined };
  const flags = { dryRun: "none" } as const;
  await expect(exchange(session, cluster, { old, made, timeoutMs: 1000, flags })).rejects.toThrow(
    "somebody has added the new key meanwhile",
  );
  expect(requests).toEqual(["create"]);
});
