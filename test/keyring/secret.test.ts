import { describe, expect, it } from "vitest";
import {
  collectionTime,
  fileDigest,
  isAltered,
  isRevocation,
  readSecret,
  type SecretObject,
  type SecretRecord,
  secretWrite,
} from "../../src/keyring/secret.ts";
import { desiredSecret, secretRecord } from "./secrets.ts";

const NOW = Date.UTC(2026, 0, 2);
const DAY = 24 * 60 * 60 * 1000;
const FILE = "ssh-ed25519 AAAA team-a/alice-laptop\n";

const desired = desiredSecret(FILE);
const live = secretRecord(FILE);
const empty: SecretRecord = { ...live, fileDigest: fileDigest(""), keys: [], emptySince: NOW - DAY };

describe("which write a Secret needs", () => {
  it("is none when it holds what it should", () => {
    expect(secretWrite(desired, live, DAY, NOW)).toBeUndefined();
  });

  it("is a creation with the first accepted key", () => {
    expect(secretWrite(desired, undefined, DAY, NOW)).toMatchObject({ kind: "create" });
  });

  it("is none for a user who never had an accepted key", () => {
    expect(secretWrite({ ...desired, file: "" }, undefined, DAY, NOW)).toBeUndefined();
  });

  it("is an update that carries UID and resourceVersion when the file differs", () => {
    const write = secretWrite(desired, { ...live, fileDigest: fileDigest("edited") }, DAY, NOW);
    expect(write).toMatchObject({ kind: "update", patch: { metadata: { uid: "u1", resourceVersion: "7" } } });
  });

  it("takes out data that does not belong there", () => {
    const write = secretWrite(desired, { ...live, strayData: ["id_rsa"] }, DAY, NOW);
    expect(write).toMatchObject({ kind: "update", patch: { data: { id_rsa: null } } });
  });

  it("restores the annotation that says whose it is", () => {
    const write = secretWrite(desired, { ...live, user: "mallory" }, DAY, NOW);
    const annotations = { "sshkey-operator.dev/user": "alice" };
    expect(write).toMatchObject({ kind: "update", patch: { metadata: { annotations } } });
  });

  it("is none where nothing says whose it is: a label alone hands nothing over", () => {
    const labelled = { ...live, user: undefined, strayData: ["password"] };
    expect(
      secretWrite({ ...desired, user: undefined, file: "", isNamed: false }, labelled, DAY, NOW),
    ).toBeUndefined();
  });

  it("empties the file with the last key, and says since when", () => {
    const write = secretWrite({ ...desired, file: "" }, live, DAY, NOW);
    const annotations = { "sshkey-operator.dev/empty-since": "2026-01-02T00:00:00Z" };
    expect(write).toMatchObject({
      kind: "update",
      patch: { data: { authorized_keys: "" }, metadata: { annotations } },
    });
  });

  it("collects an empty Secret that nobody names when the retention is over", () => {
    const write = secretWrite({ ...desired, file: "", isNamed: false }, empty, DAY, NOW);
    expect(write).toEqual({ kind: "collect", preconditions: { uid: "u1", resourceVersion: "7" } });
  });

  it("keeps an empty Secret a millisecond before", () => {
    expect(secretWrite({ ...desired, file: "", isNamed: false }, empty, DAY, NOW - 1)).toBeUndefined();
  });

  it("keeps an empty Secret as long as an SSHKey names the user", () => {
    expect(secretWrite({ ...desired, file: "" }, empty, DAY, NOW + 100 * DAY)).toBeUndefined();
  });

  it("knows when it will be collected", () => {
    expect(collectionTime({ file: "", isNamed: false }, empty, DAY)).toBe(NOW);
  });
});

describe("whether a write only takes keys out", () => {
  const line = (key: string) => `ssh-ed25519 ${key} team-a/${key}\n`;
  const holding = { ...live, keys: ["AAAA", "BBBB"] };

  it.each([
    ["is so for the last key", "", true],
    ["is so for one of two", line("AAAA"), true],
    ["is not so when one comes for another", line("AAAA") + line("CCCC"), false],
    ["is not so when nothing goes", line("AAAA") + line("BBBB"), false],
  ])("%s", (_, file, expected) => {
    expect(isRevocation({ file }, holding)).toBe(expected);
  });
});

describe("reading a managed Secret", () => {
  const object = (data: Record<string, string> | undefined): SecretObject => ({
    metadata: { name: "sshkeys-alice", namespace: "team-a", uid: "u1", resourceVersion: "7" },
    ...(data === undefined ? {} : { data }),
  });
  const base64 = (text: string) => Buffer.from(text).toString("base64");

  it("finds the keys behind options with spaces and quotes", () => {
    const line = 'command="echo \\"a b\\"",restrict ssh-ed25519 AAAA team-a/alice\n';
    expect(readSecret(object({ authorized_keys: base64(line) })).keys).toEqual(["AAAA"]);
  });

  it("tells a missing data key from an empty file", () => {
    const [missing, present] = [readSecret(object(undefined)), readSecret(object({ authorized_keys: "" }))];
    expect(missing.fileDigest).not.toBe(present.fileDigest);
  });

  it("holds what secretWrite creates, so that a second look finds nothing to do", () => {
    const write = secretWrite(desired, undefined, DAY, NOW);
    if (write?.kind !== "create") throw new Error("a creation was expected");
    const { metadata, data } = write.object as unknown as SecretObject;
    const read = readSecret({
      metadata: { ...metadata, uid: "u1", resourceVersion: "1" },
      ...(data ? { data } : {}),
    });
    expect(secretWrite(desired, read, DAY, NOW)).toBeUndefined();
  });
});

describe("a Secret that was written", () => {
  it.each([
    ["with the file that was sent is not altered", {}, false],
    ["with another file is altered", { fileDigest: fileDigest("") }, true],
    ["with more data is altered", { strayData: ["extra"] }, true],
    ["for another user is altered", { user: "bob" }, true],
  ])("%s", (_, change, expected) => {
    expect(isAltered(desired, { ...live, ...change })).toBe(expected);
  });

  it("and is empty is not altered", () => {
    expect(isAltered({ ...desired, file: "", isNamed: false }, empty)).toBe(false);
  });
});
