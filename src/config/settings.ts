import { DEFAULT_POLICY, type Policy } from "../claims/policy.ts";
import type { SecretSettings } from "../projection/secret.ts";

/** How one operator instance works: what the configuration file and the command line add up to. */
export interface Settings {
  readonly policy: Policy;
  readonly secrets: SecretSettings;
  /** File of fingerprints that are revoked; undefined for none. */
  readonly revokedKeys: string | undefined;
  /** The namespaces served; undefined for all. */
  readonly namespaces: readonly string[] | undefined;
  /** Secrets worked on at once. */
  readonly concurrency: number;
}

/**
 * Statuses written at once. No more are written sooner by more of them, since the API server's CPU is the limit; but a
 * Secret's write shares it with all that are under way, so each one more makes revocations slower.
 */
export function statusesAtOnce(concurrency: number): number {
  return Math.max(2, Math.ceil(concurrency / 2));
}

export const DEFAULT_SETTINGS: Settings = {
  policy: DEFAULT_POLICY,
  secrets: { installation: "default", namePrefix: "sshkeys-", retention: 24 * 60 * 60 * 1000 },
  revokedKeys: undefined,
  namespaces: undefined,
  concurrency: 16,
};

/** The configuration cannot be used; the message is one line that says where and why. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
