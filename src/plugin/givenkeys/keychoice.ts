import { fingerprintMD5, fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { PluginError, type Session } from "../session/session.ts";
import { type GivenKey, lineOf } from "./keytext.ts";

/** Those keys whose type, comment or fingerprint has the word, whatever its case; none is an error that lists them. */
export function keysWith(word: string, keys: readonly GivenKey[], source: string): readonly GivenKey[] {
  const wanted = word.toLowerCase();
  const found = keys.filter((key) =>
    [key.type, key.comment, fingerprintSHA256(key.blob), fingerprintMD5(key.blob)]
      .join("\n")
      .toLowerCase()
      .includes(wanted),
  );
  if (found.length > 0) return found;
  throw new PluginError(
    `${source} has no key with ${JSON.stringify(word)} in its comment, type or fingerprint: it has\n${listed(keys)}`,
  );
}

/** The one key, or the one that the person chooses in the terminal. `flag`: how it is chosen without one. */
export async function oneOf(
  session: Session,
  keys: readonly GivenKey[],
  source: string,
  flag: string,
): Promise<GivenKey> {
  const [first] = keys;
  if (first !== undefined && keys.length === 1) return first;
  const several = `${source} has ${keys.length} keys:\n${listed(keys)}`;
  if (!session.isInteractive)
    throw new PluginError(`${several}\nchoose one by a word of its comment or fingerprint: ${flag}`);
  session.say(several);
  for (;;) {
    const answer = await session.ask(`Which one (1-${keys.length})? `);
    const chosen = /^\d+$/.test(answer) ? keys[Number(answer) - 1] : undefined;
    if (chosen !== undefined) return chosen;
  }
}

/** A line each, with its number, as ssh-keygen -l tells keys apart. */
export function listed(keys: readonly GivenKey[]): string {
  return keys.map((key, index) => `  ${index + 1}. ${described(key)}`).join("\n");
}

/** Fingerprint, bits, type and comment: whatever else the line says is not seen. */
export function described({ blob, bits, type, comment }: GivenKey): string {
  return `${fingerprintSHA256(blob)} ${bits} ${type}${comment === "" ? "" : ` ${comment}`}`;
}

/** Tells what has been made of a key in another format. */
export function tellConversion(session: Session, key: GivenKey): void {
  if (key.convertedFrom === undefined) return;
  session.say(`${key.convertedFrom}; as an OpenSSH line it is:\n${lineOf(key)}`);
}
