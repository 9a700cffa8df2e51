import { REASONS, type Reason, type Section } from "./blocklist.ts";
import { HashList } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/** A text of fingerprints that could be read, all of it or in part. */
export interface FingerprintList {
  readonly section: Section;
  /** Lines that are no fingerprint, counted from 1. */
  readonly strayLines: readonly number[];
}

/**
 * One `SHA256:…` a line as `ssh-keygen -l` prints it, alone or with what else it prints; blank lines and `#` comments are
 * allowed. The comment `# reason: CODE` says why the keys are listed; without it they are BlockedKey. Throws a ListError
 * where no line is a fingerprint, or the reason is none.
 */
export function decodeFingerprints(text: string): FingerprintList {
  let reason: Reason = "BlockedKey";
  const hashes: Buffer[] = [];
  const strayLines: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const [, given] = /^\s*#\s*reason:\s*(\S+)/.exec(line) ?? [];
    if (given !== undefined) reason = reasonOf(given);
    const content = line.split("#", 1)[0]?.trim() ?? "";
    if (content === "") continue;
    const [, fingerprint] = FINGERPRINT.exec(content) ?? [];
    if (fingerprint === undefined) strayLines.push(index + 1);
    else hashes.push(Buffer.from(fingerprint, "base64"));
  }
  if (hashes.length === 0 && strayLines.length > 0)
    throw new ListError("it has no fingerprint as ssh-keygen -l prints it: SHA256: and 43 characters");
  return { section: { reason, of: "fingerprint", source: "", hashes: HashList.of(hashes) }, strayLines };
}

const FINGERPRINT = /(?:^|\s)SHA256:([A-Za-z0-9+/]{43})(?:\s|$)/;

function reasonOf(word: string): Reason {
  const reason = REASONS.find((each) => each === word);
  if (reason === undefined)
    throw new ListError(`${JSON.stringify(word)} is no reason; give one of ${REASONS.join(", ")}`);
  return reason;
}
