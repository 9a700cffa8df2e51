import { describe, expect, test } from "vitest";
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
  sent,
  sharedSecret,
  space,
} from "./breaches.ts";

const LINE = `${ONE} team/one`;
/** The AuthorizedKeys has one key in its Secret. */
const READY = [space(1, "*"), key(2, ONE), asks(3), sharedSecret(4, { alice: [LINE] })];
const EMPTIED = [...READY, gone(key(5, ONE)), sharedSecret(6, { alice: [] })];

describe("a status of an AuthorizedKeys is found out", () => {
  const FOUND: readonly (readonly [what: string, said: string, versions: readonly Version[]])[] = [
    [
      "that counts a key too many",
      "was said to have 2 keys in hop while there were 1",
      [...READY, says({ keyCount: 2 })],
    ],
    [
      "that counts a key too few",
      "was said to have 0 keys in hop while there were 1",
      [...READY, says({ keyCount: 0 })],
    ],
    [
      "that counts keys before they are there",
      "was said to have 1 keys in hop while there were none",
      [space(1, "*"), key(2, ONE), asks(3), says({}), sharedSecret(11, { alice: [LINE] })],
    ],
    [
      "that counts keys which went long ago",
      "was said to have 1 keys in hop while there were 0",
      [...EMPTIED, says({ at: NOW + HOUR_MS })],
    ],
    [
      "that speaks of a Secret which was deleted long ago",
      "while there were none",
      [...EMPTIED, foreign(gone(sharedSecret(7, {}))), says({ keyCount: 0, at: NOW + HOUR_MS })],
    ],
    ["that has keys in no Secret", "has 1 keys in no Secret", [...READY, says({ secretName: null })]],
    [
      "that speaks of an older spec",
      "has a status of another spec",
      [...READY, says({ observedGeneration: 0 })],
    ],
    [
      "that says Projected and not Ready",
      "is Projected with Ready=False",
      [...READY, says({ ready: "False" })],
    ],
    ["that says Pending and Ready", "is Pending with Ready=True", [...READY, says({ state: "Pending" })]],
    [
      "that says TooMany and not Stalled",
      "is TooMany with Stalled=undefined",
      [...READY, says({ state: "TooMany", ready: "False", secretName: null, keyCount: 0 })],
    ],
  ];

  test.each(FOUND)("%s", (_, said, versions) => {
    expect(breaches(versions)).toEqual([expect.stringContaining(said)]);
  });
});

describe("no breach is", () => {
  const PASSED: readonly (readonly [what: string, versions: readonly Version[]])[] = [
    ["the truth", [...READY, says({})]],
    [
      "what was true when it was sent",
      [
        ...READY,
        gone(key(5, ONE)),
        sharedSecret(6, { alice: [] }, { at: NOW + 10 }),
        ...sent([says({ at: NOW + 20 })], { receivedAt: NOW + 5 }),
      ],
    ],
    ["what somebody else has made untrue a moment ago", [...READY, foreign(sharedSecret(7, {})), says({})]],
  ];

  test.each(PASSED)("%s", (_, versions) => {
    expect(breaches(versions)).toEqual([]);
  });
});

interface Said {
  readonly state?: string;
  readonly ready?: string;
  readonly keyCount?: number;
  /** Null for none. */
  readonly secretName?: string | null;
  readonly observedGeneration?: number;
  /** ms since the epoch. */
  readonly at?: number;
}

/** The operator says of the AuthorizedKeys that one key is projected, unless it is said otherwise. */
function says(said: Said): Version {
  const {
    state = "Projected",
    ready = "True",
    keyCount = 1,
    secretName = "hop",
    observedGeneration = 1,
    at = NOW,
  } = said;
  const status = {
    observedGeneration,
    keyCount,
    ...(secretName === null ? {} : { secretName }),
    conditions: [{ type: "Ready", status: ready, reason: state, lastTransitionTime: CREATED }],
  };
  const { object, ...rest } = asks(10);
  const { resource, isGone, revision } = rest;
  return { resource, isGone, revision, at, object: { ...object, status } };
}
