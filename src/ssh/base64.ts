/**
 * The bytes of a base64 word, or undefined where OpenSSH's b64_pton refuses it: RFC 4648 section 4 with its
 * padding, zeros in the unused bits, nothing behind. Line breaks and form feeds inside are skipped, as C's
 * isspace() has them.
 */
export function decodeBase64(word: string): Buffer | undefined {
  const bytes = Buffer.from(word, "base64");
  // Node reads other alphabets, missing padding and loose bits too; only the canonical spelling comes back equal.
  if (bytes.toString("base64") === word) return bytes;
  const dense = word.replace(/[\n\v\f\r]+/g, "");
  return dense !== word && bytes.toString("base64") === dense ? bytes : undefined;
}
