/**
 * Every 32 bytes that RFC 8032 readers take for a point of order 1, 2, 4 or 8, derived from the curve's equation
 * -x² + y² = 1 + d·x²·y² alone: each y below 2²⁵⁵, reduced or not, with either sign bit.
 */
export function smallOrderEncodings(): Buffer[] {
  const ys = [
    // Order 1 and 2: x = 0, so y² = 1.
    1n,
    P - 1n,
    // Order 4: twice the point has y = -1, so y = 0.
    0n,
    // Order 8: twice the point has y = 0, so x² = -y², so d·y⁴ + 2·y² - 1 = 0.
    ...squareRoots(1n + D).flatMap((root) => squareRoots(modulo((root - 1n) * inverse(D)))),
  ];
  const spellings = ys.flatMap((y) => [y, y + P]).filter((y) => y < 1n << 255n);
  return spellings.flatMap((y) => [littleEnd(y), littleEnd(y | (1n << 255n))]);
}

/** Zero, one or two roots; p = 5 (mod 8), RFC 8032 section 5.1.3. */
function squareRoots(square: bigint): bigint[] {
  const value = modulo(square);
  const candidate = power(value, (P + 3n) / 8n);
  const turned = modulo(candidate * power(2n, (P - 1n) / 4n));
  const root = [candidate, turned].find((each) => modulo(each * each) === value);
  return root === undefined ? [] : root === 0n ? [0n] : [root, P - root];
}

function inverse(value: bigint): bigint {
  return power(modulo(value), P - 2n);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = modulo(square * square)) {
    if ((rest & 1n) === 1n) result = modulo(result * square);
  }
  return result;
}

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function littleEnd(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
}

const P = (1n << 255n) - 19n;
const D = modulo(-121665n * inverse(121666n));
