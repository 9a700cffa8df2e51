import type { SecretSettings } from "../../src/projection/secret.ts";

export const MANAGED = "sshkey-operator.dev/managed";
export const OWN_NAME = "sshkey-operator.dev/secret";
export const USER = "sshkey-operator.dev/user";

/** Of the names of users' Secrets. */
export const PREFIX = "sshkeys-";

/** All namespaces that there may be. */
export const NAMESPACES = ["team-a", "team-b", "bastion"] as const;

export const RETENTION_MS = 24 * 3_600_000;

/** How Secrets look in the stories. */
export const SETTINGS: Omit<SecretSettings, "expiryTimeFormat"> = {
  installation: "default",
  perUser: true,
  namePrefix: PREFIX,
  retention: RETENTION_MS,
};
