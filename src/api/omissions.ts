import type { StateMeaning } from "./states.ts";

/** What a word says to people. */
export interface OmissionMeaning {
  /** Completes "what is left out is …". */
  readonly meaning: string;
  readonly whatToDo: string;
}

/**
 * Why something that an AuthorizedKeys asks for is not in its Secret: the reason in `status.omitted`, in logs and
 * metrics. `kubectl explain` is compared with this table.
 */
export const OMISSIONS = {
  NotShared: {
    meaning: "of a namespace that does not share its keys with this one, or that does not exist",
    whatToDo:
      "let whoever may edit that Namespace add this one to its annotation `sshkey-operator.dev/share-keys-with`",
  },
  NoLogin: {
    meaning: "of a user whose name makes no login",
    whatToDo: "give the user a login in `spec.logins.map`",
  },
  LoginTaken: {
    meaning: "of a user whose login belongs to another user",
    whatToDo: "give one of them another login in `spec.logins.map`",
  },
  UserElsewhere: {
    meaning: "of a user whose name belongs to an earlier entry of `spec.from`",
    whatToDo: "name in `users` of the earlier entries those who are meant, or use another user name",
  },
  KeyTaken: {
    meaning: "a key that stands in the file for another SSHKey with the better claim",
    whatToDo: "prove the key or use another one, as the message says",
  },
  OptionsConflict: {
    meaning: "a key with an option of its own that could undo those of `spec.options`",
    whatToDo: "take the option that the message names from the SSHKey",
  },
  NotTemplatable: {
    meaning: "of a user or login that cannot be put safely in place of a percent sign of `spec.options`",
    whatToDo: "use another user name, or options without `%u`, `%n` and `%l`",
  },
  SecretFull: {
    meaning: "what the Secret has no room for",
    whatToDo: "divide the users between two AuthorizedKeys, and mount both in one projected volume",
  },
  Rejected: {
    meaning: "a key with which the API server refuses the Secret",
    whatToDo: "see the message",
  },
} as const satisfies Record<string, OmissionMeaning>;

export type OmissionReason = keyof typeof OMISSIONS;

/** Ready is Unknown while it is not known what the sources give. */
export interface AuthorizedKeysStateMeaning extends Omit<StateMeaning, "ready"> {
  readonly ready: StateMeaning["ready"] | "Unknown";
}

/**
 * Every STATE of an AuthorizedKeys: the reason of its condition `Ready`, and the word in Events, logs and metrics. Each
 * meaning completes "the Secret …". `kubectl explain` is compared with this table.
 */
export const AUTHORIZED_KEYS_STATES = {
  Projected: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning: "holds what the sources give; what is left out, `status.omitted` says",
    whatToDo: "nothing",
  },
  Pending: {
    ready: "False",
    stalled: false,
    eventType: "Normal",
    meaning: "is being written, or the API server returns errors; the message says which",
    whatToDo: "wait; if it lasts, see the message",
  },
  Unknown: {
    ready: "Unknown",
    stalled: false,
    eventType: "Warning",
    meaning: "stays as it is: a source cannot be read, and nobody loses access by a doubt",
    whatToDo: "give the operator the right that the message names",
  },
  InvalidOptions: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning:
      "cannot be made: `spec.options` holds an option that sshd would not accept, or that can never act",
    whatToDo: "correct the option that the message names",
  },
  SecretConflict: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning:
      "cannot be written: its name belongs to another, it is not managed, or the API server rejects the write",
    whatToDo: "see the message; it clears within seconds after the cause is fixed",
  },
  TooMany: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "is not written: the namespace has more AuthorizedKeys than it may have",
    whatToDo: "delete others that are not needed",
  },
  Terminating: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning: "is empty: the AuthorizedKeys is being deleted, and a finalizer keeps the object",
    whatToDo: "nothing",
  },
} as const satisfies Record<string, AuthorizedKeysStateMeaning>;

export type AuthorizedKeysState = keyof typeof AUTHORIZED_KEYS_STATES;

/** The conditions of an AuthorizedKeys. `Stalled` is present only while a person has to act. */
export const AUTHORIZED_KEYS_CONDITION_TYPES = ["Ready", "Complete", "Stalled"] as const;
