import { renderAuthorizedKey } from "../ssh/authorizedkeys.ts";
import { isOlder } from "./duplicategroup.ts";
import type { Policy } from "./policy.ts";
import type { KeyFacts, KeyRecord } from "./record.ts";
import { withoutAdditions } from "./retreats.ts";
import { type DesiredSecret, fileDigest, type SecretRecord } from "./secret.ts";
import type { Unit } from "./unit.ts";
import { duplicateMessage, ownVerdict, stuckMessage, type Verdict } from "./verdict.ts";

/** What a unit's Secret should hold and what the status of each of its SSHKeys should say. */
export interface Plan {
  readonly secret: DesiredSecret;
  /** Sorted by SSHKey name. No verdict: the key waits for another Secret to lose it, which takes a moment. */
  readonly keys: readonly { readonly record: KeyRecord; readonly verdict: Verdict | undefined }[];
}

/**
 * Why a key cannot be in the file yet. `moving`: the Secret of a rival has yet to lose it. `stuckIn`: it cannot, since
 * that Secret cannot be written until a person acts, or could not for long.
 */
export type Delay = "moving" | { readonly stuckIn: Pick<Unit, "namespace" | "secretName" | "isFailing"> };

/** What a plan depends on beside the unit itself. */
export interface PlanContext {
  readonly policy: Policy;
  /** Whose Secret it is. */
  readonly owner: string | undefined;
  /** Why the Secret cannot be written, undefined while it can. */
  readonly conflict: string | undefined;
  /** ms since the epoch. */
  readonly now: number;
  /** The SSHKey that holds the key of an eligible record: itself, or the one it is a duplicate of. */
  holderFor(record: KeyRecord): KeyRecord;
  /** Set while another Secret still holds the key of an eligible record that must not hold it together with this one. */
  delayOf(record: KeyRecord): Delay | undefined;
}

/** A Secret's data may hold 1 MiB (core/v1 MaxSecretSize); the rest is left for what the API server adds. */
const MAXIMUM_FILE_BYTES = 1_000_000;

export function planUnit(unit: Unit, context: PlanContext): Plan {
  const lines = new Map<KeyRecord, string>();
  const verdicts = new Map<KeyRecord, Verdict | undefined>();
  const { secretName } = unit;
  const wanted = new Set<KeyRecord>();
  let places = 0;
  let bytes = 0;
  // The oldest take their places first, so that a new key never pushes another one out.
  for (const record of [...unit.keys].sort((a, b) => (isOlder(a, b) ? -1 : 1))) {
    const refused = refusal(record, unit, context);
    if (refused !== undefined || record.key === undefined) {
      verdicts.set(record, refused);
      continue;
    }
    const line = `${lineFor(record, record.key)}\n`;
    const full = fullness(places + 1, bytes + Buffer.byteLength(line), context.policy);
    if (full !== undefined) {
      verdicts.set(record, { state: "SecretFull", message: full, secretName });
      continue;
    }
    wanted.add(record);
    places += 1;
    bytes += Buffer.byteLength(line);
    const delay = context.delayOf(record);
    if (delay !== undefined) {
      verdicts.set(record, delayed(delay, record, secretName));
      continue;
    }
    lines.set(record, line);
    verdicts.set(record, projected(secretName));
  }
  const byName = [...unit.keys].sort((a, b) => (a.name < b.name ? -1 : 1));
  const secret: DesiredSecret = {
    namespace: unit.namespace,
    name: secretName,
    user: context.owner,
    file: byName.map((record) => lines.get(record) ?? "").join(""),
    isNamed: unit.keys.length > 0,
  };
  const conflict = conflictIn(secretName, context.conflict);
  if (conflict !== undefined) {
    const lacksOnlyAdditions = isWithoutAdditions(unit.secret, secret);
    for (const record of unit.keys) {
      const [isWanted, isHeld] = [wanted.has(record), unit.holds(record)];
      // A Secret that cannot be written may still hold a refused key, and the status must not say otherwise.
      if (lacksOnlyAdditions ? isWanted && !isHeld : isWanted || isHeld) verdicts.set(record, conflict);
    }
  }
  return { secret, keys: byName.map((record) => ({ record, verdict: verdicts.get(record) })) };
}

/** Is all that the Secret holds as it should be, so that at most keys are missing? */
function isWithoutAdditions(live: SecretRecord | undefined, desired: DesiredSecret): boolean {
  return live !== undefined && live.fileDigest === fileDigest(withoutAdditions(desired, live).file);
}

function refusal(record: KeyRecord, { secretName }: Unit, context: PlanContext): Verdict | undefined {
  const own = ownVerdict(record, context.now);
  if (own !== undefined) return { ...own, secretName };
  const holder = context.holderFor(record);
  if (holder !== record) {
    const message = duplicateMessage(holder, record);
    const { namespace, name } = holder;
    if (namespace !== record.namespace) return { state: "Duplicate", message, secretName };
    return { state: "Duplicate", message, secretName, duplicateOf: { namespace, name } };
  }
  if (record.user !== context.owner) {
    const message = `Secret ${secretName} belongs to another user whose name leads to the same Secret; choose another spec.user.`;
    return { state: "SecretConflict", message, secretName };
  }
  return undefined;
}

function projected(secretName: string): Verdict {
  return { state: "Projected", message: `The key is in Secret ${secretName}.`, secretName };
}

function conflictIn(secretName: string, message: string | undefined): Verdict | undefined {
  return message === undefined ? undefined : { state: "SecretConflict", message, secretName };
}

function delayed(delay: Delay, record: KeyRecord, secretName: string): Verdict | undefined {
  if (delay === "moving") return undefined;
  return conflictIn(secretName, stuckMessage(delay.stuckIn, record));
}

function fullness(places: number, bytes: number, policy: Policy): string | undefined {
  if (places > policy.maximumKeysPerUser) {
    return `The user has ${policy.maximumKeysPerUser} older keys, the most allowed (maximumKeysPerUser); delete one of them.`;
  }
  if (bytes > MAXIMUM_FILE_BYTES) {
    return "The user's Secret has no room for this key; delete or shorten (spec.options) one of the user's older keys.";
  }
  return undefined;
}

function lineFor(record: KeyRecord, key: KeyFacts): string {
  return renderAuthorizedKey({
    options: key.options,
    type: key.type,
    base64: key.base64,
    ...(record.expiresAt === undefined ? {} : { expiresAt: record.expiresAt }),
    comment: `${record.namespace}/${record.name}`,
  });
}
