import { DATA_KEY } from "../api/names.ts";
import type { Policy } from "../claims/policy.ts";
import type { ExpiryTimeFormat } from "../ssh/authorizedkeys.ts";
import { type DataKeys, fill, LIMITS } from "./files.ts";
import { loginsOf } from "./logins.ts";
import { type Member, membersOf, type Sources } from "./members.ts";
import { inOrder, type Omission } from "./omission.ts";
import type { AuthorizedKeysRecord } from "./record.ts";

/** What the Secret of an AuthorizedKeys should hold, and what is left out. */
export interface Selection {
  /** By data key: a login, or authorized_keys in a SingleFile. In the order of the data keys; the lines by `namespace/name`. */
  readonly files: ReadonlyMap<string, string>;
  /** How many users have a key in it. */
  readonly userCount: number;
  /** How many lines there are. */
  readonly keyCount: number;
  /** All of what is left out; see inOrder. */
  readonly omitted: readonly Omission[];
}

/**
 * Pure: the same sources give the same selection, in whatever order the claims come. Of a record with faults nothing at
 * all is selected. Costs a sort of the claims beside what is linear in them.
 */
export function select(
  record: AuthorizedKeysRecord,
  sources: Sources,
  policy: Policy,
  format: ExpiryTimeFormat,
  limits = LIMITS,
): Selection {
  const { options } = record;
  if (options === undefined || record.faults.length > 0) return NOTHING;
  const { members, omissions } = membersOf(record, sources, policy.maximumKeysPerUser);
  const { dataKeys, refused } = dataKeysOf(record, members);
  const always = record.layout === "SingleFile" ? DATA_KEY : undefined;
  const filled = fill(dataKeys, always, options, policy, format, limits);
  const { files, userCount, keyCount } = filled;
  return { files, userCount, keyCount, omitted: inOrder([...omissions, ...refused, ...filled.omissions]) };
}

function dataKeysOf(
  record: AuthorizedKeysRecord,
  members: readonly Member[],
): { dataKeys: DataKeys; refused: readonly Omission[] } {
  if (record.layout === "SingleFile")
    return { dataKeys: new Map(members.map((member) => [member, DATA_KEY])), refused: [] };
  const { logins, omissions } = loginsOf(record, members);
  return { dataKeys: logins, refused: omissions };
}

const NOTHING: Selection = { files: new Map(), userCount: 0, keyCount: 0, omitted: [] };
