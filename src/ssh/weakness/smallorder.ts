/**
 * Whether 32 bytes are read as one of the eight Ed25519 points whose order divides the cofactor 8. For such a public
 * key the term h·A of the verification (RFC 8032 section 5.1.7) takes at most eight values, so a signature is found
 * by trying a few messages, or none. True for all 14 spellings: either sign bit, and the y that are not reduced.
 */
export function isSmallOrder(point: Uint8Array): boolean {
  const last = (point[31] ?? 0) & 0x7f;
  return SMALL_ORDER_Y.some((y) => y[31] === last && y.every((byte, at) => at === 31 || byte === point[at]));
}

/** The y of these points in 255 bits, little end first; bit 255 is the sign of x. With p = 2²⁵⁵ - 19. */
const SMALL_ORDER_Y: readonly Buffer[] = [
  // 1: the identity; 0: order 4; p - 1: order 2.
  `01${"00".repeat(31)}`,
  "00".repeat(32),
  `ec${"ff".repeat(30)}7f`,
  // p and p + 1: 0 and 1 again, since readers reduce y modulo p.
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  // Order 8: the roots of d·y⁴ + 2·y² = 1.
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
].map((hex) => Buffer.from(hex, "hex"));
