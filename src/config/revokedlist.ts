import { readFileSync } from "node:fs";
import { type ConfigError, unreadable } from "./settings.ts";

/** A file of SHA-256 fingerprints, as the setting `revokedKeys` names one. */
export interface RevokedList {
  /** `SHA256:…`. */
  readonly fingerprints: ReadonlySet<string>;
  /** The numbers of lines that are no fingerprint, counted from 1; all others are in force. */
  readonly strayLines: readonly number[];
}

/** What is wrong with a stray line. */
export const STRAY_LINE = "not a fingerprint as ssh-keygen -l prints it: SHA256: and 43 characters";

/** One fingerprint a line, alone or with what `ssh-keygen -l` prints beside it; blank lines and `#` comments are allowed. */
export function parseRevokedList(list: string): RevokedList {
  const fingerprints = new Set<string>();
  const strayLines: number[] = [];
  for (const [index, line] of list.split("\n").entries()) {
    const text = line.split("#", 1)[0]?.trim() ?? "";
    if (text === "") continue;
    const [, fingerprint] = FINGERPRINT.exec(text) ?? [];
    if (fingerprint === undefined) strayLines.push(index + 1);
    else fingerprints.add(fingerprint);
  }
  return { fingerprints, strayLines };
}

/** `256 SHA256:… alice@laptop (ED25519)`, or the fingerprint alone. */
const FINGERPRINT = /^(?:\d{1,5} )?(SHA256:[A-Za-z0-9+/]{43})(?=\s|$)/;

/** Reads the file. Throws a ConfigError where it cannot be read. */
export function readRevokedList(file: string): RevokedList {
  try {
    return parseRevokedList(readFileSync(file, "utf8"));
  } catch (error) {
    throw unreadableList(file, error);
  }
}

export function unreadableList(file: string, error: unknown): ConfigError {
  return unreadable(`the revoked keys in ${file}`, error, "check revokedKeys");
}
