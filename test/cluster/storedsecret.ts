import { EMPTY_SINCE_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import type { Write } from "./auditlog.ts";
import type { Stored, Version } from "./history.ts";
import { idOf, ON_ITS_WAY_MS } from "./reigns.ts";

/** How long an empty Secret is kept by default, in ms. */
export const RETENTION_MS = 24 * 3600 * 1000;

/** One line of an authorized_keys file that the operator wrote. */
export interface Line {
  readonly text: string;
  readonly base64: string;
  /** NAMESPACE/NAME of the SSHKey. */
  readonly source: string;
}

/** What label and annotations say of a Secret. */
export interface Marks {
  /** Has it the label, and the annotation with its own name? */
  readonly isManaged: boolean;
  /** ms since the epoch; NaN without the annotation. */
  readonly emptySince: number;
}

/** `value`: of a data key, in base64. */
export function linesOf(value = ""): readonly Line[] {
  const lines = Buffer.from(value, "base64").toString("utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((text) => {
      const [base64 = "", source = ""] = text.split(" ").slice(-2);
      return { text, base64, source };
    });
}

export function marksOf(object: Stored): Marks {
  const { labels, annotations } = object.metadata;
  return {
    isManaged: labels?.[MANAGED_LABEL] === "default" && annotations?.[SECRET_ANNOTATION] === idOf(object),
    emptySince: Date.parse(annotations?.[EMPTY_SINCE_ANNOTATION] ?? ""),
  };
}

/** When a version of a Secret was made and by whom; ms since the epoch. */
export interface Moment {
  /** Did the operator make it? */
  readonly isOwn: boolean;
  readonly isGone: boolean;
  /** When it was seen. */
  readonly at: number;
  /** From when the operator could know of it, and by when it had taken effect. */
  readonly knownFrom: number;
  readonly madeBy: number;
}

/** `write`: the one that made it, if the audit log has it. */
export function momentOf({ isGone, at }: Version, isOwn: boolean, write: Write | undefined): Moment {
  return {
    isOwn,
    isGone,
    at,
    // Of others' writes a watch may tell before they are answered.
    knownFrom: (isOwn ? write?.answeredAt : write?.receivedAt) ?? Number.NEGATIVE_INFINITY,
    madeBy: write?.answeredAt ?? at,
  };
}

/**
 * The versions that a status may speak of: those that the operator could know of when it sent it, and that it did not
 * know by then to be another one. A status that is on its way does not hold up the Secret; undefined is no Secret.
 */
export function spokenOf<T extends Moment>(
  versions: readonly T[],
  sentAt: number,
  blindMs: number,
): readonly (T | undefined)[] {
  const isPast = ({ isOwn, madeBy }: T) => madeBy < sentAt - (isOwn ? ON_ITS_WAY_MS : blindMs);
  const from = versions.findLastIndex(isPast);
  const spoken = versions.filter((version, i) => i >= from && version.knownFrom <= sentAt);
  return from === -1 ? [undefined, ...spoken] : spoken;
}
