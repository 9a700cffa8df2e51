import { type DesiredSecret, keysOf, type SecretRecord } from "./secret.ts";

/**
 * What may be written in the place of a file that cannot be, the most first: a key that cannot come in and a line that
 * cannot change never hold up a key that is to go. `file` is what the live Secret holds, where a key is to go.
 */
export function retreats(
  desired: DesiredSecret,
  live: SecretRecord | undefined,
  file: string | undefined,
): readonly DesiredSecret[] {
  const steps = [withoutAdditions(desired, live)];
  if (file !== undefined) steps.push(withoutChanges(desired, file));
  return steps.filter((step, i) => step.file !== desired.file && step.file !== steps[i - 1]?.file);
}

/** What of it does not depend on a new key: the desired file down to the lines whose keys the live Secret holds. */
export function withoutAdditions(desired: DesiredSecret, live: SecretRecord | undefined): DesiredSecret {
  const held = new Set(live?.keys);
  const kept = linesOf(desired.file).filter((line) => keysOf(line).some((key) => held.has(key)));
  return withLines(desired, kept);
}

/** The file that is there without the keys that are to go: every other line stays as it is. */
export function withoutChanges(desired: DesiredSecret, file: string): DesiredSecret {
  const staying = new Set(linesOf(desired.file).map(withoutOptions));
  const kept = linesOf(file).filter((line) => {
    const bare = withoutOptions(line);
    return bare !== undefined && staying.has(bare);
  });
  return withLines(desired, kept);
}

/** Is the live Secret to lose a key? */
export function isToLose(desired: Pick<DesiredSecret, "file">, live: SecretRecord | undefined): boolean {
  const staying = new Set(keysOf(desired.file));
  return live?.keys.some((key) => !staying.has(key)) === true;
}

/** One word of options at most, in which a space is quoted as sshd reads it (auth2-pubkeyfile.c), before three words. */
const LINE = /^(?:(?:\\"|[^ "]|"(?:\\"|\\(?!")|[^"\\])*")+ )?([^ ]+ [^ ]+ [^ ]+)$/;

/** Undefined for a line that the operator does not write. */
function withoutOptions(line: string): string | undefined {
  return LINE.exec(line)?.[1];
}

function linesOf(file: string): readonly string[] {
  return file.split("\n").slice(0, -1);
}

function withLines(desired: DesiredSecret, lines: readonly string[]): DesiredSecret {
  return { ...desired, file: lines.map((line) => `${line}\n`).join("") };
}
