import type { State } from "../../src/api/sshkey.ts";
import { areRivals, isOlder } from "../../src/keyring/duplicategroup.ts";
import type { Policy } from "../../src/keyring/policy.ts";
import type { KeyRecord } from "../../src/keyring/record.ts";

/** What every SSHKey's state and every file must be in the end, said as plainly as possible and without any history. */
export interface Outcome {
  /** By namespace/name. */
  readonly states: Record<string, State>;
  /** By namespace/user: the names of the SSHKeys whose lines are in the file, in order. Empty files are left out. */
  readonly files: Record<string, string[]>;
}

export function outcome(keys: readonly KeyRecord[], policy: Policy, now: number): Outcome {
  const states: Record<string, State> = {};
  const files: Record<string, string[]> = {};
  const holders: KeyRecord[] = [];
  const places: Record<string, number> = {};
  for (const key of [...keys].sort((a, b) => (isOlder(a, b) ? -1 : 1))) {
    const id = `${key.namespace}/${key.name}`;
    if (key.refusal !== undefined) states[id] = key.refusal.state;
    else if (key.disabled) states[id] = "Disabled";
    else if (key.expiresAt !== undefined && key.expiresAt <= now) states[id] = "Expired";
    else if (
      holders.some((h) => h.key?.base64 === key.key?.base64 && areRivals(h, key, policy.duplicateScope))
    )
      states[id] = "Duplicate";
    else {
      holders.push(key);
      const file = `${key.namespace}/${key.user}`;
      places[file] = (places[file] ?? 0) + 1;
      if (places[file] > policy.maximumKeysPerUser) states[id] = "SecretFull";
      else {
        states[id] = "Projected";
        files[file] = [...(files[file] ?? []), key.name].sort();
      }
    }
  }
  return { states, files };
}
