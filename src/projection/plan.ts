import { DATA_KEY, MANAGED_LABEL, SECRET_ANNOTATION } from "../api/names.ts";
import { type Claim, claimOrder } from "../claims/claim.ts";
import type { Claims } from "../claims/claims.ts";
import type { Policy } from "../claims/policy.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import type { Standing } from "../claims/standing.ts";
import { EXPIRY_TIME_FORMATS, type ExpiryTimeFormat } from "../ssh/authorizedkeys.ts";
import { type Blocked, lastBlock } from "./delivery.ts";
import { fileOf, lineOf, linesOf, MAXIMUM_FILE_BYTES } from "./file.ts";
import type { DesiredSecret, LiveSecret } from "./secret.ts";
import type { Target } from "./target.ts";
import { type Held, sameVerdict, type Verdict, verdictOf } from "./verdict.ts";

/** What a target's Secret should hold, and what follows for each of its SSHKeys. */
export interface Plan {
  readonly desired: DesiredSecret;
  readonly verdicts: ReadonlyMap<Claim, Verdict>;
}

/** Pure: the same claims, live Secret and delivery give the same plan. Linear in the target's SSHKeys but for a sort. */
export function planTarget(target: Target, claims: Claims, policy: Policy, format: ExpiryTimeFormat): Plan {
  const { namespace, secretName, live } = target;
  const standings = new Map<Claim, Standing>();
  for (const claim of target.verdicts.keys()) standings.set(claim, claims.standing(claim));
  const { lines, full } = fill(standings, policy, format);
  const names = [...lines].sort(([a], [b]) => (a.record.name < b.record.name ? -1 : 1));
  const file = fileOf(names.map(([, line]) => line));
  const held = new HeldLines(live, file, policy, format);
  const blocked = blockedBy(target);
  const verdicts = new Map<Claim, Verdict>();
  let previous: Verdict | undefined;
  for (const [claim, standing] of standings) {
    const line = lines.get(claim);
    const verdict = verdictOf({
      standing,
      fullMessage: full.get(claim),
      held: held.of(claim.record, line),
      blocked,
      pendingReason: target.pendingReason,
      secretName,
    });
    // SSHKeys with the same verdict share one object, as nearly all of a user do: it is kept for as long as they are.
    if (previous === undefined || !sameVerdict(previous, verdict)) previous = verdict;
    verdicts.set(claim, previous);
  }
  return {
    desired: { namespace, name: secretName, user: target.user, files: new Map([[DATA_KEY, file]]) },
    verdicts,
  };
}

/** The lines of those that have a place; the better claims take theirs first: no new key without a proof pushes one out. */
function fill(
  standings: ReadonlyMap<Claim, Standing>,
  policy: Policy,
  format: ExpiryTimeFormat,
): { lines: Map<Claim, string>; full: Map<Claim, string> } {
  const lines = new Map<Claim, string>();
  const full = new Map<Claim, string>();
  const inForce = [...standings].filter(([, { state }]) => state === "InForce").map(([claim]) => claim);
  let bytes = 0;
  for (const claim of inForce.sort(claimOrder)) {
    if (lines.size >= policy.maximumKeysPerUser) {
      full.set(
        claim,
        `The user has ${policy.maximumKeysPerUser} keys with a better claim, the most allowed (maximumKeysPerUser); delete one of them.`,
      );
      continue;
    }
    const line = lineOf(claim.record, policy, format);
    const size = Buffer.byteLength(line) + 1;
    if (bytes + size > MAXIMUM_FILE_BYTES) {
      full.set(
        claim,
        "The user's Secret has no room for this key; delete another key of the user, or shorten its spec.options.",
      );
      continue;
    }
    bytes += size;
    lines.set(claim, line);
  }
  return { lines, full };
}

/** Why the Secret cannot be written: what the last attempt met, or what the Secret shows. */
export function blockedBy({ live, delivery, secretName, namespace }: Target): Blocked | undefined {
  if (live === undefined || live.ownership === "managed") return lastBlock(delivery);
  return {
    at: "blocked",
    reason: "not-managed",
    message: notManagedMessage(namespace, secretName, live),
  };
}

function notManagedMessage(namespace: string, name: string, live: LiveSecret): string {
  const what =
    live.ownership === "copy"
      ? `has no annotation ${SECRET_ANNOTATION} with its own namespace and name, so it is treated as a copy`
      : `exists without this operator's label ${MANAGED_LABEL}`;
  return `Secret ${name} ${what} and is not written. If nothing else needs it, run: kubectl delete secret -n ${namespace} ${name}; the operator recreates it within seconds.`;
}

/** Looks up what a Secret holds of an SSHKey. */
class HeldLines {
  /** What a Secret that is not the operator's own holds now is not known for sure. */
  readonly #isKnown: boolean;
  readonly #lines: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #mayHoldAny: boolean;
  readonly #policy: Policy;
  readonly #otherFormat: ExpiryTimeFormat;

  constructor(live: LiveSecret | undefined, expected: string, policy: Policy, format: ExpiryTimeFormat) {
    this.#policy = policy;
    this.#otherFormat = EXPIRY_TIME_FORMATS.find((each) => each !== format) ?? format;
    this.#isKnown = live === undefined || live.ownership === "managed";
    this.#mayHoldAny = live !== undefined && live.files === undefined;
    const file = live?.files?.get(DATA_KEY) ?? "";
    const lines = linesOf(file);
    this.#lines = new Set(lines.map(({ text }) => text));
    // Nothing but what is expected: the most frequent case by far.
    this.#names = file === expected ? new Set() : new Set(lines.map(({ name }) => name));
  }

  /** Of this SSHKey, and the line that it should have; undefined for none. */
  of(record: SSHKeyRecord, line: string | undefined): Held {
    const { name, expiresAt } = record;
    const isThere = line === undefined ? this.#hasLineOf(name) : this.#lines.has(line);
    if (isThere) return this.#isKnown ? "line" : "unknown";
    if (line === undefined || !this.#hasLineOf(name)) return "none";
    const hasOther =
      expiresAt !== undefined && this.#lines.has(lineOf(record, this.#policy, this.#otherFormat));
    if (hasOther) return this.#isKnown ? "otherFormat" : "unknown";
    return "outdatedLine";
  }

  #hasLineOf(name: string): boolean {
    return this.#mayHoldAny || this.#names.has(name);
  }
}
