import { encodeStrings, stringsOf } from "../../src/ssh/wire.ts";
import type { Signing } from "./madesignatures.ts";
import type { Random } from "./random.ts";
import { mpint } from "./samples.ts";
import {
  armor,
  inParts,
  makeSSHSIG,
  type SignatureParts,
  type SSHSIGFields,
  uint32,
  WEBAUTHN,
} from "./signer.ts";

export interface SignatureMutation {
  readonly name: string;
  /** Of which signings it can be made; default: all. */
  readonly of?: (signing: Signing) => boolean;
  /** A text made from the SSHSIG of that signing, and from others where it mixes them. */
  readonly apply: (random: Random, made: Made, others: readonly Made[]) => string;
}

/** An honest signature and how it came about. */
export interface Made {
  readonly signing: Signing;
  readonly message: Buffer;
  readonly blob: Buffer;
}

/** All the ways in which the differential test bends an SSHSIG; those of its armour stand elsewhere. */
export const SIGNATURE_MUTATIONS: readonly SignatureMutation[] = [
  { name: "unchanged", apply: (_random, { blob }) => armor(blob) },
  onBytes("bit flip", flipBit),
  onBytes("bit flip near the start", (random, blob) =>
    Buffer.concat([flipBit(random, blob.subarray(0, 40)), blob.subarray(40)]),
  ),
  onBytes("bytes left out", (random, blob) => splice(random, blob, 1 + random.below(4), Buffer.alloc(0))),
  onBytes("bytes put in", (random, blob) => splice(random, blob, 0, random.bytes(1 + random.below(4)))),
  onBytes("byte replaced", (random, blob) =>
    splice(random, blob, 1, Buffer.of(random.pick([0, 0x7f, 0xff]))),
  ),
  onBytes("truncation", (random, blob) => blob.subarray(0, random.below(blob.length))),
  onBytes("extension", (random, blob) => Buffer.concat([blob, extension(random)])),
  onBytes("version", (random, blob) => {
    const version = random.pick([0, 0, 2, 256, 0xffffffff]);
    return Buffer.concat([blob.subarray(0, 6), uint32(version), blob.subarray(10)]);
  }),
  onBytes("length field", (random, blob) => {
    const strings = stringsOf(blob.subarray(10));
    const outer = strings.map(({ byteOffset }) => byteOffset - blob.byteOffset - 4);
    const inner = [strings[0], strings[4]].flatMap((string = blob) => {
      const start = string.byteOffset - blob.byteOffset;
      return [start, start + 4 + string.readUInt32BE(0)];
    });
    const at = random.pick([...outer, ...inner]);
    const length = blob.readUInt32BE(at);
    const lengths = [0, 1, length - 1, length + 1, length + 4, 0x7fffffff, 0x80000000, 0xffffffff];
    return Buffer.concat([
      blob.subarray(0, at),
      uint32(Math.max(0, random.pick(lengths))),
      blob.subarray(at + 4),
    ]);
  }),
  onStrings("strings swapped", (random, strings) => {
    const [a, b] = [random.below(strings.length), random.below(strings.length)];
    return strings.map((string, at) => strings[at === a ? b : at === b ? a : at] ?? string);
  }),
  onStrings("string left out or doubled", (random, strings) => {
    const at = random.below(strings.length);
    const string = strings[at] ?? Buffer.alloc(0);
    return strings.toSpliced(at, 1, ...random.pick([[], [string, string]]));
  }),
  onStrings("string of another signature", (random, strings, others) => {
    const at = random.below(strings.length);
    const foreign = stringsOf(random.pick(others).blob.subarray(10))[at];
    return strings.map((string, index) => (index === at ? (foreign ?? string) : string));
  }),
  onStrings("namespace", (random, strings) =>
    strings.with(1, respellName(random, strings[1], ["git", "file", ""])),
  ),
  onStrings("reserved field", (random, strings) =>
    strings.with(2, random.pick([Buffer.of(0), Buffer.from("sha512"), random.bytes(20)])),
  ),
  onStrings("name of the hash", (random, strings) =>
    strings.with(3, respellName(random, strings[3], ["sha1", "md5", "sha256", "SHA512", "sha*", ""])),
  ),
  onStrings("key in another spelling", (random, [publicKey = Buffer.alloc(0), ...rest]) => {
    const [name = Buffer.alloc(0), ...numbers] = stringsOf(publicKey);
    const at = random.below(numbers.length);
    const padded = numbers.map((number, index) =>
      index === at ? Buffer.concat([Buffer.alloc(1 + random.below(3)), number]) : number,
    );
    const short = Buffer.from(
      name.toString().includes("sk-ssh") ? "ed25519-sk" : name.toString().slice("ssh-".length),
    );
    const spelled = random.pick([
      [name, ...padded],
      [short, ...numbers],
      [Buffer.concat([name, Buffer.of(0)]), ...numbers],
      [Buffer.from(name.toString().toUpperCase()), ...numbers],
      [name, ...numbers, Buffer.alloc(0)],
    ]);
    return [encodeStrings(spelled), ...rest];
  }),
  onSignature("name of the algorithm", (random, { algorithm }) => ({
    algorithm: respellName(random, algorithm, ALGORITHMS),
  })),
  onSignature("value cut or grown", (random, { value }) => ({
    value: random.pick([
      value.subarray(1),
      value.subarray(0, -1),
      Buffer.alloc(0),
      Buffer.concat([value, extension(random)]),
      Buffer.concat([Buffer.of(0), value]),
    ]),
  })),
  onSignature("bit flip in the value", (random, { value }) => ({
    value: flipBit(random, value),
  })),
  onSignature("tail", (random, { tail }) => ({
    tail: random.pick([
      tail.subarray(0, random.below(tail.length + 1)),
      Buffer.concat([tail, extension(random)]),
      tail.length === 0 ? Buffer.of(1, 0, 0, 0, 1) : flipBit(random, tail),
    ]),
  })),
  {
    ...onSignature("numbers r and s", (random, { value, ...rest }) => ({
      ...rest,
      value: respellPair(random, value),
    })),
    of: ({ key }) => key.type.includes("ecdsa"),
  },
  {
    ...onSignature("S grown by the order", (_random, { value, ...rest }) => ({
      ...rest,
      value: grownByOrder(value),
    })),
    of: ({ key }) => /^(sk-)?ssh-ed25519/.test(key.type),
  },
  signedWith("signed with another envelope", (random) => ({
    ...random.pick<SSHSIGFields>([
      { version: random.pick([0, 2]) },
      { reserved: random.bytes(1 + random.below(9)) },
      { namespace: random.pick(["git", "", "SSHKEY-OPERATOR.DEV"]) },
      { hashAlgorithm: random.pick(["sha256", "sha1", "sha384", "md5", "SHA512", "sha512-256"]) },
      { behind: extension(random) },
    ]),
  })),
  {
    ...signedWith("signed with SHA-1", () => ({ algorithm: "ssh-rsa" })),
    of: ({ key }) => key.type === "ssh-rsa",
  },
  {
    ...signedWith("signed with other flags", (random) => ({
      flags: random.below(256),
      counter: random.pick([0, 0xffffffff, random.below(2 ** 31)]),
    })),
    of: isOfSecurityKey,
  },
  {
    ...signedWith("signed for another application", (random) => ({
      application: random.pick(["", "ssh:x"]),
    })),
    of: isOfSecurityKey,
  },
  {
    ...signedWith("signed by another browser", (random) => ({
      origin: random.pick(["https://keys.example.com", "", 'a"b', "a\0", "a\0b", "http://ü.example"]),
      clientData: random.pick(CLIENT_DATA),
      extensions: random.pick([Buffer.alloc(0), Buffer.of(0xa0), random.bytes(9)]),
      flags: random.pick([0x01, 0x81, 0x41, 0xc1, 0x80, 0x00, random.below(256)]),
    })),
    of: ({ fields }) => fields.algorithm === WEBAUTHN,
  },
];

/** What browsers write, and what they do not. */
const CLIENT_DATA: readonly ((challenge: string, origin: string) => string)[] = [
  (challenge, origin) => `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}"}`,
  (challenge, origin) => `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}","more":{}}`,
  (challenge, origin) => `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}"`,
  (challenge, origin) => `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}`,
  (challenge, origin) => `{"challenge":"${challenge}","type":"webauthn.get","origin":"${origin}"}`,
  (challenge, origin) => `{"type":"webauthn.create","challenge":"${challenge}","origin":"${origin}"}`,
  (challenge, origin) => `{"type":"webauthn.get","challenge":"${challenge}=","origin":"${origin}"}`,
  (challenge, origin) => `{"type":"webauthn.get", "challenge":"${challenge}","origin":"${origin}"}`,
  (challenge) => `{"type":"webauthn.get","challenge":"${challenge}","origin":"https://other.example"}`,
  (_challenge, origin) => `{"type":"webauthn.get","challenge":"","origin":"${origin}"}`,
];

function onBytes(name: string, change: (random: Random, blob: Buffer) => Buffer): SignatureMutation {
  return { name, apply: (random, { blob }) => armor(change(random, Buffer.from(blob))) };
}

/** The strings are: public key, namespace, reserved, name of the hash, signature. */
function onStrings(
  name: string,
  change: (random: Random, strings: Buffer[], others: readonly Made[]) => readonly Buffer[],
): SignatureMutation {
  return {
    name,
    apply: (random, { blob }, others) => {
      const strings = change(random, stringsOf(blob.subarray(10)), others);
      return armor(Buffer.concat([blob.subarray(0, 10), encodeStrings(strings)]));
    },
  };
}

function onSignature(
  name: string,
  change: (random: Random, parts: SignatureParts) => Partial<SignatureParts>,
): SignatureMutation {
  return onStrings(name, (random, strings) => {
    const alter = inParts((parts) => change(random, parts));
    return strings.with(4, alter(strings[4] ?? Buffer.alloc(0)));
  });
}

function signedWith(name: string, fields: (random: Random) => SSHSIGFields): SignatureMutation {
  return {
    name,
    apply: (random, { signing, message }) =>
      armor(makeSSHSIG(signing.key, message, { ...signing.fields, ...fields(random) })),
  };
}

function isOfSecurityKey({ key }: Signing): boolean {
  return key.type.startsWith("sk-");
}

function flipBit(random: Random, bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  const at = random.below(flipped.length);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
  return flipped;
}

function splice(random: Random, bytes: Buffer, left: number, put: Buffer): Buffer {
  const at = random.below(bytes.length - left + 1);
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + left)]);
}

function extension(random: Random): Buffer {
  return random.pick([Buffer.of(0), Buffer.of(0x0a), Buffer.alloc(4), random.bytes(1 + random.below(20))]);
}

function respellName(random: Random, name: Buffer | undefined, others: readonly string[]): Buffer {
  const text = name?.toString("latin1") ?? "";
  const spellings = [`${text}\0`, `${text}\0\0`, `\0${text}`, `${text} `, text.toUpperCase(), ...others];
  return Buffer.from(random.pick(spellings), "latin1");
}

/** OpenSSH reads mpints of up to 16384 bits with any zeros before them, as many as fit into that and a byte. */
function respellPair(random: Random, value: Buffer): Buffer {
  const [r = value, s = value] = stringsOf(value);
  const at = random.below(2);
  const one = (number: Buffer) => encodeStrings(at === 0 ? [number, s] : [r, number]);
  const number = at === 0 ? r : s;
  return random.pick([
    one(Buffer.concat([Buffer.alloc(1 + random.below(4)), number])),
    one(Buffer.concat([Buffer.alloc(random.pick([2049, 2050, 2051]) - number.length), number])),
    one(Buffer.concat([Buffer.alloc(random.pick([2048, 3000])), number])),
    one(number[0] === 0 ? number.subarray(1) : Buffer.concat([Buffer.of(0x80), number])),
    one(Buffer.concat([Buffer.of(1), number])),
    one(random.pick([Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(3), Buffer.of(1)])),
    one(mpint(Buffer.alloc(66, 0xff))),
    encodeStrings([s, r]),
    encodeStrings([r]),
    encodeStrings([r, s, Buffer.alloc(0)]),
    Buffer.concat([value, extension(random)]),
  ]);
}

/** R and S + L (RFC 8032 section 5.1.7 has S below L, the order of the base point): the equation still holds. */
export function grownByOrder(value: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(value.subarray(32)).reverse().toString("hex")}`);
  const grown = Buffer.from((s + ED25519_ORDER).toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([value.subarray(0, 32), grown]);
}

const ED25519_ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
const ALGORITHMS = [
  ...["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "ssh-dss", "ssh-ed25519", "sk-ssh-ed25519@openssh.com"],
  ...["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "sk-ecdsa-sha2-nistp256@openssh.com", WEBAUTHN],
  ...["ssh-ed25519-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com", ""],
];
