import { createPrivateKey, type JsonWebKey, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isConfirmed, readSignature, whenConfirmed } from "../../src/ssh/signature.ts";
import { bigintOf, encodeStrings, stringsOf } from "../../src/ssh/wire.ts";
import { keygenAccepts, refusalOf, UNCONFIRMED } from "./checknovalidate.ts";
import { signings } from "./madesignatures.ts";
import { mpint } from "./samples.ts";
import { grownByOrder } from "./signaturemutations.ts";
import {
  inParts,
  makeKey,
  makeProof,
  makeSignature,
  NAMESPACE,
  type SigningKey,
  type SSHSIGFields,
  USER_PRESENT,
  USER_VERIFIED,
  WEBAUTHN,
} from "./signer.ts";

const USER = "alice";
const rsa = makeKey("ssh-rsa");
const ecdsa = makeKey("ecdsa-sha2-nistp256");
const ed25519 = makeKey("ssh-ed25519");
const hybrid = makeKey("ssh-mldsa44-ed25519@openssh.com");
const securityKeys: readonly SigningKey[] = [
  makeKey("sk-ssh-ed25519@openssh.com"),
  makeKey("sk-ecdsa-sha2-nistp256@openssh.com"),
];
const [, browserKey = rsa] = securityKeys;
const keys = [rsa, ecdsa, ed25519, hybrid, ...securityKeys];

/** Why a signature of the user's name by this key is refused. */
function refusal(key: SigningKey, fields: SSHSIGFields = {}): string | undefined {
  return refusalOf(makeProof(key, USER, fields), USER, NAMESPACE);
}

function value(change: (value: Buffer) => Buffer): SSHSIGFields {
  return { alter: inParts((parts) => ({ value: change(parts.value) })) };
}

function tail(change: (tail: Buffer) => Buffer): SSHSIGFields {
  return { alter: inParts((parts) => ({ tail: change(parts.tail) })) };
}

describe.each(keys)("a signature by $type", (key) => {
  test("is good for what was signed", () => {
    expect(refusal(key)).toBe(undefined);
  });

  test("is none of something else", () => {
    expect(refusalOf(makeProof(key, USER), "bob", NAMESPACE)).toBe(UNCONFIRMED);
  });

  test("is none by another key of the type", () => {
    expect(refusal(key, { publicKey: makeKey(key.type).blob })).toBe(UNCONFIRMED);
  });

  test("has nothing behind its end", () => {
    expect(
      refusal(
        key,
        tail((bytes) => Buffer.concat([bytes, Buffer.of(0)])),
      ),
    ).toBe("is damaged");
  });

  test("is whole", () => {
    const signature = makeSignature(key, Buffer.from(USER));
    const read = Array.from({ length: signature.length }, (_, length) =>
      readSignature({ ...key, bits: 0 }, signature.subarray(0, length)),
    );
    expect(read.filter(({ ok }) => ok)).toEqual([]);
  });

  test("bears no other name", () => {
    const algorithm = Buffer.from(key.type === "ssh-ed25519" ? "ssh-dss" : "ssh-ed25519");
    expect(refusal(key, { alter: inParts(() => ({ algorithm })) })).toBe(
      "is of another algorithm than the key",
    );
  });
});

test.each(signings())("the thread pool says of $name what the main thread says", async ({ key, fields }) => {
  const signature = readSignature({ ...key, bits: 0 }, makeSignature(key, Buffer.from(USER), fields));
  const checks = [USER, "bob"].map((name) =>
    signature.ok ? signature.value.checksOf(Buffer.from(name)) : undefined,
  );
  expect(await Promise.all(checks.map(whenConfirmed))).toEqual(checks.map(isConfirmed));
});

test("what libcrypto throws at is not confirmed", async () => {
  const [key] = ed25519.privateKeys;
  if (key === undefined) throw new Error("a key pair without a private key");
  // Ed25519 takes no hash.
  const checks = [
    { algorithm: "sha256", data: Buffer.from(USER), key, signature: Buffer.alloc(64) } as const,
  ];
  expect(() => verify("sha256", Buffer.from(USER), key, Buffer.alloc(64))).toThrow();
  expect(isConfirmed(checks)).toBe(false);
  expect(await whenConfirmed(checks)).toBe(false);
});

describe("RSA", () => {
  test("is not taken with SHA-1", () => {
    expect(refusal(rsa, { algorithm: "ssh-rsa" })).toBe("uses SHA-1");
  });

  test("is not taken with the name of the other hash", () => {
    const algorithm = Buffer.from("rsa-sha2-256");
    expect(refusal(rsa, { alter: inParts(() => ({ algorithm })) })).toBe(UNCONFIRMED);
  });

  test("has no more bytes than the key", () => {
    expect(
      refusal(
        rsa,
        value((bytes) => Buffer.concat([Buffer.of(0), bytes])),
      ),
    ).toBe("is longer than the key");
  });

  test("may leave out a zero in front, as for ssh-keygen", async () => {
    const key = makeKey("ssh-rsa", { bits: 1024 });
    let isShorter = false;
    const withoutZero = value((bytes) => {
      isShorter = bytes[0] === 0;
      return isShorter ? bytes.subarray(1) : bytes;
    });
    let [user, proof] = ["", ""];
    // One signature of 256 begins with a zero, and each name has one.
    for (let count = 0; !isShorter; count += 1) {
      user = `user-${count}`;
      proof = makeProof(key, user, withoutZero);
    }
    expect(refusalOf(proof, user, NAMESPACE)).toBe(undefined);
    expect(await keygenAccepts([proof], user, NAMESPACE)).toEqual([true]);
  });

  test("is unsupported with a public exponent of more than 32 bits, which takes long", async () => {
    const proof = makeProof(withExponent(rsa, (1n << 32n) + 1n), USER);
    expect(refusalOf(proof, USER, NAMESPACE)).toBe(
      "is by an RSA key with a public exponent of more than 32 bits",
    );
    expect(await keygenAccepts([proof], USER, NAMESPACE)).toEqual([true]);
  });

  test("is taken with a public exponent of 32 bits", () => {
    expect(refusal(withExponent(rsa, 0xffff_f001n))).toBe(undefined);
  });
});

describe("ECDSA", () => {
  const pair = (change: (r: Buffer, s: Buffer) => Buffer[]) =>
    value((bytes) => {
      const [r = bytes, s = bytes] = stringsOf(bytes);
      return encodeStrings(change(r, s));
    });
  const zeros = (length: number, number: Buffer) =>
    Buffer.concat([Buffer.alloc(length - number.length), number]);

  test("may have zeros before its numbers", () => {
    expect(
      refusal(
        ecdsa,
        pair((r, s) => [zeros(40, r), zeros(50, s)]),
      ),
    ).toBe(undefined);
  });

  test("has no more of them than OpenSSH reads", async () => {
    const proofs = [2049, 2050].map((length) =>
      makeProof(
        ecdsa,
        USER,
        pair((r, s) => [zeros(length, r), s]),
      ),
    );
    const accepted = proofs.map((proof) => refusalOf(proof, USER, NAMESPACE) === undefined);
    expect(accepted).toEqual([true, false]);
    expect(await keygenAccepts(proofs, USER, NAMESPACE)).toEqual(accepted);
  });

  test.each<[string, (r: Buffer, s: Buffer) => Buffer[]]>([
    ["one", (r) => [r]],
    ["three", (r, s) => [r, s, s]],
    ["a negative one", (r, s) => [Buffer.concat([Buffer.of(0x80), r.subarray(-31)]), s]],
    ["one that is longer than the curve's", (r) => [r, Buffer.concat([Buffer.of(1), Buffer.alloc(32)])]],
  ])("has two numbers and not %s", (_what, change) => {
    expect(refusal(ecdsa, pair(change))).toBe("holds no pair of numbers of the curve");
  });

  test.each<[string, (r: Buffer, s: Buffer) => Buffer[]]>([
    ["r of zero", (_r, s) => [Buffer.alloc(0), s]],
    ["s of zero", (r) => [r, Buffer.alloc(0)]],
    ["both of zero", () => [Buffer.alloc(0), Buffer.alloc(0)]],
    ["both swapped", (r, s) => [s, r]],
  ])("is none with %s", (_what, change) => {
    expect(refusal(ecdsa, pair(change))).toBe(UNCONFIRMED);
  });
});

describe("Ed25519", () => {
  const [securityKey = ed25519] = securityKeys;

  test.each([63, 65])("is none of %i bytes", (length) => {
    const resized = value((bytes) => Buffer.concat([bytes, Buffer.alloc(1)]).subarray(0, length));
    expect(refusal(ed25519, resized)).toBe("has another length than an Ed25519 signature");
    expect(refusal(securityKey, resized)).toBe("has another length than an Ed25519 signature");
  });

  test("has one spelling: S + L is refused, for which the equation holds as well", () => {
    expect(refusal(ed25519, value(grownByOrder))).toBe(UNCONFIRMED);
    expect(refusal(securityKey, value(grownByOrder))).toBe(UNCONFIRMED);
  });
});

test("a signature by a DSA key is unsupported, since it uses SHA-1", () => {
  expect(refusal(makeKey("ssh-dss"))).toBe("is by a DSA key, and such signatures use SHA-1");
});

describe("a hybrid signature", () => {
  const other = makeKey(hybrid.type);

  /** A signature by the one half of one key and the other half of another. */
  const mixed = (privateKeys: SigningKey["privateKeys"]) => refusal({ ...hybrid, privateKeys });

  test("is none when its ML-DSA half is by another key", () => {
    expect(mixed([...other.privateKeys.slice(0, 1), ...hybrid.privateKeys.slice(1)])).toBe(UNCONFIRMED);
  });

  test("is none when its Ed25519 half is by another key", () => {
    expect(mixed([...hybrid.privateKeys.slice(0, 1), ...other.privateKeys.slice(1)])).toBe(UNCONFIRMED);
  });

  test.each([0, 64, 2420, 2483, 2485])("is none of %i bytes", (length) => {
    const resized = value((bytes) => Buffer.concat([bytes, bytes]).subarray(0, length));
    expect(refusal(hybrid, resized)).toBe("has another length than one of ML-DSA-44 with Ed25519");
  });
});

describe.each(securityKeys)("a signature by the security key $type", (key) => {
  test("is none for another application than the key's", () => {
    expect(refusal(key, { application: "ssh:other" })).toBe(UNCONFIRMED);
  });

  test.each([
    ["flags", 0],
    ["counter", 4],
  ])("is none when its %s are changed", (_what, at) => {
    const flipped = tail((bytes) =>
      Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 4 : byte))),
    );
    expect(refusal(key, flipped)).toBe(UNCONFIRMED);
  });

  test.each([
    [0, { touched: false, userVerified: false }],
    [USER_PRESENT, { touched: true, userVerified: false }],
    [USER_VERIFIED, { touched: false, userVerified: true }],
    [0xff, { touched: true, userVerified: true }],
  ])("says of the flags %i what they mean", (flags, expected) => {
    const read = readSignature({ ...key, bits: 0 }, makeSignature(key, Buffer.from(USER), { flags }));
    expect(read).toMatchObject({ value: { authenticator: expected } });
  });
});

test("a signature by another key than a security key says nothing of a touch", () => {
  const read = readSignature({ ...ed25519, bits: 0 }, makeSignature(ed25519, Buffer.from(USER)));
  expect(read).toMatchObject({ value: { authenticator: undefined } });
});

describe("a browser's signature", () => {
  const browser = (fields: SSHSIGFields) => refusal(browserKey, { algorithm: WEBAUTHN, ...fields });
  const INCONSISTENT = "has flags that do not fit it";
  const [ATTESTED_DATA, EXTENSION_DATA] = [0x40, 0x80];

  test("is good", () => {
    expect(browser({})).toBe(undefined);
  });

  test("is good with extensions, if its flags say so", () => {
    expect(browser({ flags: USER_PRESENT | EXTENSION_DATA, extensions: Buffer.of(0xa0) })).toBe(undefined);
  });

  test("is none with extensions of which its flags say nothing", () => {
    expect(browser({ extensions: Buffer.of(0xa0) })).toBe(INCONSISTENT);
  });

  test("is none without the extensions that its flags announce", () => {
    expect(browser({ flags: USER_PRESENT | EXTENSION_DATA })).toBe(INCONSISTENT);
  });

  test("is none with an attestation", () => {
    expect(browser({ flags: USER_PRESENT | ATTESTED_DATA })).toBe(INCONSISTENT);
  });

  test("is none with a quotation mark in its origin, which could hide the challenge", () => {
    expect(browser({ origin: 'https://a","challenge":"' })).toBe(INCONSISTENT);
  });

  test.each<[string, SSHSIGFields["clientData"] & object]>([
    ["with the challenge of something else", (_challenge, origin) => clientData("AAAA", origin)],
    ["of another origin than it names", (challenge) => clientData(challenge, "https://other.example")],
    ["of a registration", (challenge, origin) => clientData(challenge, origin).replace("get", "create")],
    ["with white space in it", (challenge, origin) => clientData(challenge, origin).replace(",", ", ")],
    [
      "with its members in another order",
      (challenge, origin) => `{"challenge":"${challenge}","type":"webauthn.get","origin":"${origin}"}`,
    ],
  ])("is none of clientData %s", (_what, clientData) => {
    expect(browser({ clientData })).toBe(UNCONFIRMED);
  });

  test("is good with further members behind those", () => {
    const withMore = (challenge: string, origin: string) =>
      clientData(challenge, origin).replace("}", ',"crossOrigin":true,"more":{}}');
    expect(browser({ clientData: withMore })).toBe(undefined);
  });

  test("is none by an Ed25519 key", () => {
    const [key = ed25519] = securityKeys;
    expect(refusal(key, { algorithm: WEBAUTHN })).toBe("is of another algorithm than the key");
  });
});

function clientData(challenge: string, origin: string): string {
  return `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}"}`;
}

/** An RSA key of the same primes and the first public exponent from that on that has a private one. */
function withExponent({ privateKeys }: SigningKey, from: bigint): SigningKey {
  const { kty, n = "", p = "", q = "", qi } = (privateKeys[0]?.export({ format: "jwk" }) ?? {}) as JsonWebKey;
  const [prime, other] = [p, q].map((each) => bigintOf(Buffer.from(each, "base64url")) - 1n) as [
    bigint,
    bigint,
  ];
  let e = from | 1n;
  while (gcd(e, prime * other) !== 1n) e += 2n;
  const d = inverse(e, prime * other);
  const numbers = { e, d, dp: d % prime, dq: d % other };
  const jwk = Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [name, bytesOf(number).toString("base64url")]),
  );
  const key = createPrivateKey({ key: { kty, n, p, q, qi, ...jwk } as JsonWebKey, format: "jwk" });
  const blob = encodeStrings([Buffer.from("ssh-rsa"), mpint(bytesOf(e)), mpint(Buffer.from(n, "base64url"))]);
  return { type: "ssh-rsa", blob, privateKeys: [key] };
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** Of coprime numbers, by Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next, t, nextT] = [modulus, value % modulus, 0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next, t, nextT] = [next, r - quotient * next, nextT, t - quotient * nextT];
  }
  return ((t % modulus) + modulus) % modulus;
}

function bytesOf(number: bigint): Buffer {
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}
