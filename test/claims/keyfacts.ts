import type { KeyFacts } from "../../src/claims/record.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";

/** What the operator knows of a key line. */
export function keyFacts(line: string): KeyFacts {
  const parsed = parsePublicKey(line);
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  const { type, bits, blob, comment } = parsed.value;
  return {
    type,
    bits,
    base64: blob.toString("base64"),
    comment,
    options: "",
    arithmetic: undefined,
    advice: [],
  };
}
