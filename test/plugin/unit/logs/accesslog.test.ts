import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AccessLog } from "../../../../src/plugin/logs/accesslog.ts";

const FINGERPRINT = `SHA256:${"a".repeat(43)}`;

/** A line as the operator writes it. */
function line(second: number, change: string, fields: object = {}): string {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  return JSON.stringify({
    level: "info",
    time,
    event: "AccessChanged",
    namespace: "people",
    secret: "sshkeys-alice",
    user: "alice",
    change,
    sshKey: "alice-laptop",
    fingerprint: FINGERPRINT,
    reason: "Projected",
    ...fields,
  });
}

function accessAt(second: number, lines: readonly string[]) {
  const log = new AccessLog(Date.UTC(2026, 0, 1, 0, 0, second));
  for (const each of lines) log.add(each);
  return log.result();
}

function names(second: number, lines: readonly string[]): readonly string[] {
  return accessAt(second, lines).map(({ sshKey }) => sshKey);
}

describe("a key could log in", () => {
  const history = [line(10, "added"), line(20, "removed"), line(30, "added")];

  test.each([
    [9, []],
    [10, ["alice-laptop"]],
    [19, ["alice-laptop"]],
    [20, []],
    [29, []],
    [99, ["alice-laptop"]],
  ])("from when it was added until it was removed: at %i", (second, expected) => {
    expect(names(second, history)).toEqual(expected);
  });

  test("before the log begins, if it was removed later", () => {
    expect(accessAt(5, [line(10, "removed")])).toEqual([
      expect.not.objectContaining({ since: expect.anything() }),
    ]);
  });

  test.each([
    ["kubectl logs --prefix", (text: string) => `[pod/sshkey-operator-0/operator] ${text}`],
    ["kubectl logs --timestamps", (text: string) => `2026-01-01T00:00:00.1Z ${text}`],
    ["a file of the container runtime", (text: string) => `2026-01-01T00:00:00.1Z stdout F ${text}`],
    ["Docker", (text: string) => JSON.stringify({ log: `${text}\n`, stream: "stdout" })],
  ])("by a line of %s", (_, wrap) => {
    expect(names(15, [wrap(line(10, "added"))])).toEqual(["alice-laptop"]);
  });

  test("whatever the order of the lines, as those of two replicas come", () => {
    const lines = [
      ...history,
      line(12, "added", { sshKey: "alice-desk" }),
      line(25, "removed", { sshKey: "alice-desk" }),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(lines, { minLength: 5 }), fc.nat(40), (shuffled, second) => {
        expect(names(second, shuffled)).toEqual(names(second, lines));
      }),
    );
  });
});

test("of an AuthorizedKeys each file is one of its own, and the user is known from when the SSHKey was there", () => {
  const of = {
    secret: "bastion",
    user: undefined,
    authorizedKeys: "bastion",
    sshKeyNamespace: "people",
    namespace: "edge",
  };
  const added = line(1, "added", { ...of, user: "alice", login: "alice" });
  const lines = [
    added,
    line(2, "added", { ...of, user: "alice", login: "root" }),
    line(9, "removed", { ...of, login: "root" }),
    line(9, "removed", { ...of, login: "alice" }),
  ];
  expect(accessAt(5, lines.toReversed())).toEqual(
    ["alice", "root"].map((login, index) => ({
      namespace: "edge",
      secret: "bastion",
      user: "alice",
      authorizedKeys: "bastion",
      login,
      fingerprint: FINGERPRINT,
      sshKeyNamespace: "people",
      sshKey: "alice-laptop",
      since: `2026-01-01T00:00:0${index + 1}.000Z`,
    })),
  );
});

test("Secrets of which not all changes are named until then are told", () => {
  const more = JSON.stringify({
    event: "AccessChanged",
    time: "2026-01-01T00:00:05.000Z",
    namespace: "people",
    secret: "sshkeys-bob",
    change: "more",
  });
  const log = new AccessLog(Date.UTC(2026, 0, 1, 0, 0, 6));
  log.add(more);
  expect([...log.incomplete]).toEqual(["people/sshkeys-bob"]);
});

test.each([
  "",
  "{",
  "null",
  "[]",
  '{"event":"AccessChanged"}',
  line(1, "added", { time: 5 }),
  line(1, "added", { sshKey: 5 }),
])("a line like %s is passed over", (text) => {
  expect(names(99, [text])).toEqual([]);
});
