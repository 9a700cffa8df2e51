import type { RefusalCode } from "../ssh/refusal.ts";
import { WEAKNESS_CLASSES, type WeaknessClass, type WeaknessCode } from "../ssh/weakness/classes.ts";

/** What a code says to people. docs/errors.md is made from these tables. */
export interface ErrorMeaning {
  /** A sentence. */
  readonly meaning: string;
  /** A sentence, or empty where nothing is to be done. */
  readonly whatToDo: string;
}

const COPY = "Copy the whole line again from the `.pub` file.";
const NEW_KEY =
  "Make a new key of an accepted type: `ssh-keygen -t ed25519`, unless the message names another command.";
const OPTION = "Correct the entry of `spec.options` that the message names.";
const NEW_KEY_EVERYWHERE = `${NEW_KEY} Remove this one everywhere else.`;
const RETRIES = "Nothing: the operator retries.";

/**
 * Why a key is refused: the reason of the condition `Valid` for what makes it Invalid, that of `Proven` for what makes it
 * Unproven, and `codes` of the log line StateChanged for every finding.
 */
export const KEY_ERRORS = {
  Empty: { meaning: "There is no key in `spec.key`.", whatToDo: "Give the line of the `.pub` file." },
  TooLong: {
    meaning: "The key or the options are longer than any that OpenSSH makes.",
    whatToDo: "Give one key on one line, and fewer or shorter options.",
  },
  NulCharacter: { meaning: "The key holds a zero byte.", whatToDo: COPY },
  SeveralKeys: { meaning: "There is more than one key.", whatToDo: "Give each key an SSHKey of its own." },
  SeveralLines: {
    meaning: "There is more than one line.",
    whatToDo: "Give the one line of the `.pub` file.",
  },
  OptionsInKey: {
    meaning: "Something stands before the key's type.",
    whatToDo: "Begin with the type, and put options into `spec.options`.",
  },
  MissingType: {
    meaning: "The line begins with the base64 and not with the type.",
    whatToDo: COPY,
  },
  BadCharacter: {
    meaning: "The key line contains an invalid character: a typographic quote or dash, or an invisible one.",
    whatToDo: "Copy the line again as plain text.",
  },
  QuotedKey: { meaning: "The key stands in quotes.", whatToDo: "Remove them." },
  EncodedKey: {
    meaning: "This is the base64 of a key line.",
    whatToDo: "Decode it with `base64 -d`, and give the line itself.",
  },
  UnknownType: {
    meaning: "The key type is not supported.",
    whatToDo: "Give a key of one of the types in the message.",
  },
  TypeMismatch: { meaning: "The line names one type, and the key in it has another.", whatToDo: COPY },
  PrivateKey: {
    meaning: "This is a private key, and whoever reads it can log in as you.",
    whatToDo: "Give the line of the `.pub` file; and make a new key, since this one is no secret any more.",
  },
  Certificate: {
    meaning: "This is an OpenSSH certificate.",
    whatToDo: "Give the plain key: the `.pub` file without `-cert` in its name.",
  },
  ForeignFormat: {
    meaning: "This is a key in another format than OpenSSH's one line.",
    whatToDo: "Convert it as the message says.",
  },
  BadBase64: { meaning: "The base64 of the key is broken.", whatToDo: COPY },
  Truncated: { meaning: "The key ends too early.", whatToDo: COPY },
  TrailingBytes: { meaning: "Bytes follow the end of the key.", whatToDo: COPY },
  BadString: { meaning: "A name inside the key holds a zero byte.", whatToDo: COPY },
  NegativeInteger: { meaning: "A number inside the key is negative.", whatToDo: COPY },
  IntegerTooLong: { meaning: "A number inside the key has more than 16,384 bits.", whatToDo: NEW_KEY },
  RSABelowOpenSSHMinimum: {
    meaning: "The RSA key has fewer than the 1024 bits that OpenSSH requires.",
    whatToDo: NEW_KEY,
  },
  CurveMismatch: { meaning: "The key's type asks for one curve, and the key names another.", whatToDo: COPY },
  PointNotUncompressed: { meaning: "The key's point is not in the form that OpenSSH takes.", whatToDo: COPY },
  PointNotOnCurve: {
    meaning: "The key's point does not lie on its curve.",
    whatToDo: `${COPY} If that is the line, make a new key.`,
  },
  PointOutOfRange: { meaning: "The key's point is one that OpenSSH refuses as unsafe.", whatToDo: NEW_KEY },
  BadKeyLength: { meaning: "A key of this type has another length.", whatToDo: COPY },
  BadOption: { meaning: "An option is written in a way that sshd does not read.", whatToDo: OPTION },
  UnknownOption: {
    meaning: "sshd knows no option of that name, and would refuse the whole line.",
    whatToDo: OPTION,
  },
  BadOptionValue: {
    meaning: "An option has a value that sshd refuses or that never matches.",
    whatToDo: OPTION,
  },
  SeveralOptions: {
    meaning: "One entry holds several options.",
    whatToDo: "Make each option an entry of its own.",
  },
  DuplicateOption: { meaning: "An option that may be given once is given twice.", whatToDo: "Keep one." },
  ForbiddenOption: {
    meaning: "The option would make the key an authority, or is written by the operator.",
    whatToDo: "Remove it; instead of `expiry-time` set `spec.expiresAt`.",
  },
  InvalidKey: {
    meaning: "`spec.key` violates a validation rule of the CRD.",
    whatToDo: "Correct it as the message says.",
  },
  InvalidUser: {
    meaning: "`spec.user` violates a validation rule of the CRD.",
    whatToDo: "Correct it as the message says.",
  },
  InvalidTitle: {
    meaning: "`spec.title` violates a validation rule of the CRD.",
    whatToDo: "Correct it as the message says.",
  },
  InvalidOptionList: {
    meaning: "`spec.options` violates a validation rule of the CRD.",
    whatToDo: "Correct it as the message says.",
  },
  InvalidProof: {
    meaning: "`spec.proof` violates a validation rule of the CRD.",
    whatToDo: "Correct it as the message says.",
  },
  InvalidExpiresAt: {
    meaning: "`spec.expiresAt` is no RFC 3339 time.",
    whatToDo: "Write it like `2027-01-31T12:00:00Z` (RFC 3339).",
  },
  LifetimeTooLong: {
    meaning: "`spec.expiresAt` is missing, or later than `maximumLifetime` allows.",
    whatToDo: "Set `spec.expiresAt` to the time in the message or earlier.",
  },
  ...meaningsOfWeaknesses(),
  ListUnread: {
    meaning:
      "The key was Compromised, and a list of compromised keys cannot be read since the operator was started (`blocklists`).",
    whatToDo:
      "Mend the list that the log line `BlocklistUnreadable` names, or make a new key by the command in the message.",
  },
  ListOutdated: {
    meaning:
      "Another replica led before and has found the key Compromised or Revoked, and this one's lists do not say so: kubelet brings a changed list to each node at its own time.",
    whatToDo: "Wait two minutes: then the lists of this replica count.",
  },
  RevokedFingerprint: {
    meaning: "The fingerprint is on the administrator's list (`revokedKeys`).",
    whatToDo: NEW_KEY,
  },
  TypeNotAllowed: {
    meaning: "Keys of this type are not accepted here (`allowedTypes`).",
    whatToDo: "Make a key of an accepted type, as in the message.",
  },
  RSAKeyTooSmall: { meaning: "The RSA key has fewer bits than `minimumRSABits`.", whatToDo: NEW_KEY },
  RSAKeyTooLarge: { meaning: "The RSA key has more bits than `maximumRSABits`.", whatToDo: NEW_KEY },
  ProofMissing: {
    meaning: "A proof of possession is required, and there is no `spec.proof`.",
    whatToDo: "Run the command in the message, and put what it prints into `spec.proof`.",
  },
  ProofInvalid: {
    meaning:
      "`spec.proof` is no signature of the user's name by this key: it is damaged, for another namespace, or over another text.",
    whatToDo: "Run the command in the message, and put what it prints into `spec.proof`.",
  },
  ProofOfAnotherKey: {
    meaning: "`spec.proof` is a signature by another key.",
    whatToDo: "Sign with the key in `spec.key`, or remove `spec.proof`.",
  },
  ProofUnsupported: {
    meaning: "No signature by this key can prove anything here, as with ssh-dss, whose signatures use SHA-1.",
    whatToDo: NEW_KEY,
  },
  UserVerificationMissing: {
    meaning: "The proof of a security key was made without PIN or biometric (`requireUserVerification`).",
    whatToDo: "Make a key that asks for it: `ssh-keygen -t ed25519-sk -O verify-required`.",
  },
} as const satisfies Record<RefusalCode | WeaknessCode, ErrorMeaning> & Record<string, ErrorMeaning>;

export type KeyErrorCode = keyof typeof KEY_ERRORS;

export interface LogEventMeaning extends ErrorMeaning {
  /** `info` is history, `warn` recovers by itself or waits for a person, `error` is a bug or a file to fix. */
  readonly level: "info" | "warn" | "error";
}

/** Every `event` of the log. Its text is the meaning, and then what to do. */
export const LOG_EVENTS = {
  Started: { level: "info", meaning: "The SSHKey operator has started.", whatToDo: "" },
  Synced: {
    level: "info",
    meaning: "The caches are synced, except for inaccessible namespaces; /readyz answers 200.",
    whatToDo: "",
  },
  NewLeader: {
    level: "info",
    meaning: "The holder of the Lease changed; an empty leader means that it was released.",
    whatToDo: "",
  },
  StartedLeading: {
    level: "info",
    meaning: "This instance leads now: it writes Secrets and statuses.",
    whatToDo: "",
  },
  LeadershipLost: {
    level: "warn",
    meaning: "This instance no longer leads and writes nothing; it is a standby.",
    whatToDo:
      "If it happens often, the API server or the node is too slow for the lease times: look at both.",
  },
  LeaseFailed: {
    level: "warn",
    meaning: "The Lease could not be read or written; the operator retries.",
    whatToDo: "Once at a hand-over is normal; if it goes on, look at the error.",
  },
  WatchRestarted: {
    level: "warn",
    meaning: "A list or watch failed and is restarted.",
    whatToDo: "If it goes on, look at the error: permissions, the network, a proxy in between.",
  },
  NamespaceInaccessible: {
    level: "warn",
    meaning:
      "The namespace cannot be listed or watched (403 or 404); nothing is written there, and no other namespace waits for it.",
    whatToDo: "Compare its RoleBinding with deploy/, or remove the --namespace flag for it.",
  },
  AccessChanged: {
    level: "info",
    meaning: "A key was added to a Secret or removed from it.",
    whatToDo: "",
  },
  StateChanged: {
    level: "info",
    meaning: "The STATE of an SSHKey changed; level warn if a person has to act.",
    whatToDo: "",
  },
  SecretRestored: {
    level: "warn",
    meaning: "Another client changed or deleted a managed Secret, and it was restored.",
    whatToDo: "See the audit log and metadata.managedFields for who did.",
  },
  SecretCopied: {
    level: "warn",
    meaning:
      "A Secret has the operator's label and is a copy of a managed Secret, which no revocation reaches.",
    whatToDo: "Delete the copy.",
  },
  ConsentMalformed: {
    level: "warn",
    meaning: "A Namespace says with whom it shares its keys in words of which some can match no namespace.",
    whatToDo: "Correct its annotation sshkey-operator.dev/share-keys-with.",
  },
  RevocationBlocked: {
    level: "warn",
    meaning: "A Secret still holds keys without an SSHKey and cannot be written.",
    whatToDo: "Fix the cause that the message names.",
  },
  RevokedKeysRead: { level: "info", meaning: "The list of revoked keys was read.", whatToDo: "" },
  RevokedKeysUnreadable: {
    level: "error",
    meaning:
      "The list of revoked keys cannot be read, or a line is no fingerprint; what could be read of it holds.",
    whatToDo: "Fix the line or file that is named.",
  },
  BlocklistRead: {
    level: "info",
    meaning: "A list of compromised keys was read (`blocklists`).",
    whatToDo: "",
  },
  BlocklistGone: {
    level: "warn",
    meaning: "A list of compromised keys is no longer in its folder; keys are judged without it.",
    whatToDo: "Put it back, unless that was meant.",
  },
  BlocklistUnreadable: {
    level: "error",
    meaning:
      "A list of compromised keys, or a line of it, cannot be read; what was read of it before holds, if anything was.",
    whatToDo: "Fix the file that is named; `sshkey-operator blocklist show FILE` says the same of it.",
  },
  ReconcileFailed: {
    level: "warn",
    meaning: "A Secret or status could not be written; the operator retries.",
    whatToDo: "If it goes on, look at the error.",
  },
  DeletionUnconfirmed: {
    level: "warn",
    meaning:
      "SSHKeys disappeared and may have gone with the CRD rather than been deleted by somebody; their Secrets are not changed.",
    whatToDo: "If the CRD was deleted, install it and apply the SSHKeys again.",
  },
  CRDMissing: {
    level: "warn",
    meaning: "The CRD is missing or being deleted; nothing is written.",
    whatToDo: "Install the CRD.",
  },
  CRDUnknown: {
    level: "warn",
    meaning: "The CRD could not be read; nothing is written until it can.",
    whatToDo: "If it goes on, look at the error.",
  },
  PodsForbidden: {
    level: "warn",
    meaning:
      "The operator may not list the pods of a namespace, so those that mount a changed Secret are not refreshed; kubelet brings the change when it next synchronises them. Said once an hour.",
    whatToDo: "Give it the rights of deploy/refresh/, or set refresh.pods to false.",
  },
  PodRefreshFailed: {
    level: "warn",
    meaning:
      "Pods that mount a changed Secret could not be listed or annotated; kubelet brings the change when it next synchronises them. Said once a minute for each namespace.",
    whatToDo: "If it goes on, look at the error: rights, an admission policy or webhook for pods.",
  },
  LogLinesDropped: {
    level: "warn",
    meaning:
      "Nobody read the log for long: 16 MiB of it waited, and so many lines (count) that came then are missing.",
    whatToDo:
      "Look at the container runtime and its disk. What was done meanwhile is in the audit log of the API server.",
  },
  EndpointFailed: {
    level: "error",
    meaning: "A request to /healthz, /readyz or /metrics failed with an internal error (500).",
    whatToDo: "Report it, with err and its stack.",
  },
  UnexpectedError: {
    level: "error",
    meaning: "An internal error (a bug); the work item is retried.",
    whatToDo: "Report it, with err and its stack.",
  },
  Stopped: { level: "info", meaning: "The SSHKey operator has shut down cleanly.", whatToDo: "" },
  UsageStarted: {
    level: "info",
    meaning: "sshkey-operator usage has started; addresses are where it serves probes and metrics.",
    whatToDo: "",
  },
  UsageReady: {
    level: "info",
    meaning: "sshkey-operator usage knows the SSHKeys and reads logs of sshd; /readyz answers 200.",
    whatToDo: "",
  },
  LastUseReported: {
    level: "info",
    meaning:
      "A log says that somebody logged in with the key today or on that day; it stands in status.lastUsed.",
    whatToDo: "",
  },
  LastUseNotReported: {
    level: "warn",
    meaning:
      "status.lastUsed of an SSHKey could not be written; of one namespace this is said once a minute.",
    whatToDo:
      "If it is forbidden, give the account sshkey-usage the rights of docs/usage.md in that namespace; otherwise look at the error.",
  },
  LogUnreadable: {
    level: "warn",
    meaning: "A log, or what it takes to know whose keys it may speak of, cannot be read; it is tried again.",
    whatToDo: "Look at the error; docs/usage.md has the rights that it takes.",
  },
  UsageStopped: {
    level: "info",
    meaning:
      "sshkey-operator usage has stopped. Of the logins that it read, those are known whose key an SSHKey has of the namespaces that it looked at; reports says what became of days that were new.",
    whatToDo: "",
  },
  PortalStarted: {
    level: "info",
    meaning: "The portal listens; /readyz says when it is ready.",
    whatToDo: "",
  },
  PortalStopped: { level: "info", meaning: "The portal has shut down cleanly.", whatToDo: "" },
  KeyWritten: {
    level: "info",
    meaning: "Somebody has made, changed or deleted an SSHKey through the portal.",
    whatToDo: "",
  },
  WriteRefused: {
    level: "info",
    meaning: "A request to the portal that wanted to write was refused, by it or by the API server.",
    whatToDo: "",
  },
  SignedIn: { level: "info", meaning: "Somebody has signed in to the portal.", whatToDo: "" },
  SignInFailed: {
    level: "info",
    meaning:
      "A sign-in came to nothing, or a token was not accepted; the reason is what the person was told.",
    whatToDo: "",
  },
  IssuerFailed: {
    level: "warn",
    meaning:
      "A sign-in ended by a fault of the issuer or on the way to it; `detail` is a status, an error of the protocol or of the system.",
    whatToDo: "By the field `fault`, as the runbook SSHKeyPortalIssuerFaults says.",
  },
  RateLimited: {
    level: "warn",
    meaning:
      "A person or a network has done something too often; said once until they may do it again, whatever else they send.",
    whatToDo: "If it is nobody's mistake, block the address before the portal.",
  },
  RequestFailed: {
    level: "error",
    meaning:
      "The portal could not do what it was asked: level warn if the API server did not answer, error for a bug.",
    whatToDo: "By the error: look at the API server, or report it with err and its stack.",
  },
} as const satisfies Record<string, LogEventMeaning>;

export type LogEvent = keyof typeof LOG_EVENTS;

/** Why a request to the API server got no usable response: `err.code`, and the label `code` of rest_client_requests_total. */
export const REQUEST_ERRORS = {
  BadRequest: { meaning: "400: the API server does not understand the request.", whatToDo: "Report it." },
  Unauthorized: {
    meaning: "401: the credentials are not, or no longer, accepted; they are reloaded.",
    whatToDo: "If it goes on, the service account was deleted or recreated: restart the pods.",
  },
  Forbidden: {
    meaning: "403: RBAC or an admission policy rejects the request.",
    whatToDo: "Compare RBAC with deploy/; read the policy.",
  },
  NotFound: {
    meaning: "404: the object, its namespace or the CRD does not exist.",
    whatToDo: `${RETRIES} If it lasts, create the namespace or install the CRD.`,
  },
  MethodNotAllowed: {
    meaning: "405: the server that answered is no API server.",
    whatToDo: "Check the server address in the kubeconfig.",
  },
  NotAcceptable: {
    meaning: "406: the server cannot answer in JSON.",
    whatToDo: "Check the server address in the kubeconfig.",
  },
  AlreadyExists: { meaning: "409: an object of that name already exists.", whatToDo: RETRIES },
  Conflict: {
    meaning: "409: the object changed in the meantime; the reconcile is repeated on the current object.",
    whatToDo: RETRIES,
  },
  Expired: {
    meaning: "410: the resourceVersion is too old; everything is listed again.",
    whatToDo: RETRIES,
  },
  RequestEntityTooLarge: {
    meaning: "413: the object is too large.",
    whatToDo: "Give the user fewer keys or options.",
  },
  UnsupportedMediaType: {
    meaning: "415: the server does not support this kind of patch.",
    whatToDo: "Look at the server's version.",
  },
  Invalid: {
    meaning: "422: the API server, a policy or a webhook rejects the object.",
    whatToDo: "Look at the causes, the policy and the webhook.",
  },
  TooManyRequests: {
    meaning:
      "429: the API server throttles the operator (API Priority and Fairness); Retry-After is honoured.",
    whatToDo: "If it lasts, check the FlowSchema `sshkey-operator` and its priority level.",
  },
  InternalError: {
    meaning: "500: the server or a webhook failed.",
    whatToDo: "Look at the webhook and the server's log.",
  },
  ServiceUnavailable: { meaning: "503: the server is not ready.", whatToDo: RETRIES },
  Timeout: {
    meaning:
      "504, or no response in time: a write may or may not have happened; the operator reads the object back.",
    whatToDo: RETRIES,
  },
  Unreachable: {
    meaning: "No connection: the server has not seen the request.",
    whatToDo: "Look at the network and the server.",
  },
  Disconnected: {
    meaning:
      "The connection ended before the response did; after a write the operator reads the object back.",
    whatToDo: RETRIES,
  },
  Idle: {
    meaning: "A watch was silent for too long and is resumed.",
    whatToDo: "If it goes on, look for a proxy in between.",
  },
  Undecodable: {
    meaning: "The response is not a valid Kubernetes API response.",
    whatToDo: "Look for a proxy in between; else report it.",
  },
  CredentialsFailed: {
    meaning: "The credentials could not be read; nothing was sent.",
    whatToDo: "Look at the kubeconfig.",
  },
  Aborted: {
    meaning: "The operator cancelled the request: it is stopping, or no longer the leader.",
    whatToDo: "Nothing.",
  },
} as const satisfies Record<string, ErrorMeaning>;

function meaningsOfWeaknesses(): Readonly<Record<WeaknessCode, ErrorMeaning>> {
  const rows = Object.entries<WeaknessClass>(WEAKNESS_CLASSES).map(([code, { meaning, isPublished }]) => [
    code,
    {
      // What is told of the very key stands in its message.
      meaning: `${meaning.replace(", because …", "").replace("the … half", "one half")}.`,
      whatToDo: isPublished ? NEW_KEY_EVERYWHERE : NEW_KEY,
    },
  ]);
  return Object.fromEntries(rows);
}
