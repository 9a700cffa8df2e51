export type {
  SSHKey,
  SSHKeyCondition,
  SSHKeyMetadata,
  SSHKeyReference,
  SSHKeySpec,
  SSHKeyStatus,
} from "./sshkey.generated.ts";

/** API group of SSHKey. */
export const GROUP = "sshkey-operator.dev";

/** The one version of the group. */
export const VERSION = "v1alpha1";

/** What an SSHKey carries as `apiVersion`. */
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** What an SSHKey carries as `kind`. */
export const KIND = "SSHKey";

/** The resource as it stands in URLs, RBAC rules and `kubectl get`. */
export const PLURAL = "sshkeys";

/** Every state of an SSHKey: the reason of its condition `Ready`, printed as STATE. */
export const STATES = [
  "Projected",
  "Invalid",
  "Weak",
  "Duplicate",
  "Expired",
  "Disabled",
  "SecretConflict",
  "SecretFull",
] as const;

export type State = (typeof STATES)[number];

/** The conditions of an SSHKey; `Stalled` is present only while a person has to act. */
export const CONDITION_TYPES = ["Valid", "Unique", "Ready", "Stalled"] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];
