/** What a STATE says to programs and to people. */
export interface StateMeaning {
  /** Status of the condition `Ready`: is the cluster in the state that the spec asks for? */
  readonly ready: "True" | "False";
  /** Is `Stalled` True, since nothing changes until a person acts? kstatus reads that as failed. */
  readonly stalled: boolean;
  readonly eventType: "Normal" | "Warning";
  /** Completes "the key is …". */
  readonly meaning: string;
  readonly whatToDo: string;
}

/**
 * Every STATE of an SSHKey: the reason of its condition `Ready`, and the word in Events, logs and metrics. README and
 * `kubectl explain` are compared with this table.
 */
export const STATES = {
  Projected: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning: "in the user's Secret (`status.secretName`)",
    whatToDo: "nothing",
  },
  Accepted: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning:
      "in force, where there is no Secret for each user (`secrets.perUser: false`); the Secrets of AuthorizedKeys hold it",
    whatToDo: "nothing",
  },
  Pending: {
    ready: "False",
    stalled: false,
    eventType: "Normal",
    meaning:
      "being added to the Secret or removed from it, or the API server returns errors, or the key or its proof is being examined; the message says which, and what it waits for",
    whatToDo: "wait; if it lasts, see the message",
  },
  SecretConflict: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning:
      "not in the Secret though it should be, or still in it though it should not: the API server rejects the write, or the Secret is not managed",
    whatToDo: "see the message; it clears within seconds after the cause is fixed",
  },
  Terminating: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning: "removed from the Secret: the SSHKey is being deleted, and a finalizer keeps the object",
    whatToDo: "nothing",
  },
  Disabled: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning: "removed from the Secret: `spec.disabled` is true",
    whatToDo: "set it to false to put the key back",
  },
  Expired: {
    ready: "True",
    stalled: false,
    eventType: "Normal",
    meaning: "removed from the Secret: `spec.expiresAt` has passed",
    whatToDo: "set a later date or delete the SSHKey",
  },
  Invalid: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "not a usable key; condition `Valid` has the exact reason",
    whatToDo: "correct the spec as the message says",
  },
  Compromised: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "one whose private key others have or can compute, or that anybody can sign for",
    whatToDo: "make a new key, by the command that the message names",
  },
  Revoked: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "on the administrator's list of revoked fingerprints",
    whatToDo: "make a new key, by the command that the message names",
  },
  Weak: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "of a type or size that the policy does not accept, or one that no program can use",
    whatToDo: "make a new key, by the command that the message names",
  },
  Unproven: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning:
      "without the proof of possession that the policy asks for; condition `Proven` has the exact reason",
    whatToDo: "sign the user's name as the message says, and put the signature into `spec.proof`",
  },
  Duplicate: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "held by another SSHKey with the better claim; promoted automatically when that one is gone",
    whatToDo: "delete it, prove it, or use another key, as the message says",
  },
  SecretFull: {
    ready: "False",
    stalled: true,
    eventType: "Warning",
    meaning: "one more than the user may have",
    whatToDo: "delete another key of the user",
  },
} as const satisfies Record<string, StateMeaning>;

export type State = keyof typeof STATES;

/**
 * The conditions of an SSHKey. `Stalled` is present only while a person has to act, `Proven` only where there is a proof or
 * one is required, `Advice` only while something is unusual about a key that is not refused for it.
 */
export const CONDITION_TYPES = [
  "Valid",
  "Unique",
  "Proven",
  "Projected",
  "Ready",
  "Stalled",
  "Advice",
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];
