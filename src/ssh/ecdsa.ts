import type { WireReader } from "./wire.ts";

/** RFC 5656 section 3.1: the curve's name, then the point. */
export function ecdsa(name: CurveName): (reader: WireReader) => number {
  const curve = CURVES[name];
  return (reader) => {
    const found = reader.text();
    const point = reader.bytes();
    if (reader.refusal === undefined) {
      if (found !== name) {
        reader.fail(
          "CurveMismatch",
          `The key's type asks for ${name} and the key names another curve; copy the key again from its .pub file.`,
        );
      } else {
        const fault = pointFault(curve, point);
        if (fault !== undefined) {
          reader.fail(fault.code, `${fault.what}; copy the key again from its .pub file, or make a new key.`);
        }
      }
    }
    return curve.bits;
  };
}

interface PointFault {
  readonly code: "PointNotUncompressed" | "PointNotOnCurve" | "PointOutOfRange";
  readonly what: string;
}

/** SEC 1 section 2.3.4 and OpenSSH's get_ec and sshkey_ec_validate_public. */
function pointFault(curve: Curve, point: Buffer): PointFault | undefined {
  const size = curve.coordinateBytes;
  if (point.length !== 1 + 2 * size || point[0] !== UNCOMPRESSED) {
    return {
      code: "PointNotUncompressed",
      what: "The key's point is not in the uncompressed form of its curve",
    };
  }
  // One conversion and two cuts take less time than two conversions.
  const both = BigInt(`0x${point.toString("hex", 1)}`);
  const x = both >> BigInt(8 * size);
  const y = BigInt.asUintN(8 * size, both);
  if (!hasPoint(curve, x, y)) {
    return { code: "PointNotOnCurve", what: "The key's point does not lie on its curve" };
  }
  if (!inRange(curve, x) || !inRange(curve, y)) {
    return { code: "PointOutOfRange", what: "The key's point is one that OpenSSH refuses as unsafe" };
  }
  return undefined;
}

const UNCOMPRESSED = 4;

export type CurveName = "nistp256" | "nistp384" | "nistp521";

/** A prime curve y² = x³ - 3x + b of FIPS 186-4 appendix D.1.2. Its cofactor is 1: each point has order n. */
interface Curve {
  readonly bits: number;
  readonly coordinateBytes: number;
  readonly p: bigint;
  readonly n: bigint;
  readonly b: bigint;
}

/** Whether x and y are coordinates of a point: below p, and fitting the equation. */
function hasPoint(curve: Curve, x: bigint, y: bigint): boolean {
  return x < curve.p && y < curve.p && (y * y - (x * x - 3n) * x - curve.b) % curve.p === 0n;
}

/**
 * Whether OpenSSH takes this coordinate: longer than half of n's bits and below n - 1. Releases up to 9.x check
 * this (sshkey_ec_validate_public); a key made by chance fails it about once in 2³² on nistp256.
 */
function inRange(curve: Curve, coordinate: bigint): boolean {
  return coordinate < curve.n - 1n && coordinate >> BigInt(curve.bits >> 1) !== 0n;
}

export const CURVES: Readonly<Record<CurveName, Curve>> = {
  nistp256: {
    bits: 256,
    coordinateBytes: 32,
    p: 0xffffffff_00000001_00000000_00000000_00000000_ffffffff_ffffffff_ffffffffn,
    n: 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n,
    b: 0x5ac635d8_aa3a93e7_b3ebbd55_769886bc_651d06b0_cc53b0f6_3bce3c3e_27d2604bn,
  },
  nistp384: {
    bits: 384,
    coordinateBytes: 48,
    p: 0xffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_fffffffe_ffffffff_00000000_00000000_ffffffffn,
    n: 0xffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_c7634d81_f4372ddf_581a0db2_48b0a77a_ecec196a_ccc52973n,
    b: 0xb3312fa7_e23ee7e4_988e056b_e3f82d19_181d9c6e_fe814112_0314088f_5013875a_c656398d_8a2ed19d_2a85c8ed_d3ec2aefn,
  },
  nistp521: {
    bits: 521,
    coordinateBytes: 66,
    p: (1n << 521n) - 1n,
    n: 0x01ff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_fffffffa_51868783_bf2f966b_7fcc0148_f709a5d0_3bb5c9b8_899c47ae_bb6fb71e_91386409n,
    b: 0x0051_953eb961_8e1c9a1f_929a21a0_b68540ee_a2da725b_99b315f3_b8b48991_8ef109e1_56193951_ec7e937b_1652c0bd_3bb1bf07_3573df88_3d2c34f1_ef451fd4_6b503f00n,
  },
};
