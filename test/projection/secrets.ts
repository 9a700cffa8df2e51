import { DATA_KEY, USER_ANNOTATION } from "../../src/api/names.ts";
import type { Claim } from "../../src/claims/claim.ts";
import { dataOf, digestOf, type Files } from "../../src/projection/files.ts";
import type { DesiredSecret, LiveSecret } from "../../src/projection/secret.ts";
import { blobOf, type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

/** The line of the SSHKey of this name with that key. */
export function line(name: string, key = 1, options = ""): string {
  return `${options}ssh-ed25519 ${blobOf(key)} team-a/${name}\n`;
}

/** The one file of a user's Secret, as it is wanted. */
export function files(file: string): Files {
  return new Map([[DATA_KEY, file]]);
}

/** The same as it is read: only a file with lines is kept. */
export function linesRead(file: string): Files {
  return new Map(file === "" ? [] : [[DATA_KEY, file]]);
}

/** The file in a user's Secret. */
export function fileIn(held: Files | undefined): string | undefined {
  return held && (held.get(DATA_KEY) ?? "");
}

/** What Alice's Secret should hold. */
export function desiredSecret(file: string, facts: Partial<DesiredSecret> = {}): DesiredSecret {
  return {
    namespace: "team-a",
    name: "sshkeys-alice",
    forWhom: { annotation: USER_ANNOTATION, value: "alice" },
    files: files(file),
    isOptional: true,
    ...facts,
  };
}

/** Alice's Secret as the API server has it; the rest has a default. */
export function liveSecret(file: string, facts: Partial<LiveSecret> = {}): LiveSecret {
  return {
    namespace: "team-a",
    name: "sshkeys-alice",
    uid: "u1",
    resourceVersion: "7",
    createdAt: 0,
    ownership: "managed",
    isImmutable: false,
    forWhom: { [USER_ANNOTATION]: "alice" },
    digest: digestOf(dataOf(files(file))),
    files: linesRead(file),
    emptyFiles: file === "" ? [DATA_KEY] : [],
    foreignFiles: [],
    emptySince: undefined,
    writtenAt: undefined,
    ...facts,
  };
}

/** An SSHKey in force that holds its key. */
export function claimOf(facts: SSHKeyFacts, changes: Partial<Claim> = {}): Claim {
  const record = sshKeyRecord(facts);
  const rest = { isProven: false, isExpired: false, isInForce: true, isHolder: true };
  const { advice = [] } = record.key ?? {};
  return { record, findings: [], advice, since: record.createdAt, ...rest, ...changes };
}
