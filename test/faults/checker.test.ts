import { describe, expect, test } from "vitest";
import { proof } from "../claims/keypairs.ts";
import type { Version } from "../cluster/history.ts";
import {
  breaches,
  CREATED,
  foreign,
  gone,
  HOUR_MS,
  key,
  MANAGED,
  metadata,
  NOW,
  ONE,
  sent,
  TWO,
  version,
} from "./breaches.ts";

/** Said when everybody knows what was written before. */
const LATER = { holds: "False", at: NOW + HOUR_MS };
const BOBS = proof({ key: 1, user: "bob" });
const EXPIRING = `expiry-time="20260101000010Z" ${ONE} team/one`;

describe("a write of the operator is found out", () => {
  const FOUND: readonly (readonly [what: string, said: string, versions: readonly Version[]])[] = [
    ["that takes up a key that no SSHKey has", "there was no such SSHKey", [secret(2, [`${ONE} team/one`])]],
    [
      "that takes up a key that was revoked long ago",
      "there was no such SSHKey",
      [key(1, ONE), gone(key(2, ONE)), secret(3, [`${ONE} team/one`], {}, NOW + HOUR_MS)],
    ],
    [
      "that takes up a key that is disabled",
      "refused, disabled or expired",
      [key(1, ONE, { disabled: true }), secret(2, [`${ONE} team/one`])],
    ],
    [
      "that takes up a key that is no key",
      "refused, disabled or expired",
      [key(1, ONE, { options: ["nonsense"] }), secret(2, [`${ONE} team/one`])],
    ],
    [
      "that takes up another key than the SSHKey has",
      "no SSHKey of that name had this key",
      [key(1, ONE), secret(2, [`${TWO} team/one`])],
    ],
    [
      "that takes up a key without its options",
      "no SSHKey of that name had this key",
      [key(1, ONE, { options: ["restrict"] }), secret(2, [`${ONE} team/one`])],
    ],
    [
      "that keeps a key that expired long ago",
      "kept team/one: it was refused, disabled or expired",
      [
        key(1, ONE, { expiresAt: "2026-01-01T00:00:10Z" }),
        secret(2, [EXPIRING]),
        secret(3, [EXPIRING], {}, NOW + HOUR_MS),
      ],
    ],
    [
      "that takes up a key that an older SSHKey of the namespace has",
      "took up team/two: team/one had the better claim",
      [
        key(1, ONE),
        status(2, ONE, "Projected", { holds: "True" }, [`${ONE} team/one`]),
        key(3, ONE, { user: "bob" }, "two", NOW + 1000),
        secret(4, [`${ONE} team/two`], { user: "bob" }, NOW + HOUR_MS),
      ].flat(),
    ],
    [
      "that takes up a key that a younger SSHKey has proven",
      "took up team/one: team/two had the better claim",
      [
        key(1, ONE),
        key(2, ONE, { user: "bob", proof: BOBS }, "two", NOW + 1000),
        key(3, ONE, { user: "bob", proof: BOBS, title: "x" }, "two", NOW + 2000),
        secret(4, [`${ONE} team/one`], {}, NOW + HOUR_MS),
      ],
    ],
    [
      "that takes up a key for an older SSHKey whose proof is another user's",
      "took up team/one: team/two had the better claim",
      [
        key(1, ONE, { proof: BOBS }),
        key(2, ONE, { user: "bob", proof: BOBS }, "two", NOW + 1000),
        key(3, ONE, { user: "bob", proof: BOBS, title: "x" }, "two", NOW + 2000),
        secret(4, [`${ONE} team/one`], {}, NOW + HOUR_MS),
      ],
    ],
    [
      "that says Proven of another user's proof",
      "says that Proven is True",
      [key(1, ONE, { proof: BOBS }), ...status(2, ONE, "Disabled", { holds: "False", proof: BOBS })],
    ],
    [
      "that changes a Secret without the label",
      "was written though it was not the operator's own",
      [key(1, ONE), foreign(secret(2, [], { labels: {} })), secret(3, [`${ONE} team/one`])],
    ],
    [
      "that changes a copy",
      "was written though it was not the operator's own",
      [key(1, ONE), foreign(secret(2, [], { place: "other/sshkeys-alice" })), secret(3, [`${ONE} team/one`])],
    ],
    [
      "that takes the label off",
      "was written without label or name",
      [key(1, ONE), secret(2, [`${ONE} team/one`], { labels: {} })],
    ],
    [
      "that says Projected before the Secret holds the key",
      "said to be Projected while it did not stand",
      [key(1, ONE), ...status(2, ONE, "Projected", { holds: "True" }), secret(3, [`${ONE} team/one`])],
    ],
    [
      "that says Disabled while the Secret holds the key",
      "said to be Disabled while it stood",
      [key(1, ONE), secret(2, [`${ONE} team/one`]), ...status(3, ONE, "Disabled", LATER)],
    ],
    [
      "that says Pending and not held while the Secret holds the key",
      "said to be Pending while it stood",
      [key(1, ONE), secret(2, [`${ONE} team/one`]), ...status(3, ONE, "Pending", LATER)],
    ],
    [
      "that says Disabled and not Ready",
      "is Disabled with Ready=False",
      [key(1, ONE), ...status(2, ONE, "Disabled", { holds: "False", ready: "False" })],
    ],
    [
      "that says Duplicate and not Stalled",
      "is Duplicate with Stalled=undefined",
      [key(1, ONE), ...status(2, ONE, "Duplicate", { holds: "False", ready: "False" })],
    ],
    [
      "of a status that speaks of an older spec",
      "has a status of another spec",
      [key(1, ONE), ...status(2, ONE, "Disabled", { holds: "False", observedGeneration: 0 })],
    ],
    [
      "that dates a claim before the SSHKey was made",
      "before it had it",
      [key(1, ONE), ...status(2, ONE, "Disabled", { holds: "False", claimedSince: "2025-01-01T00:00:00Z" })],
    ],
    [
      "that dates a claim another time",
      "and did so since",
      [
        key(1, ONE),
        ...status(2, ONE, "Disabled", { holds: "False" }),
        ...status(3, ONE, "Disabled", { holds: "False", claimedSince: "2026-01-01T01:00:00Z" }),
      ],
    ],
    [
      "that deletes a Secret with keys in it",
      "was deleted while it held keys",
      [key(1, ONE), secret(2, [`${ONE} team/one`]), gone(secret(3, []))],
    ],
    [
      "that deletes a Secret before its retention is over",
      "before its retention was over",
      [secret(2, []), gone(secret(3, [], {}, NOW + HOUR_MS))],
    ],
  ];

  test.each(FOUND)("%s", (_, said, versions) => {
    expect(breaches(versions)).toEqual([expect.stringContaining(said)]);
  });
});

test("a status that was sent before the Secret was written may land after it, but not speak of it", () => {
  const before = [key(1, ONE), ...status(2, ONE, "Projected", { holds: "True" }, [`${ONE} team/one`])];
  const emptied = secret(3, [], {}, NOW + HOUR_MS);
  const sentBefore = { receivedAt: NOW + HOUR_MS - 10 };
  const said = (reason: string, holds: string) =>
    sent(status(4, ONE, reason, { holds, at: NOW + HOUR_MS }), sentBefore);
  expect(breaches([...before, emptied, ...said("Projected", "True")])).toEqual([]);
  expect(breaches([...before, emptied, ...said("Disabled", "False")])).toEqual([
    expect.stringContaining("said to be Disabled while it stood"),
  ]);
});

test("a life without a breach is passed", () => {
  const life = [
    key(1, ONE),
    ...status(2, ONE, "Projected", { holds: "True" }, [`${ONE} team/one`]),
    gone(key(4, ONE)),
    secret(5, []),
    gone(secret(6, [], {}, NOW + 25 * HOUR_MS)),
  ];
  expect(breaches(life)).toEqual([]);
});

test("a younger SSHKey whose proof comes later takes the key over", () => {
  const [bob, later] = [{ user: "bob" }, NOW + HOUR_MS];
  const life = [
    key(1, ONE),
    ...status(2, ONE, "Projected", { holds: "True" }, [`${ONE} team/one`]),
    key(4, ONE, bob, "two", NOW + 1000),
    key(5, ONE, { ...bob, proof: BOBS }, "two", NOW + 1000),
    secret(6, [], {}, later),
    secret(7, [`${ONE} team/two`], bob, later),
  ];
  expect(breaches(life)).toEqual([]);
});

test("what others do to a Secret is not held against the operator", () => {
  const life = [
    key(1, ONE),
    secret(2, [`${ONE} team/one`]),
    foreign(secret(3, [`${TWO} intruder`])),
    ...status(4, ONE, "Projected", { holds: "True" }),
  ];
  expect(breaches(life)).toEqual([]);
});

interface Said {
  /** Of the condition `Projected`. */
  readonly holds: string;
  readonly ready?: string;
  readonly observedGeneration?: number;
  readonly claimedSince?: string;
  /** It says that this is one. */
  readonly proof?: string;
  /** ms since the epoch. */
  readonly at?: number;
}

/** A status of the first SSHKey; the Secret with `lines` is written just before. */
function status(
  revision: number,
  line: string,
  reason: string,
  said: Said,
  lines?: readonly string[],
): readonly Version[] {
  const { object } = key(revision, line, said.proof === undefined ? {} : { proof: said.proof });
  const { holds, ready = "True", observedGeneration = 1, claimedSince = CREATED, at = NOW } = said;
  const isFalse = reason === "Pending";
  const conditions = [
    { type: "Ready", status: isFalse ? "False" : ready, reason },
    { type: "Projected", status: holds, reason },
    ...(said.proof === undefined ? [] : [{ type: "Proven", status: "True", reason: "Proven" }]),
  ];
  const written = { ...object, status: { observedGeneration, claimedSince, conditions } };
  if (lines === undefined) return [version("sshkeys", revision, written, at)];
  const after = { ...written, metadata: { ...object.metadata, resourceVersion: String(revision + 0.5) } };
  return [secret(revision, lines), version("sshkeys", revision + 0.5, after)];
}

interface Look {
  readonly user?: string;
  readonly labels?: Record<string, string>;
  readonly place?: string;
}

function secret(revision: number, lines: readonly string[], o: Look = {}, at = NOW): Version {
  const { user = "alice", labels = MANAGED, place = `team/sshkeys-${user}` } = o;
  const annotations = {
    "sshkey-operator.dev/user": user,
    "sshkey-operator.dev/secret": place,
    ...(lines.length > 0 ? {} : { "sshkey-operator.dev/empty-since": CREATED }),
  };
  const file = lines.map((line) => `${line}\n`).join("");
  const object = {
    metadata: { ...metadata(revision, `sshkeys-${user}`), labels, annotations },
    data: { authorized_keys: Buffer.from(file).toString("base64") },
  };
  return version("secrets", revision, object, at);
}
