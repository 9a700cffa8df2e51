import { isDNSLabel } from "../api/names.ts";
import { isPattern, Patterns } from "./pattern.ts";

/** What a Namespace says about who may take its keys. */
export interface Consent {
  /** May an AuthorizedKeys of this namespace take them? */
  readonly allows: (namespace: string) => boolean;
  /** Parts that match no namespace because of how they are written, the first MAXIMUM_MALFORMED, shortened. */
  readonly malformed: readonly string[];
}

/**
 * Reads the annotation of a Namespace: names and patterns of namespaces, separated by commas, with space around them or
 * not; `*` is everyone. A part that is empty matches nothing, and so does one that is neither a name nor a pattern; the
 * others count all the same. Takes time in proportion to the text. Undefined, for no annotation, allows nobody.
 */
export function readConsent(annotation: string | undefined): Consent {
  const parts = (annotation ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length === 0) return NOBODY;
  const patterns = new Patterns(parts.filter(isWellFormed));
  const malformed = [...new Set(parts.filter((part) => !isWellFormed(part)))];
  const known = new Map<string, boolean>();
  return {
    allows: (namespace) => {
      // Asked for each AuthorizedKeys again and again, of an annotation that may hold a hundred thousand patterns.
      const answer = known.get(namespace) ?? patterns.matches(namespace);
      if (known.size < MAXIMUM_KNOWN) known.set(namespace, answer);
      return answer;
    },
    malformed: malformed.slice(0, MAXIMUM_MALFORMED).map((part) => part.slice(0, MAXIMUM_PART)),
  };
}

export const MAXIMUM_MALFORMED = 10;

/** The length of a namespace's name. */
const MAXIMUM_PART = 63;

const MAXIMUM_KNOWN = 1000;

const NOBODY: Consent = { allows: () => false, malformed: [] };

function isWellFormed(part: string): boolean {
  return isPattern(part) ? /^[a-z0-9*-]+$/.test(part) : isDNSLabel(part);
}
