import { encodeStrings } from "../../src/ssh/wire.ts";
import type { Random } from "./random.ts";
import { blobOf, lineOf, type Sample } from "./samples.ts";
import { CHARACTERS, COMMENTS, PREFIXES, respace, respellBase64 } from "./spellings.ts";

export interface Mutation {
  readonly name: string;
  /** A key line made from the sample, and from others where it mixes keys. */
  readonly apply: (random: Random, sample: Sample, others: readonly Sample[]) => string;
}

/** All the ways in which the differential test bends a key line. */
export const MUTATIONS: readonly Mutation[] = [
  { name: "unchanged", apply: (_random, sample) => lineOf(sample) },
  onBlob("bit flip", (random, blob) => {
    const at = random.below(blob.length);
    blob[at] = (blob[at] ?? 0) ^ (1 << random.below(8));
    return blob;
  }),
  onBlob("bit flip near the start", (random, blob) => {
    const at = random.below(Math.min(blob.length, 60));
    blob[at] = (blob[at] ?? 0) ^ (1 << random.below(8));
    return blob;
  }),
  onBlob("other byte", (random, blob) => {
    blob[random.below(blob.length)] = random.pick([0, 1, 4, 0x7f, 0x80, 0xff, random.below(256)]);
    return blob;
  }),
  onBlob("truncation", (random, blob) => blob.subarray(0, random.below(blob.length))),
  onBlob("truncation by a little", (random, blob) => blob.subarray(0, blob.length - 1 - random.below(5))),
  onBlob("extension", (random, blob) => Buffer.concat([blob, random.bytes(1 + random.below(40))])),
  onBlob("extension by an empty string", (_random, blob) => Buffer.concat([blob, Buffer.alloc(4)])),
  { name: "length field", apply: changeLengthField },
  onStrings("number with zeros before it", (random, strings) =>
    replace(random, strings, (value) => Buffer.concat([Buffer.alloc(1 + random.below(5)), value])),
  ),
  onStrings("number without its zero", (random, strings) =>
    replace(random, strings, (value) => (value[0] === 0 ? value.subarray(1) : value)),
  ),
  onStrings("number of an odd value", (random, strings) =>
    replace(random, strings, () =>
      random.pick([Buffer.alloc(0), Buffer.alloc(3), Buffer.of(1), Buffer.of(0x80), Buffer.of(0, 1)]),
    ),
  ),
  onStrings("number of the longest lengths", (random, strings) =>
    replace(random, strings, () =>
      Buffer.concat([Buffer.of(random.pick([0, 1, 0x7f])), random.bytes(2046 + random.below(4))]),
    ),
  ),
  onStrings("string with a zero byte", (random, strings) =>
    replace(random, strings, (value) => {
      const at = random.pick([value.length, value.length, 0, random.below(value.length + 1)]);
      return Buffer.concat([value.subarray(0, at), Buffer.alloc(1 + random.below(2)), value.subarray(at)]);
    }),
  ),
  onStrings("string cut or grown", (random, strings) =>
    replace(random, strings, (value) =>
      random.pick([value.subarray(1), value.subarray(0, -1), Buffer.concat([value, random.bytes(1)])]),
    ),
  ),
  onStrings("strings reordered", (random, strings) => {
    const at = random.below(strings.length);
    return [...strings.slice(at), ...strings.slice(0, at)];
  }),
  onStrings("string left out or doubled", (random, strings) => {
    const at = random.below(strings.length);
    const value = strings[at] ?? Buffer.alloc(0);
    return strings.toSpliced(at, 1, ...random.pick([[], [value, value]]));
  }),
  { name: "point in another form", apply: changePointForm },
  { name: "other type on the line", apply: (random, sample) => line(random.pick(NAMES), blobOf(sample)) },
  {
    name: "other type in the blob",
    apply: (random, sample) => line(sample.type, named(random.pick(NAMES), sample)),
  },
  {
    name: "same type name, spelled otherwise, in the blob",
    apply: (random, sample) => line(sample.type, named(respell(random, sample.type), sample)),
  },
  {
    name: "other type on both",
    apply: (random, sample) => {
      const name = random.pick(NAMES);
      return line(name, named(name, sample));
    },
  },
  {
    name: "type of one key, blob of another",
    apply: (random, sample, others) => line(sample.type, blobOf(random.pick(others))),
  },
  { name: "base64 spelling", apply: respellBase64 },
  { name: "white space", apply: respace },
  { name: "words before the type", apply: (random, sample) => `${random.pick(PREFIXES)}${lineOf(sample)}` },
  {
    name: "comment",
    apply: (random, sample) => `${line(sample.type, blobOf(sample))}${random.pick(COMMENTS)}`,
  },
  {
    name: "character of the line",
    apply: (random, sample) => {
      const text = lineOf(sample);
      const at = random.below(random.pick([text.length, 40]));
      return text.slice(0, at) + random.pick(CHARACTERS) + text.slice(at + random.below(3));
    },
  },
  {
    name: "line cut",
    apply: (random, sample) => {
      const text = lineOf(sample);
      return text.slice(0, random.below(random.pick([text.length, 50])));
    },
  },
];

function onBlob(name: string, change: (random: Random, blob: Buffer) => Buffer): Mutation {
  return { name, apply: (random, sample) => line(sample.type, change(random, blobOf(sample))) };
}

function onStrings(
  name: string,
  change: (random: Random, strings: readonly Buffer[]) => readonly Buffer[],
): Mutation {
  return {
    name,
    apply: (random, sample) =>
      line(sample.type, blobOf({ ...sample, strings: change(random, sample.strings) })),
  };
}

function line(type: string, blob: Buffer): string {
  return `${type} ${blob.toString("base64")} `;
}

function replace(random: Random, strings: readonly Buffer[], change: (value: Buffer) => Buffer): Buffer[] {
  const at = random.below(strings.length);
  return strings.map((value, index) => (index === at ? change(value) : value));
}

function named(name: string, sample: Sample): Buffer {
  return encodeStrings([Buffer.from(name, "latin1"), ...sample.strings]);
}

function changeLengthField(random: Random, sample: Sample): string {
  const blob = blobOf(sample);
  const offsets = [0];
  let end = 4 + sample.type.length;
  for (const string of sample.strings) {
    offsets.push(end);
    end += 4 + string.length;
  }
  const at = random.pick(offsets);
  const length = blob.readUInt32BE(at);
  const lengths = [
    0,
    1,
    length - 1,
    length + 1,
    length + 4,
    length * 2,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0xfffffffc,
  ];
  blob.writeUInt32BE(Math.max(0, random.pick(lengths)), at);
  return line(sample.type, blob);
}

function changePointForm(random: Random, sample: Sample): string {
  const strings = sample.strings.map((value) => {
    if (value[0] !== 4) return value;
    const half = (value.length - 1) / 2;
    const x = value.subarray(1, 1 + half);
    return random.pick([
      Buffer.concat([Buffer.of(2 + ((value.at(-1) ?? 0) & 1)), x]),
      Buffer.concat([Buffer.of(6 + ((value.at(-1) ?? 0) & 1)), value.subarray(1)]),
      Buffer.of(0),
      Buffer.concat([Buffer.of(4), value.subarray(1 + half), x]),
      Buffer.concat([Buffer.of(4), Buffer.alloc(half), value.subarray(1 + half)]),
      Buffer.concat([Buffer.of(4), x, Buffer.alloc(half, 0xff)]),
      Buffer.concat([Buffer.of(4, 0), x, Buffer.of(0), value.subarray(1 + half)]),
    ]);
  });
  return line(sample.type, blobOf({ ...sample, strings }));
}

function respell(random: Random, type: string): string {
  return random.pick([
    `${type}\0`,
    `${type}\0\0`,
    `\0${type}`,
    type.toUpperCase(),
    `${type} `,
    type.slice(0, -1),
    "",
  ]);
}

const NAMES = [
  ...[
    "ssh-rsa",
    "ssh-dss",
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
  ],
  ...["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-256", "rsa-sha2-512"],
  ...[
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa",
    "RSA",
    "Dsa",
    "ED25519",
    "ed25519-sk",
    "ecdsa",
    "ECDSA-SK",
  ],
  ...["ssh-ed448", "ssh-rsa1", "ecdsa-sha2-1.3.132.0.10", "ssh-xmss@openssh.com", "null", ""],
  ...[
    "ssh-rsa-cert-v01@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
  ],
];
