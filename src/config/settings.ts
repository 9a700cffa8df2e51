import { DEFAULT_POLICY, type Policy } from "../claims/policy.ts";
import type { SecretSettings } from "../projection/secret.ts";
import { DEFAULT_PORTAL_SETTINGS, type PortalSettings } from "./portalsettings.ts";

/** How one operator instance works: what the configuration file and the command line add up to. */
export interface Settings {
  readonly policy: Policy;
  readonly secrets: SecretSettings;
  /** `pods`: labelled pods are annotated when a Secret that they mount has changed. */
  readonly refresh: { readonly pods: boolean };
  /** File of fingerprints that are revoked; undefined for none. */
  readonly revokedKeys: string | undefined;
  /** Folder of lists of compromised keys; undefined for none but those that the product ships. */
  readonly blocklists: string | undefined;
  /** The namespaces served; undefined for all. */
  readonly namespaces: readonly string[] | undefined;
  /**
   * Secrets worked on at once, and as many statuses. With fewer, each write costs all sides more CPU; with more, a
   * revocation shares the API server with more writes that are under way.
   */
  readonly concurrency: number;
  readonly portal: PortalSettings;
}

export const DEFAULT_SETTINGS: Settings = {
  policy: DEFAULT_POLICY,
  secrets: {
    installation: "default",
    perUser: true,
    namePrefix: "sshkeys-",
    retention: 24 * 60 * 60 * 1000,
    expiryTimeFormat: "WithZ",
  },
  refresh: { pods: false },
  revokedKeys: undefined,
  blocklists: undefined,
  namespaces: undefined,
  concurrency: 16,
  portal: DEFAULT_PORTAL_SETTINGS,
};

/** The configuration cannot be used; the message is one line that says where and why. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** That a file which is configured cannot be read: `what` is its path and what it is, `error` the system's. */
export function unreadable(what: string, error: unknown, whatToDo: string): ConfigError {
  const code = error instanceof Error && "code" in error ? error.code : error;
  return new ConfigError(`cannot read ${what} (${code}); ${whatToDo}`);
}
