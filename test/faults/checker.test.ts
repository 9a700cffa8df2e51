import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../src/keyring/policy.ts";
import type { Write } from "../cluster/auditlog.ts";
import { ed25519 } from "../keyring/sshkeys.ts";
import { check } from "./checker.ts";
import type { Stored, Version } from "./history.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const HOUR_MS = 3_600_000;
const MANAGED = { "app.kubernetes.io/managed-by": "sshkey-operator" };
/** Key lines, as TYPE BASE64. */
const [ONE = "", TWO = ""] = [1, 2].map((seed) => ed25519(seed).split(" ").slice(0, 2).join(" "));

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
      "that takes up another key than the SSHKey has",
      "no SSHKey of that name had this key",
      [key(1, ONE), secret(2, [`${TWO} team/one`])],
    ],
    [
      "that keeps a key that expired long ago",
      "kept team/one: it was refused, disabled or expired",
      [
        key(1, ONE, { expiresAt: "2026-01-01T00:00:10Z" }),
        secret(2, [`${ONE} team/one`]),
        secret(3, [`${ONE} team/one`], {}, NOW + HOUR_MS),
      ],
    ],
    [
      "that takes up a key that a rival's Secret still holds",
      "while team/sshkeys-alice held the same key",
      [
        key(1, ONE),
        secret(2, [`${ONE} team/one`]),
        key(3, ONE, { user: "bob" }, "two"),
        secret(4, [`${ONE} team/two`], { user: "bob" }),
      ],
    ],
    [
      "that changes a Secret without the label",
      "was written without being managed",
      [key(1, ONE), foreign(secret(2, [], { labels: {} })), secret(3, [`${ONE} team/one`])],
    ],
    [
      "that says Projected before the Secret holds the key",
      "said to be Projected while it did not stand",
      [key(1, ONE), status(2, ONE, "Projected"), secret(3, [`${ONE} team/one`])],
    ],
    [
      "that says Disabled while the Secret holds the key",
      "said to be Disabled while it stood",
      [key(1, ONE), secret(2, [`${ONE} team/one`]), status(3, ONE, "Disabled")],
    ],
    [
      "that deletes a Secret with keys in it",
      "was deleted while it held keys",
      [key(1, ONE), secret(2, [`${ONE} team/one`]), gone(secret(3, []))],
    ],
    [
      "that deletes a Secret before its retention is over",
      "before its retention was over",
      [secret(2, [], { emptySince: "2026-01-01T00:00:00Z" }), gone(secret(3, [], {}, NOW + HOUR_MS))],
    ],
  ];

  test.each(FOUND)("%s", (_, said, versions) => {
    expect(breaches(versions)).toEqual([expect.stringContaining(said)]);
  });
});

test("a life without a breach is passed", () => {
  const life = [
    key(1, ONE),
    secret(2, [`${ONE} team/one`]),
    status(3, ONE, "Projected"),
    gone(key(4, ONE)),
    secret(5, [], { emptySince: "2026-01-01T00:00:00Z" }),
    gone(secret(6, [], {}, NOW + 25 * HOUR_MS)),
  ];
  expect(breaches(life)).toEqual([]);
});

test("what others do to a Secret is not held against the operator", () => {
  const life = [
    key(1, ONE),
    secret(2, [`${ONE} team/one`]),
    foreign(secret(3, [`${TWO} intruder`])),
    status(4, ONE, "Projected"),
  ];
  expect(breaches(life)).toEqual([]);
});

/** All but SSHKeys themselves is written by the operator, unless it is `foreign`. */
function breaches(versions: readonly Version[]): readonly string[] {
  const writes = versions
    .filter((version) => !("isForeign" in version))
    .map((version): Write => {
      const isDeletion = version.resource === "secrets" && version.isGone;
      return {
        id: String(version.revision),
        verb: isDeletion ? "delete" : "patch",
        resource: version.resource,
        subresource: "",
        namespace: version.object.metadata.namespace,
        name: version.object.metadata.name,
        userAgent: "sshkey-operator/0",
        resourceVersion: isDeletion ? 0 : version.revision,
        sent: isDeletion ? { preconditions: { uid: version.object.metadata.uid } } : {},
        answered: {},
      };
    });
  return check(versions, writes, { policy: DEFAULT_POLICY, blindMs: 1000, retention: 24 * HOUR_MS }).breaches;
}

function key(revision: number, line: string, spec: object = {}, name = "one"): Version {
  const object = {
    metadata: { ...metadata(revision, name), generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { user: "alice", key: line, ...spec },
  };
  return foreign(version("sshkeys", revision, object));
}

function status(revision: number, line: string, reason: string): Version {
  const { object } = key(revision, line);
  const conditions = [{ type: "Ready", reason }];
  return version("sshkeys", revision, { ...object, status: { observedGeneration: 1, conditions } });
}

function secret(
  revision: number,
  lines: readonly string[],
  o: { user?: string; labels?: Record<string, string>; emptySince?: string } = {},
  at = NOW,
): Version {
  const { user = "alice", labels = MANAGED, emptySince } = o;
  const annotations = {
    "sshkey-operator.dev/user": user,
    ...(emptySince === undefined ? {} : { "sshkey-operator.dev/empty-since": emptySince }),
  };
  const file = lines.map((line) => `${line}\n`).join("");
  const object = {
    metadata: { ...metadata(revision, `sshkeys-${user}`), labels, annotations },
    data: { authorized_keys: Buffer.from(file).toString("base64") },
  };
  return version("secrets", revision, object, at);
}

function metadata(revision: number, name: string) {
  return { namespace: "team", name, uid: `uid-of-${name}`, resourceVersion: String(revision) };
}

function version(resource: Version["resource"], revision: number, object: Stored, at = NOW): Version {
  return { resource, isGone: false, revision, at, object };
}

function gone(of: Version): Version {
  return { ...of, isGone: true };
}

function foreign(of: Version): Version & { readonly isForeign: true } {
  return { ...of, isForeign: true };
}
