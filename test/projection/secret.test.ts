import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataOf } from "../../src/projection/files.ts";
import {
  buildCreate,
  buildDelete,
  buildUpdate,
  isAsDesired,
  type LiveSecret,
  type SecretObject,
  toLiveSecret,
} from "../../src/projection/secret.ts";
import { desiredSecret, line, linesRead, liveSecret, NOW } from "./secrets.ts";
import { filesOf, SecretServer, written } from "./secretserver.ts";

const OWN_NAME = "sshkey-operator.dev/secret";
const EMPTY_SINCE = "sshkey-operator.dev/empty-since";
const FILE = line("laptop");
const SETTINGS = { installation: "default", namePrefix: "sshkeys-" };

const LABELS = { "sshkey-operator.dev/managed": "default" };
const ANNOTATIONS = { [OWN_NAME]: "team-a/sshkeys-alice", "sshkey-operator.dev/user": "alice" };

function object(
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> },
  file: string | undefined = FILE,
): SecretObject {
  return {
    metadata: { name: "sshkeys-alice", namespace: "team-a", uid: "u1", resourceVersion: "7", ...metadata },
    ...(file === undefined ? {} : { data: { authorized_keys: Buffer.from(file).toString("base64") } }),
  };
}

function read(
  metadata: Parameters<typeof object>[0],
  known?: LiveSecret,
  installation = "default",
): LiveSecret {
  return toLiveSecret(object(metadata), { ...SETTINGS, installation }, known);
}

describe("whose a Secret is", () => {
  it.each([
    ["with label and its own name is managed", LABELS, ANNOTATIONS, "managed"],
    ["with the name of another Secret is a copy", LABELS, { [OWN_NAME]: "team-z/sshkeys-alice" }, "copy"],
    ["without a name is a copy", LABELS, {}, "copy"],
    ["without the label is another hand's", {}, ANNOTATIONS, "unlabelled"],
    [
      "of another installation is another hand's",
      { "sshkey-operator.dev/managed": "b" },
      ANNOTATIONS,
      "unlabelled",
    ],
    [
      "with the label for people alone is another hand's",
      { "app.kubernetes.io/managed-by": "sshkey-operator" },
      {},
      "unlabelled",
    ],
  ])("one %s", (_, labels, annotations, ownership) => {
    expect(read({ labels, annotations }).ownership).toBe(ownership);
  });
});

describe("what a Secret holds", () => {
  it("is what stands in it", () => {
    expect(read({ labels: LABELS, annotations: ANNOTATIONS }).files).toEqual(linesRead(FILE));
  });

  it("is unknown of one that lost its label and was never seen", () => {
    const bare = { metadata: object({ annotations: ANNOTATIONS }).metadata };
    expect(toLiveSecret(bare, SETTINGS).files).toBeUndefined();
  });

  it("is nothing of the operator's where nothing says so", () => {
    const bare = { metadata: object({}).metadata };
    expect(toLiveSecret(bare, SETTINGS).files).toEqual(linesRead(""));
  });

  it("is what was last seen once the label is gone", () => {
    const bare = { metadata: object({}).metadata };
    expect(toLiveSecret(bare, SETTINGS, liveSecret(FILE)).files).toEqual(linesRead(FILE));
  });

  it("is not what a Secret of the same name held before it was made anew", () => {
    expect(read({ labels: LABELS, annotations: ANNOTATIONS }, liveSecret("", { uid: "u0" })).files).toEqual(
      linesRead(FILE),
    );
  });

  it("is every file that has lines, by its data key", () => {
    const data = { alice: FILE, bob: "", carol: "no line\n", authorized_keys: line("desk") };
    const encoded = Object.fromEntries(
      Object.entries(data).map(([key, file]) => [key, Buffer.from(file).toString("base64")]),
    );
    const { metadata } = object({ labels: LABELS, annotations: ANNOTATIONS });
    expect(toLiveSecret({ metadata, data: encoded }, SETTINGS).files).toEqual(
      new Map([
        ["alice", FILE],
        ["authorized_keys", line("desk")],
      ]),
    );
  });

  it("tells a missing data key from an empty file", () => {
    const missing = toLiveSecret({ metadata: object({ labels: LABELS }).metadata }, SETTINGS);
    expect(missing.digest).not.toBe(toLiveSecret(object({ labels: LABELS }, ""), SETTINGS).digest);
  });
});

describe("writing a Secret", () => {
  it("what is created is as desired, so that a second look finds nothing to do", () => {
    const write = buildCreate(desiredSecret(FILE), "default", NOW);
    if (write.kind !== "create") throw new Error("a creation was expected");
    const created = write.object as SecretObject;
    const stored = { ...created, metadata: { ...created.metadata, uid: "u1", resourceVersion: "1" } };
    expect(isAsDesired(toLiveSecret(stored, SETTINGS), desiredSecret(FILE))).toBe(true);
  });

  it("an update is checked against the version that it was decided on", () => {
    const write = buildUpdate(desiredSecret(""), liveSecret(FILE), NOW);
    expect(write).toMatchObject({ patch: { metadata: { resourceVersion: "7" } } });
  });

  const dataKeys = fc.constantFrom("authorized_keys", "alice", "bob", "carol");
  const texts = fc.constantFrom(
    "",
    FILE,
    line("desk"),
    FILE + line("desk"),
    "nonsense",
    `${FILE}nonsense`,
    "é",
  );
  const ours = fc.constantFrom("", FILE, line("desk"), FILE + line("desk"));

  it("an update makes the Secret as desired, whatever stands in it", () => {
    const dates = fc.constantFrom("2026-01-01T00:00:00Z", "soon");
    const annotations = fc.record({ [EMPTY_SINCE]: dates }, { requiredKeys: [] });
    const present = fc.dictionary(dataKeys, texts);
    const wanted = fc.dictionary(dataKeys, ours);
    fc.assert(
      fc.property(present, annotations, wanted, (data, told, files) => {
        const desired = desiredSecret("", { files: new Map(Object.entries(files)) });
        const stored = object({ labels: LABELS, annotations: { ...ANNOTATIONS, ...told } }, undefined);
        const before = { ...stored, data: dataOf(new Map(Object.entries(data))) };
        const write = buildUpdate(desired, toLiveSecret(before, SETTINGS), NOW);
        if (write.kind !== "update") throw new Error("an update was expected");
        expect(isAsDesired(toLiveSecret(written(write, before), SETTINGS), desired)).toBe(true);
      }),
    );
  });

  it("an update leaves no data key but its own, however many there are", () => {
    const many = Array.from({ length: 3000 }, (_, i): [string, string] => [`stray-${i}`, "nonsense"]);
    const stored = object({ labels: LABELS, annotations: ANNOTATIONS });
    const before = { ...stored, data: dataOf(new Map(many)) };
    const write = buildUpdate(desiredSecret(FILE), toLiveSecret(before, SETTINGS), NOW);
    if (write.kind !== "update") throw new Error("an update was expected");
    expect(filesOf(written(write, before))).toEqual({ authorized_keys: FILE });
  });

  it("an update sends none of the files that stay", () => {
    const held = new Map([1, 2, 3].map((i) => [`user-${i}`, line(`key-${i}`)]));
    const live = liveSecret("", { files: held, emptyFiles: [] });
    const write = buildUpdate(desiredSecret("", { files: new Map(held).set("user-2", "") }), live, NOW);
    expect(write).toMatchObject({ patch: { data: { "user-2": "" } } });
    expect(JSON.stringify(write)).not.toContain("user-1");
  });

  it("a deletion is of exactly the Secret that was seen", () => {
    expect(buildDelete(liveSecret(""))).toMatchObject({
      preconditions: { uid: "u1", resourceVersion: "7" },
    });
  });

  it.each<[string, Partial<LiveSecret>, string]>([
    ["from now", {}, "2026-01-02T03:04:05Z"],
    [
      "from before, when it was empty before",
      { files: linesRead(""), emptySince: NOW - 60_000 },
      "2026-01-02T03:03:05Z",
    ],
    ["from now, whatever date stood on it while it was not empty", { emptySince: 0 }, "2026-01-02T03:04:05Z"],
  ])("the retention of an emptied one counts %s", (_, facts, value) => {
    const write = buildUpdate(desiredSecret(""), liveSecret(FILE, facts), NOW);
    expect(write).toMatchObject({ patch: { metadata: { annotations: { [EMPTY_SINCE]: value } } } });
  });

  it("an update leaves nobody else for whom it says that it is", () => {
    const forWhom = { "sshkey-operator.dev/authorized-keys": "bastion" };
    const server = new SecretServer("sshkey-operator.dev/managed", "default", () => "8");
    const live = liveSecret("", { forWhom, resourceVersion: "8" });
    server.put({ metadata: { namespace: live.namespace, name: live.name, annotations: forWhom } });
    server.write(buildUpdate(desiredSecret(FILE), live, NOW));
    expect(server.get("team-a/sshkeys-alice")?.metadata.annotations).toEqual({
      "sshkey-operator.dev/user": "alice",
    });
  });

  it("an update is told that it is outdated also when the date it takes out is gone meanwhile", () => {
    let version = 1;
    const server = new SecretServer("sshkey-operator.dev/managed", "default", () => String(++version));
    const metadata = { name: "sshkeys-alice", namespace: "team-a", annotations: {} };
    server.put({ metadata, data: { authorized_keys: "" } });
    const live = liveSecret("", { emptySince: 1, resourceVersion: "1" });
    expect(server.write(buildUpdate(desiredSecret(FILE), live, NOW))).toEqual({ kind: "conflict" });
  });
});

describe("a Secret is as desired", () => {
  it.each<[string, Partial<LiveSecret>, boolean]>([
    ["with the file and nothing else", {}, true],
    ["not with another file", { files: linesRead("") }, false],
    ["not with anything else beside the lines", { foreignFiles: ["authorized_keys"] }, false],
    ["not with another data key", { emptyFiles: ["other"] }, false],
    ["not for another user", { forWhom: { "sshkey-operator.dev/user": "bob" } }, false],
    [
      "not for an AuthorizedKeys as well",
      {
        forWhom: { "sshkey-operator.dev/user": "alice", "sshkey-operator.dev/authorized-keys": "bastion" },
      },
      false,
    ],
    ["not with a date of emptiness while it is not empty", { emptySince: 1 }, false],
  ])("%s", (_, facts, expected) => {
    expect(isAsDesired(liveSecret(FILE, facts), desiredSecret(FILE))).toBe(expected);
  });
});
