import { DATA_KEY, USER_ANNOTATION } from "../api/names.ts";
import { type Claim, claimOrder } from "../claims/claim.ts";
import type { Claims } from "../claims/claims.ts";
import type { Policy } from "../claims/policy.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import type { Standing } from "../claims/standing.ts";
import { EXPIRY_TIME_FORMATS, type ExpiryTimeFormat } from "../ssh/authorizedkeys.ts";
import { fileOf, lineOf, linesOf, MAXIMUM_FILE_BYTES } from "./file.ts";
import type { DesiredSecret, LiveSecret, SecretSettings } from "./secret.ts";
import type { UserTarget } from "./usertarget.ts";
import { type Held, sameVerdict, type Verdict, verdictOf } from "./verdict.ts";

/** What a user's Secret should hold, and what follows for each of the SSHKeys. */
export interface UserPlan {
  readonly desired: DesiredSecret;
  readonly verdicts: ReadonlyMap<Claim, Verdict>;
}

/** Pure: the same claims, live Secret and delivery give the same plan. Linear in the user's SSHKeys but for a sort. */
export function planUser(
  target: UserTarget,
  claims: Claims,
  policy: Policy,
  { perUser, expiryTimeFormat: format }: Pick<SecretSettings, "perUser" | "expiryTimeFormat">,
): UserPlan {
  const { namespace, secretName, live } = target;
  const standings = new Map<Claim, Standing>();
  for (const claim of target.verdicts.keys()) standings.set(claim, claims.standing(claim));
  const { lines: placed, full } = fill(standings, policy, format);
  const lines = perUser ? placed : new Map<Claim, string>();
  const names = [...lines].sort(([a], [b]) => (a.record.name < b.record.name ? -1 : 1));
  const file = fileOf(names.map(([, line]) => line));
  const held = new HeldLines(live, file, policy, format);
  const blocked = target.blockedBy();
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
      isKept: perUser,
    });
    // SSHKeys with the same verdict share one object, as nearly all of a user do: it is kept for as long as they are.
    if (previous === undefined || !sameVerdict(previous, verdict)) previous = verdict;
    verdicts.set(claim, previous);
  }
  const { user } = target;
  const desired: DesiredSecret = {
    namespace,
    name: secretName,
    forWhom: user === undefined ? undefined : { annotation: USER_ANNOTATION, value: user },
    files: new Map([[DATA_KEY, file]]),
    isOptional: true,
  };
  return { desired, verdicts };
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
