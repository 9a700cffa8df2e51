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
  TWO,
  version,
} from "./breaches.ts";

const LATER = NOW + HOUR_MS;
const SINGLE = { layout: "SingleFile" };
/** Of alice's key in the namespace team. */
const LINE = `${ONE} team/one`;
const SINGLE_FILE = { authorized_keys: [] };
const FAULTY = { options: ["no-such-option"] };
const SELECTING = { from: [{ namespaceSelector: { matchLabels: { team: "a" } } }], identity: "ByName" };
const PROVEN = { user: "bob", proof: proof({ key: 1, user: "bob" }) };
const FROM = (...users: readonly string[]) => ({ from: [{ namespace: "team", users }] });
/** The namespace team shares its keys, alice has one there, and an AuthorizedKeys takes it. */
const READY = [space(1, "*"), key(2, ONE), asks(3)];

describe("a write of the Secret of an AuthorizedKeys is found out", () => {
  const FOUND: readonly (readonly [what: string, said: string, versions: readonly Version[]])[] = [
    [
      "that takes up a key that no SSHKey has",
      "took up team/one in alice: there was no such SSHKey",
      [space(1, "*"), asks(2), secret(3, { alice: [LINE] })],
    ],
    [
      "that takes up another key than the SSHKey has",
      "no SSHKey of that name had this key",
      [...READY, secret(4, { alice: [`${TWO} team/one`] })],
    ],
    [
      "that takes up a key that is disabled",
      "refused, disabled or expired",
      [space(1, "*"), key(2, ONE, { disabled: true }), asks(3), secret(4, { alice: [LINE] })],
    ],
    [
      "that keeps a key that was revoked long ago",
      "kept team/one in alice: there was no such SSHKey",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        gone(key(5, ONE)),
        secret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key that another SSHKey of its namespace has proven",
      "team/two had the better claim",
      [
        ...READY,
        key(4, ONE, PROVEN, "two", NOW + 1000),
        key(5, ONE, { ...PROVEN, title: "x" }, "two", NOW + 2000),
        secret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key of a namespace that never shared its keys",
      "its namespace did not share its keys",
      [key(1, ONE), asks(2), secret(3, { alice: [LINE] })],
    ],
    [
      "that takes up a key of a namespace that shares its keys with another one",
      "its namespace did not share its keys",
      [space(1, "bas, bastion-*"), key(2, ONE), asks(3), secret(4, { alice: [LINE] })],
    ],
    [
      "that keeps a key of a namespace that withdrew its consent long ago",
      "kept team/one in alice: its namespace did not share its keys",
      [...READY, secret(4, { alice: [LINE] }), space(5, ""), secret(6, { alice: [LINE] }, { at: LATER })],
    ],
    [
      "that keeps a key of a namespace that was deleted long ago",
      "kept team/one in alice: its namespace did not share its keys",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        gone(space(5, "*")),
        secret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key of a user whom no entry names",
      "no entry of from takes its user",
      [space(1, "*"), key(2, ONE), asks(3, FROM("bob", "ali", "alice-*")), secret(4, { alice: [LINE] })],
    ],
    [
      "that takes up a key of a namespace that no entry names",
      "no entry of from takes its user",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { from: [{ namespace: "people" }] }),
        secret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that takes up a key of a namespace without the labels of the selector",
      "no entry of from takes its user",
      [space(1, "*", { team: "b" }), key(2, ONE), asks(3, SELECTING), secret(4, { alice: [LINE] })],
    ],
    [
      "that gives the name of an earlier entry to a later one",
      "its user belongs to another namespace",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { from: [{ namespace: "people", users: ["al*"] }, { namespace: "team" }] }),
        secret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that puts a user's key into the file of another login",
      "its file is alice",
      [...READY, secret(4, { bob: [LINE] })],
    ],
    [
      "that makes a user root without being told to",
      "its file is NoLogin",
      [space(1, "*"), key(2, ONE, { user: "root" }), asks(3), secret(4, { root: [LINE] })],
    ],
    [
      "that gives a user a login which is mapped to another one",
      "its file is LoginTaken",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { logins: { map: [{ namespace: "team", user: "bob", login: "alice" }] } }),
        secret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that leaves out the options of the AuthorizedKeys",
      "its line is another one",
      [space(1, "*"), key(2, ONE), asks(3, { options: ["restrict", "pty"] }), secret(4, { alice: [LINE] })],
    ],
    [
      "that puts another user's name into the options",
      "its line is another one",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { options: ['command="serve %u"'] }),
        secret(4, { alice: [`command="serve bob" ${LINE}`] }),
      ],
    ],
    [
      "that takes over an option which could undo those of the AuthorizedKeys",
      "its line is another one",
      [
        space(1, "*"),
        key(2, ONE, { options: ['environment="A=1"'] }),
        asks(3),
        secret(4, { alice: [`environment="A=1" ${LINE}`] }),
      ],
    ],
    [
      "that takes up a key though the options of the AuthorizedKeys are none",
      "the options are none",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, FAULTY),
        foreign(secret(4, { alice: [] })),
        secret(5, { alice: [LINE] }),
      ],
    ],
    [
      "that takes up a key after the AuthorizedKeys was deleted",
      "no AuthorizedKeys asked for the Secret",
      [...READY, secret(4, { alice: [] }), gone(asks(5)), secret(6, { alice: [LINE] }, { at: LATER })],
    ],
    [
      "that takes up a key while the AuthorizedKeys is being deleted",
      "no AuthorizedKeys asked for the Secret",
      [
        ...READY,
        secret(4, { alice: [] }),
        asks(5, {}, { deletionTimestamp: CREATED }),
        secret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up what a younger AuthorizedKeys asks of another's Secret",
      "no entry of from takes its user",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, FROM("bob")),
        asks(4, { secretName: "hop" }, { name: "other", uid: "zzz" }),
        secret(5, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that makes a file for each login in a SingleFile",
      "nobody asked for",
      [asks(1, SINGLE), secret(2, { alice: [] })],
    ],
    [
      "that makes one file of all where each login has one",
      "nobody asked for",
      [asks(1), secret(2, SINGLE_FILE)],
    ],
    [
      "that leaves a data key which is no login",
      "nobody asked for",
      [asks(1), secret(2, { "Alice.pem": [] })],
    ],
    [
      "that takes away a file which has just become empty",
      "has lost the file alice",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        secret(5, { alice: [] }, { at: NOW + HOUR_MS }),
        secret(6, {}, { at: NOW + 2 * HOUR_MS }),
      ],
    ],
    [
      "that changes a Secret without the label",
      "was written though it was not the operator's own",
      [asks(1), foreign(secret(2, {}, { labels: {} })), secret(3, {})],
    ],
    [
      "that changes a copy",
      "was written though it was not the operator's own",
      [asks(1), foreign(secret(2, {}, { place: "elsewhere/hop" })), secret(3, {})],
    ],
    [
      "that takes the label off",
      "was written without label or name",
      [asks(1), secret(2, {}, { labels: {} })],
    ],
    [
      "that says of an empty Secret that it is not",
      "says wrongly whether it is empty",
      [asks(1), secret(2, {}, { since: null })],
    ],
    [
      "that deletes a Secret with keys in it",
      "was deleted while it held keys",
      [...READY, secret(4, { alice: [LINE] }), gone(secret(5, {}))],
    ],
    [
      "that deletes a Secret before its retention is over",
      "before its retention was over",
      [asks(1), secret(2, {}), gone(asks(3)), gone(secret(4, {}, { at: LATER }))],
    ],
  ];

  test.each(FOUND)("%s", (_, said, versions) => {
    expect(breaches(versions)).toEqual([expect.stringContaining(said)]);
  });
});

describe("no breach is", () => {
  const PASSED: readonly (readonly [what: string, versions: readonly Version[]])[] = [
    [
      "a whole life",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        asks(5, SINGLE),
        secret(6, { alice: [], authorized_keys: [LINE] }),
        gone(key(7, ONE)),
        secret(8, { alice: [], authorized_keys: [] }),
        gone(asks(9, SINGLE)),
        gone(secret(10, {}, { at: NOW + 25 * HOUR_MS })),
      ],
    ],
    [
      "a key of the own namespace, which need not share its keys",
      [
        space(1, ""),
        key(2, ONE),
        asks(3, { from: [{}] }, { namespace: "team" }),
        secret(4, { alice: [LINE] }, { namespace: "team" }),
      ],
    ],
    [
      "a key of a namespace that a selector finds",
      [space(1, "*", { team: "a" }), key(2, ONE), asks(3, SELECTING), secret(4, { alice: [LINE] })],
    ],
    [
      "what was so a moment ago: consent, entry and options",
      [
        ...READY,
        space(4, ""),
        asks(5, { ...FROM("bob"), options: ["restrict", "pty"] }),
        gone(key(6, ONE)),
        secret(7, { alice: [LINE] }),
      ],
    ],
    [
      "a key that stays while the options are none, whoever is asked for",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        asks(5, { ...FROM("bob"), ...FAULTY }),
        secret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "a line that stays with the options it had, when others are refused",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        asks(5, { options: ["restrict", "pty"] }),
        secret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "a file that goes after it has been empty for the retention",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        secret(5, { alice: [] }),
        secret(6, {}, { at: NOW + 25 * HOUR_MS }),
      ],
    ],
    [
      "what others do to the Secret",
      [
        ...READY,
        secret(4, { alice: [LINE] }),
        foreign(secret(5, { "Alice.pem": [`${TWO} intruder`] }, { labels: {} })),
      ],
    ],
  ];

  test.each(PASSED)("%s", (_, versions) => {
    expect(breaches(versions)).toEqual([]);
  });
});

function space(revision: number, shares: string, labels: object = {}): Version {
  const annotations = { "sshkey-operator.dev/share-keys-with": shares };
  const { namespace: _, ...rest } = metadata(revision, "team");
  return foreign(
    version("namespaces", revision, { metadata: { ...rest, labels: { ...labels }, annotations } }),
  );
}

/** The AuthorizedKeys `hop` of the namespace bastion takes the keys of the namespace team, unless it is said otherwise. */
function asks(
  revision: number,
  spec: object = {},
  rest: { name?: string; [field: string]: string } = {},
): Version {
  const { name = "hop" } = rest;
  const object = {
    metadata: { ...metadata(revision, name, "bastion"), creationTimestamp: CREATED, ...rest },
    spec: { from: [{ namespace: "team" }], ...spec },
  };
  return foreign(version("authorizedkeys", revision, object));
}

interface Look {
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  /** What the annotation says of its own name. */
  readonly place?: string;
  /** Since when it says to have been empty; null if it does not. */
  readonly since?: string | null;
  readonly at?: number;
}

/** `files`: the lines by data key. */
function secret(revision: number, files: Readonly<Record<string, readonly string[]>>, o: Look = {}): Version {
  const { namespace = "bastion", labels = MANAGED, at = NOW } = o;
  const isEmpty = Object.values(files).every((lines) => lines.length === 0);
  const { place = `${namespace}/hop`, since = isEmpty ? CREATED : null } = o;
  const annotations = {
    "sshkey-operator.dev/secret": place,
    ...(since === null ? {} : { "sshkey-operator.dev/empty-since": since }),
  };
  const data = Object.entries(files).map(([dataKey, lines]) => [
    dataKey,
    Buffer.from(lines.map((line) => `${line}\n`).join("")).toString("base64"),
  ]);
  const object = {
    metadata: { ...metadata(revision, "hop", namespace), labels, annotations },
    data: Object.fromEntries(data),
  };
  return version("secrets", revision, object, at);
}
