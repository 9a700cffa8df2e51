import { OMISSIONS, type OmissionReason } from "../api/omissions.ts";

/** Something that is left out: a namespace, a user of it, or one of that user's SSHKeys. */
export interface Omission {
  readonly reason: OmissionReason;
  readonly namespace: string;
  readonly user?: string;
  /** The name of the SSHKey. */
  readonly sshKey?: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/**
 * In the order to tell them, of which a status has room for the beginning only: the first of each reason and namespace,
 * then the second of each, and so on. So nobody who makes many keeps those of others from being told.
 */
export function inOrder(omissions: readonly Omission[]): readonly Omission[] {
  const groups = Map.groupBy(omissions, ({ reason, namespace }) => `${REASONS.indexOf(reason)} ${namespace}`);
  const lists = [...groups]
    .sort(([one], [other]) => byCodeUnits(one, other))
    .map(([, list]) => list.sort(byWhom));
  const longest = lists.reduce((length, list) => Math.max(length, list.length), 0);
  const told: Omission[] = [];
  for (let place = 0; place < longest; place += 1) {
    for (const list of lists) {
      const omission = list[place];
      if (omission !== undefined) told.push(omission);
    }
  }
  return told;
}

export function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

const REASONS = Object.keys(OMISSIONS) as readonly OmissionReason[];

function byWhom(one: Omission, other: Omission): number {
  return byCodeUnits(one.user ?? "", other.user ?? "") || byCodeUnits(one.sshKey ?? "", other.sshKey ?? "");
}
