import { DEFAULT_POLICY, type Policy } from "../keyring/policy.ts";

/** How one operator instance works; what the configuration file and the command line add up to. */
export interface Settings {
  readonly policy: Policy;
  /** Secret name = prefix + user. */
  readonly secretPrefix: string;
  /** How long an empty Secret of a user without SSHKeys is kept, in ms. */
  readonly secretRetention: number;
  /** The namespaces watched; undefined for all. */
  readonly namespaces: readonly string[] | undefined;
  /** Units worked on at once. */
  readonly concurrency: number;
}

export const DEFAULT_SETTINGS: Settings = {
  policy: DEFAULT_POLICY,
  secretPrefix: "sshkeys-",
  secretRetention: 24 * 60 * 60 * 1000,
  namespaces: undefined,
  concurrency: 16,
};
