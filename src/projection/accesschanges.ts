import type { Claims } from "../claims/claims.ts";
import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { type FileLine, lineIdentity } from "./file.ts";
import { changedFiles, type Files } from "./files.ts";
import type { LiveSecret } from "./secret.ts";
import type { LineNames, Target } from "./target.ts";

/** A key that may log in by a Secret, or no longer may. */
export interface AccessChange extends LineNames {
  readonly change: "added" | "removed";
  readonly fingerprint: string;
  /** A STATE; `Edited` for a key that its SSHKey no longer has or never had here, `Deleted` for that of an SSHKey that is gone. */
  readonly reason: string;
}

/** What a reconcile tells of who may log in. */
export interface AccessReport {
  /** Perhaps forgotten by now. */
  readonly target: Target;
  readonly changes: Iterable<AccessChange>;
  /** Another client has changed or deleted the Secret. */
  readonly isChangedByOthers: boolean;
  /** What another client did is undone. */
  readonly isRestored: boolean;
  /** What has become of the files that pods mount; undefined when they are what they were. */
  readonly fileChange: FileChange | undefined;
}

/** `removal`: somebody may be able to do less than before; `addition`: there are new lines, and nothing else. */
export type FileChange = "removal" | "addition";

/** Who may log in by the Secret now and could not when it was last asked, or the other way round. */
export function takeAccessReport(target: Target, claims: Claims, isDone: boolean): AccessReport {
  const { live, loggedFiles = new Map(), isChangedByOthers } = target;
  let changes: Iterable<AccessChange> = [];
  let fileChange: FileChange | undefined;
  if (live === undefined || live.ownership === "managed") {
    target.loggedFiles = live?.files ?? new Map();
    changes = accessChanges(target, claims, loggedFiles, target.loggedFiles);
    fileChange = fileChangeOf(loggedFiles, target.loggedFiles);
  }
  const isRestored = isChangedByOthers && isDone;
  if (isRestored) target.isChangedByOthers = false;
  if (isRestored || takeForeignData(target)) fileChange = "removal";
  return { target, changes, isChangedByOthers, isRestored, fileChange };
}

function fileChangeOf(before: Files, after: Files): FileChange | undefined {
  let change: FileChange | undefined;
  for (const file of changedFiles(before, after)) {
    const kept = new Set(file.after.map(({ text }) => text));
    if (!file.before.every(({ text }) => kept.has(text))) return "removal";
    change = "addition";
  }
  return change;
}

/** Has what others had put into the Secret been taken out of it? Says so once. */
function takeForeignData(target: Target): boolean {
  const { live, hadForeignData } = target;
  if (!hadForeignData || live?.ownership !== "managed") return false;
  target.hadForeignData = hasForeignData(live);
  return !target.hadForeignData;
}

/** Does the Secret hold anything that the operator did not write? */
export function hasForeignData({ foreignFiles }: LiveSecret): boolean {
  return foreignFiles.length > 0;
}

/**
 * Who may log in by the files `after`, and could not by the files `before`, or the other way round; changed options are
 * neither. One after another, so that whoever does not want to name them all need not.
 */
export function* accessChanges(
  target: Target,
  claims: Claims,
  before: Files,
  after: Files,
): Generator<AccessChange, void, undefined> {
  for (const file of changedFiles(before, after)) {
    const names = (line: FileLine) => ({
      fingerprint: fingerprintSHA256(Buffer.from(line.base64, "base64")),
      ...target.namesOf(line, file.dataKey, claims),
    });
    const held = new Map(file.before.map((line) => [lineIdentity(line), line]));
    for (const line of file.after) {
      if (held.delete(lineIdentity(line))) continue;
      yield { change: "added", ...names(line), reason: "Projected" };
    }
    for (const line of held.values()) {
      yield { change: "removed", ...names(line), reason: target.whyRemoved(line, claims) };
    }
  }
}
