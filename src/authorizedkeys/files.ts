import { type Claim, claimOrder } from "../claims/claim.ts";
import { newKeyCommand, type Policy } from "../claims/policy.ts";
import { howToProve, ownOptions, possessionOf } from "../claims/possession.ts";
import { isProvable } from "../claims/proof.ts";
import type { KeyFacts } from "../claims/record.ts";
import { type ExpiryTimeFormat, renderAuthorizedKey } from "../ssh/authorizedkeys.ts";
import { lineOptions } from "./lineoptions.ts";
import type { Member } from "./members.ts";
import { byCodeUnits, type Omission } from "./omission.ts";
import { isTemplated, lineExpiresAt, type TargetOptions } from "./targetoptions.ts";

/** How much a Secret may hold. */
export interface Limits {
  /** Of its values, and of its data keys twice, as they stand in managedFields too. */
  readonly bytes: number;
  /** Files without a key. */
  readonly emptyFiles: number;
}

export const LIMITS: Limits = { bytes: 1_000_000, emptyFiles: 1000 };

/** What a data key takes of the Secret beside its value, in bytes. */
export function dataKeyBytes(dataKey: string): number {
  return 2 * Buffer.byteLength(dataKey);
}

/** Who has which file: by member its data key. */
export type DataKeys = ReadonlyMap<Member, string>;

interface Filled {
  readonly files: ReadonlyMap<string, string>;
  readonly userCount: number;
  readonly keyCount: number;
  readonly omissions: readonly Omission[];
}

/**
 * Puts the keys into their files: those of an earlier entry first, within one the better claims. A key stands once in a
 * file. Whoever is left out holds neither a key nor a place against others. `always`: the data key that is there
 * whoever has a key in it.
 */
export function fill(
  dataKeys: DataKeys,
  always: string | undefined,
  options: TargetOptions,
  policy: Policy,
  format: ExpiryTimeFormat,
  limits: Limits,
): Filled {
  const lines = new LineWriter(options, policy, format);
  const files = new Map<string, File>();
  const omissions: Omission[] = [];
  const persons = new Set<string>();
  let [bytes, keyCount] = [0, 0];
  if (always !== undefined) {
    files.set(always, new Map());
    bytes += dataKeyBytes(always);
  }
  for (const candidate of candidatesOf(dataKeys)) {
    const { claim, member, key, dataKey } = candidate;
    const file = files.get(dataKey) ?? new Map();
    const holder = file.get(key.base64);
    if (holder !== undefined) {
      if (holder.member.person !== member.person) omissions.push(takenOmission(candidate, holder, policy));
      continue;
    }
    const line = lines.of(candidate);
    if (typeof line !== "string") {
      omissions.push(omissionOf(candidate, line.reason, line.message));
      continue;
    }
    const more = Buffer.byteLength(line) + 1 + (files.has(dataKey) ? 0 : dataKeyBytes(dataKey));
    if (bytes + more > limits.bytes) {
      omissions.push(omissionOf(candidate, "SecretFull", FULL));
      continue;
    }
    bytes += more;
    keyCount += 1;
    persons.add(member.person);
    files.set(dataKey, file.set(key.base64, { claim, member, line }));
  }
  const texts = new Map([...files].map(([dataKey, file]) => [dataKey, textOf(file)]));
  for (const dataKey of emptyFiles(dataKeys, texts, bytes, limits)) texts.set(dataKey, "");
  return {
    files: new Map([...texts].sort(([one], [other]) => byCodeUnits(one, other))),
    userCount: persons.size,
    keyCount,
    omissions,
  };
}

const FULL =
  "The Secret has no room for this key; divide the users between two AuthorizedKeys and mount both Secrets in one projected volume, or shorten options.";

interface Candidate {
  readonly claim: Claim;
  readonly key: KeyFacts;
  readonly member: Member;
  readonly dataKey: string;
}

interface Holder {
  readonly claim: Claim;
  readonly member: Member;
  readonly line: string;
}

/** By canonical blob. */
type File = Map<string, Holder>;

function candidatesOf(dataKeys: DataKeys): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const [member, dataKey] of dataKeys) {
    for (const claim of member.claims) {
      const { key } = claim.record;
      if (key !== undefined) candidates.push({ claim, key, member, dataKey });
    }
  }
  return candidates.sort((a, b) => a.member.entry - b.member.entry || claimOrder(a.claim, b.claim));
}

function textOf(file: File): string {
  return [...file.values()]
    .map(({ claim: { record }, line }) => ({ id: `${record.namespace}/${record.name}`, line }))
    .sort((a, b) => byCodeUnits(a.id, b.id))
    .map(({ line }) => `${line}\n`)
    .join("");
}

/** Those that find room: of users who are named exactly first. */
function* emptyFiles(
  dataKeys: DataKeys,
  texts: ReadonlyMap<string, string>,
  bytes: number,
  limits: Limits,
): Iterable<string> {
  const named = new Set<string>();
  const others = new Set<string>();
  for (const [{ isNamed }, dataKey] of dataKeys) {
    if (!texts.has(dataKey)) (isNamed ? named : others).add(dataKey);
  }
  const inOrder = new Set([...[...named].sort(byCodeUnits), ...[...others].sort(byCodeUnits)]);
  let held = bytes;
  for (const dataKey of [...inOrder].slice(0, limits.emptyFiles)) {
    held += dataKeyBytes(dataKey);
    if (held > limits.bytes) return;
    yield dataKey;
  }
}

/** Makes lines, and knows the options of those alike. */
class LineWriter {
  readonly #options: TargetOptions;
  readonly #policy: Policy;
  readonly #format: ExpiryTimeFormat;
  readonly #isTemplated: boolean;
  readonly #known = new Map<string, ReturnType<typeof lineOptions>>();

  constructor(options: TargetOptions, policy: Policy, format: ExpiryTimeFormat) {
    this.#options = options;
    this.#policy = policy;
    this.#format = format;
    this.#isTemplated = isTemplated(options);
  }

  of({ claim: { record }, key, member, dataKey }: Candidate): string | Pick<Omission, "reason" | "message"> {
    const { namespace, name } = record;
    const own = ownOptions(record, this.#policy);
    const id = this.#isTemplated ? `${own} ${namespace}/${member.user}` : own;
    let options = this.#known.get(id);
    if (options === undefined) {
      options = lineOptions(this.#options, own, { user: member.user, namespace, login: dataKey });
      this.#known.set(id, options);
    }
    if (!options.ok) return options.refusal;
    const expiresAt = lineExpiresAt(this.#options, record.expiresAt);
    return renderAuthorizedKey(
      {
        options: options.value,
        type: key.type,
        base64: key.base64,
        comment: `${namespace}/${name}`,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
      this.#format,
    );
  }
}

function omissionOf({ claim, member }: Candidate, reason: Omission["reason"], message: string): Omission {
  return { reason, namespace: member.namespace, user: member.user, sshKey: claim.record.name, message };
}

/** Tells how to win by a proof, if one would. */
function takenOmission(candidate: Candidate, holder: Holder, policy: Policy): Omission {
  const { claim, key, member } = candidate;
  const { namespace, name, user } = holder.claim.record;
  const isEarlier = holder.member.entry < member.entry;
  const wins = !isEarlier && !claim.isProven && claimOrder({ ...claim, isProven: true }, holder.claim) < 0;
  const what = `SSHKey ${namespace}/${name} of user ${JSON.stringify(user)} has this key in the file`;
  const why = isEarlier ? ", since its entry of spec.from comes earlier" : "";
  let next = `Use another key, for example of: ${newKeyCommand(policy)}`;
  if (user === member.user) next = "Delete one of the two if they are one person's, or use another key.";
  else if (wins && isProvable(key)) {
    const how = possessionOf(claim.record, policy)?.message ?? howToProve(claim.record, policy);
    next = `Use another key or, if you have its private key, prove that. ${how}`;
  }
  return omissionOf(candidate, "KeyTaken", `${what}${why}. ${next}`);
}
