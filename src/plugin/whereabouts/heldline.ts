import { decodeKeyLine, skipOptions, splitKeyLine } from "../../ssh/keyline.ts";
import { lineType } from "../../ssh/keytype.ts";

/** What a line of authorized_keys says, whoever wrote it. */
export interface HeldLine {
  /** Canonical. */
  readonly base64: string;
  /** `namespace/name`, as the operator writes it; "" where the line says nothing of the kind. */
  readonly sshKey: string;
}

/** Reads one line; undefined where it has no key. */
export function readHeldLine(text: string): HeldLine | undefined {
  const plain = splitKeyLine(text);
  const behind = lineType(plain.type) === undefined ? skipOptions(text.trimStart()) : undefined;
  const parts = behind === undefined ? plain : splitKeyLine(behind);
  const key = decodeKeyLine(parts);
  if (!key.ok) return undefined;
  const comment = parts.comment.trim();
  return { base64: key.value.blob.toString("base64"), sshKey: SSHKEY_NAME.test(comment) ? comment : "" };
}

const SSHKEY_NAME = /^[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9.-]{0,252}$/;
