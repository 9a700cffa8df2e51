import type { Omission } from "../api/authorizedkeys.generated.ts";
import { matchingEntries } from "../authorizedkeys/matching.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";

/** An SSHKey, as far as AuthorizedKeys choose by it. */
export interface Candidate {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
}

/**
 * Do its `from` entries have a place for this user of this namespace? `isFound`: does a selector of these labels find the
 * namespace? Where nobody knows, it is taken to.
 */
export function mayTake(
  { from }: AuthorizedKeysRecord,
  { namespace, user }: Pick<Candidate, "namespace" | "user">,
  isFound: (matchLabels: Readonly<Record<string, string>>) => boolean = () => true,
): boolean {
  return matchingEntries(from, user).some((place) => {
    const entry = from[place];
    if (entry?.matchLabels !== undefined) return isFound(entry.matchLabels);
    return entry?.namespace === namespace;
  });
}

/** Does an AuthorizedKeys say by this that it leaves out the key, or all of its user's? */
export function isLeftOutBy({ namespace, user, sshKey }: Omission, key: Candidate): boolean {
  return (
    namespace === key.namespace &&
    (user === undefined || user === key.user) &&
    (sshKey === undefined || sshKey === key.name)
  );
}
