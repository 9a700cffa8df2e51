import { describe, expect, test } from "vitest";
import { proof } from "../claims/keypairs.ts";
import type { Version } from "../cluster/history.ts";
import {
  asks,
  breaches,
  CREATED,
  foreign,
  gone,
  HOUR_MS,
  key,
  NOW,
  ONE,
  sharedSecret,
  space,
  TWO,
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
      [space(1, "*"), asks(2), sharedSecret(3, { alice: [LINE] })],
    ],
    [
      "that takes up another key than the SSHKey has",
      "no SSHKey of that name had this key",
      [...READY, sharedSecret(4, { alice: [`${TWO} team/one`] })],
    ],
    [
      "that takes up a key that is disabled",
      "refused, disabled or expired",
      [space(1, "*"), key(2, ONE, { disabled: true }), asks(3), sharedSecret(4, { alice: [LINE] })],
    ],
    [
      "that keeps a key that was revoked long ago",
      "kept team/one in alice: there was no such SSHKey",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        gone(key(5, ONE)),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key that another SSHKey of its namespace has proven",
      "team/two had the better claim",
      [
        ...READY,
        key(4, ONE, PROVEN, "two", NOW + 1000),
        key(5, ONE, { ...PROVEN, title: "x" }, "two", NOW + 2000),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key of a namespace that never shared its keys",
      "its namespace did not share its keys",
      [key(1, ONE), asks(2), sharedSecret(3, { alice: [LINE] })],
    ],
    [
      "that takes up a key of a namespace that shares its keys with another one",
      "its namespace did not share its keys",
      [space(1, "bas, bastion-*"), key(2, ONE), asks(3), sharedSecret(4, { alice: [LINE] })],
    ],
    [
      "that keeps a key of a namespace that withdrew its consent long ago",
      "kept team/one in alice: its namespace did not share its keys",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        space(5, ""),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that keeps a key of a namespace that was deleted long ago",
      "kept team/one in alice: its namespace did not share its keys",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        gone(space(5, "*")),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key of a user whom no entry names",
      "no entry of from takes its user",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, FROM("bob", "ali", "alice-*")),
        sharedSecret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that takes up a key of a namespace that no entry names",
      "no entry of from takes its user",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { from: [{ namespace: "people" }] }),
        sharedSecret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that takes up a key of a namespace without the labels of the selector",
      "no entry of from takes its user",
      [space(1, "*", { team: "b" }), key(2, ONE), asks(3, SELECTING), sharedSecret(4, { alice: [LINE] })],
    ],
    [
      "that gives the name of an earlier entry to a later one",
      "its user belongs to another namespace",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { from: [{ namespace: "people", users: ["al*"] }, { namespace: "team" }] }),
        sharedSecret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that puts a user's key into the file of another login",
      "its file is alice",
      [...READY, sharedSecret(4, { bob: [LINE] })],
    ],
    [
      "that makes a user root without being told to",
      "its file is NoLogin",
      [space(1, "*"), key(2, ONE, { user: "root" }), asks(3), sharedSecret(4, { root: [LINE] })],
    ],
    [
      "that gives a user a login which is mapped to another one",
      "its file is LoginTaken",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { logins: { map: [{ namespace: "team", user: "bob", login: "alice" }] } }),
        sharedSecret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that leaves out the options of the AuthorizedKeys",
      "its line is another one",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { options: ["restrict", "pty"] }),
        sharedSecret(4, { alice: [LINE] }),
      ],
    ],
    [
      "that puts another user's name into the options",
      "its line is another one",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, { options: ['command="serve %u"'] }),
        sharedSecret(4, { alice: [`command="serve bob" ${LINE}`] }),
      ],
    ],
    [
      "that takes over an option which could undo those of the AuthorizedKeys",
      "its line is another one",
      [
        space(1, "*"),
        key(2, ONE, { options: ['environment="A=1"'] }),
        asks(3),
        sharedSecret(4, { alice: [`environment="A=1" ${LINE}`] }),
      ],
    ],
    [
      "that takes up a key though the options of the AuthorizedKeys are none",
      "the options are none",
      [
        space(1, "*"),
        key(2, ONE),
        asks(3, FAULTY),
        foreign(sharedSecret(4, { alice: [] })),
        sharedSecret(5, { alice: [LINE] }),
      ],
    ],
    [
      "that takes up a key after the AuthorizedKeys was deleted",
      "no AuthorizedKeys asked for the Secret",
      [
        ...READY,
        sharedSecret(4, { alice: [] }),
        gone(asks(5)),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that takes up a key while the AuthorizedKeys is being deleted",
      "no AuthorizedKeys asked for the Secret",
      [
        ...READY,
        sharedSecret(4, { alice: [] }),
        asks(5, {}, { deletionTimestamp: CREATED }),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
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
        sharedSecret(5, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "that makes a file for each login in a SingleFile",
      "nobody asked for",
      [asks(1, SINGLE), sharedSecret(2, { alice: [] })],
    ],
    [
      "that makes one file of all where each login has one",
      "nobody asked for",
      [asks(1), sharedSecret(2, SINGLE_FILE)],
    ],
    [
      "that leaves a data key which is no login",
      "nobody asked for",
      [asks(1), sharedSecret(2, { "Alice.pem": [] })],
    ],
    [
      "that takes away a file which has just become empty",
      "has lost the file alice",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        sharedSecret(5, { alice: [] }, { at: NOW + HOUR_MS }),
        sharedSecret(6, {}, { at: NOW + 2 * HOUR_MS }),
      ],
    ],
    [
      "that changes a Secret without the label",
      "was written though it was not the operator's own",
      [asks(1), foreign(sharedSecret(2, {}, { labels: {} })), sharedSecret(3, {})],
    ],
    [
      "that changes a copy",
      "was written though it was not the operator's own",
      [asks(1), foreign(sharedSecret(2, {}, { place: "elsewhere/hop" })), sharedSecret(3, {})],
    ],
    [
      "that takes the label off",
      "was written without label or name",
      [asks(1), sharedSecret(2, {}, { labels: {} })],
    ],
    [
      "that says of an empty Secret that it is not",
      "says wrongly whether it is empty",
      [asks(1), sharedSecret(2, {}, { since: null })],
    ],
    [
      "that deletes a Secret with keys in it",
      "was deleted while it held keys",
      [...READY, sharedSecret(4, { alice: [LINE] }), gone(sharedSecret(5, {}))],
    ],
    [
      "that deletes a Secret before its retention is over",
      "before its retention was over",
      [asks(1), sharedSecret(2, {}), gone(asks(3)), gone(sharedSecret(4, {}, { at: LATER }))],
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
        sharedSecret(4, { alice: [LINE] }),
        asks(5, SINGLE),
        sharedSecret(6, { alice: [], authorized_keys: [LINE] }),
        gone(key(7, ONE)),
        sharedSecret(8, { alice: [], authorized_keys: [] }),
        gone(asks(9, SINGLE)),
        gone(sharedSecret(10, {}, { at: NOW + 25 * HOUR_MS })),
      ],
    ],
    [
      "a key of the own namespace, which need not share its keys",
      [
        space(1, ""),
        key(2, ONE),
        asks(3, { from: [{}] }, { namespace: "team" }),
        sharedSecret(4, { alice: [LINE] }, { namespace: "team" }),
      ],
    ],
    [
      "a key of a namespace that a selector finds",
      [space(1, "*", { team: "a" }), key(2, ONE), asks(3, SELECTING), sharedSecret(4, { alice: [LINE] })],
    ],
    [
      "what was so a moment ago: consent, entry and options",
      [
        ...READY,
        space(4, ""),
        asks(5, { ...FROM("bob"), options: ["restrict", "pty"] }),
        gone(key(6, ONE)),
        sharedSecret(7, { alice: [LINE] }),
      ],
    ],
    [
      "a key that stays while the options are none, whoever is asked for",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        asks(5, { ...FROM("bob"), ...FAULTY }),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "a line that stays with the options it had, when others are refused",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        asks(5, { options: ["restrict", "pty"] }),
        sharedSecret(6, { alice: [LINE] }, { at: LATER }),
      ],
    ],
    [
      "a file that goes after it has been empty for the retention",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        sharedSecret(5, { alice: [] }),
        sharedSecret(6, {}, { at: NOW + 25 * HOUR_MS }),
      ],
    ],
    [
      "what others do to the Secret",
      [
        ...READY,
        sharedSecret(4, { alice: [LINE] }),
        foreign(sharedSecret(5, { "Alice.pem": [`${TWO} intruder`] }, { labels: {} })),
      ],
    ],
  ];

  test.each(PASSED)("%s", (_, versions) => {
    expect(breaches(versions)).toEqual([]);
  });
});
