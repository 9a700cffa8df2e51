import { describe, expect, test } from "vitest";
import {
  validateKey,
  validateOptions,
  validateSpec,
  validateTitle,
  validateUser,
} from "../../src/api/rules.ts";
import { parseRFC3339 } from "../../src/api/time.ts";
import { describeForeign } from "../../src/ssh/foreign.ts";
import { renderOptions } from "../../src/ssh/options.ts";
import { describePrivateKey } from "../../src/ssh/privatekey.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { parseSSHSig } from "../../src/ssh/sshsig.ts";
import { firstUnprintable, printable, strayCharacter } from "../../src/ssh/unprintable.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { growth, LINEAR } from "../growth.ts";
import { refusalOf } from "./checknovalidate.ts";
import { HOSTILE } from "./hostile.ts";
import { Random } from "./random.ts";
import { lineOf, rsaSample } from "./samples.ts";
import { inParts, makeKey, makeProof, NAMESPACE, type SSHSIGFields, WEBAUTHN } from "./signer.ts";

const LIMIT = 16_384;
const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";

/** The text as a request brings it: in one piece. V8 keeps the pieces of a repeated text apart, and reads them slowly. */
function received(text: string): string {
  return JSON.parse(JSON.stringify(text));
}

/** Every reader of text in src/ssh and src/api; those with a smaller limit give up at once, which is no growth. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  parsePublicKey,
  describePrivateKey,
  describeForeign,
  strayCharacter,
  firstUnprintable,
  printable,
  validateKey,
  validateUser,
  validateTitle,
  parseRFC3339,
  parseSSHSig,
  "parseSSHSig of an armour with that inside": (text) => parseSSHSig(`${BEGIN}\n${text}\n${END}`),
  "parseSSHSig of an armour with that behind": (text) => parseSSHSig(`${BEGIN}\nU1NI\n${END}\n${text}`),
};

describe.each(Object.entries(READERS))("%s takes at most its share for twice the text:", (_name, read) => {
  test.each(Object.entries(HOSTILE))("%s", (_what, make) => {
    const [short, long] = [received(make(LIMIT / 2)), received(make(LIMIT))];
    expect(
      growth(
        () => read(short),
        () => read(long),
      ),
    ).toBeLessThan(LINEAR);
  });
});

/** Of 1,024 characters each, as many as there may be, or half of them. */
describe.each([
  ["renderOptions", renderOptions],
  ["validateOptions", validateOptions],
  ["validateSpec", (options: string[]) => validateSpec({ user: "alice", key: "ssh-rsa AAAA", options })],
] as const)("%s takes at most its share for twice the options:", (_name, read) => {
  test.each(Object.entries(HOSTILE))("%s", (_what, make) => {
    const option = received(`command="${make(1_000).replaceAll(/["\\\p{C}\s]/gu, "x")}"`.slice(0, 1_024));
    const options = (count: number) => Array.from({ length: count }, () => option);
    const [short, long] = [options(8), options(16)];
    expect(
      growth(
        () => read(short),
        () => read(long),
      ),
    ).toBeLessThan(LINEAR);
  });
});

test("renderOptions takes at most its share for twice the permitopen", () => {
  const options = (count: number) =>
    Array.from({ length: count }, () => `permitopen="${"[".repeat(1_000)}:1"`);
  const [short, long] = [options(2), options(4)];
  expect(
    growth(
      () => renderOptions(short),
      () => renderOptions(long),
    ),
  ).toBeLessThan(LINEAR);
});

/** Each makes an SSHSIG that is longer by so many bytes. */
const LONG_FIELDS: Readonly<Record<string, (length: number) => SSHSIGFields>> = {
  "public key": (length) => ({ publicKey: Buffer.alloc(length) }),
  namespace: (length) => ({ namespace: "a".repeat(length) }),
  "reserved field": (length) => ({ reserved: Buffer.alloc(length) }),
  signature: (length) => ({ alter: inParts(() => ({ value: Buffer.alloc(length) })) }),
  "number r": (length) => ({
    alter: inParts(() => ({ value: encodeStrings([Buffer.alloc(length), Buffer.of(1)]) })),
  }),
  tail: (length) => ({
    alter: inParts(({ tail }) => ({ tail: Buffer.concat([tail, Buffer.alloc(length)]) })),
  }),
  origin: (length) => ({ origin: "a".repeat(length) }),
  clientData: (length) => ({ clientData: () => "a".repeat(length) }),
  extensions: (length) => ({ extensions: Buffer.alloc(length) }),
};

test.each(Object.entries(LONG_FIELDS))(
  "an SSHSIG with twice the %s takes at most its share",
  (_what, make) => {
    const key = makeKey("sk-ecdsa-sha2-nistp256@openssh.com");
    const [short, long] = [LIMIT / 3, (LIMIT / 3) * 2].map((length) =>
      received(makeProof(key, "alice", { algorithm: WEBAUTHN, ...make(Math.floor(length)) })),
    ) as [string, string];
    expect(
      growth(
        () => refusalOf(short, "alice", NAMESPACE),
        () => refusalOf(long, "alice", NAMESPACE),
      ),
    ).toBeLessThan(LINEAR);
  },
);

/** There is one from in an SSHKey, so its cost is bounded by its length: nothing but that is held here. */
test("the dearest from costs less than a thousand keys to read", () => {
  const entries = `${"*a,".repeat(170)}${"!*b,".repeat(120)}a`;
  const key = lineOf(rsaSample(new Random(1), 4_096));
  const thousand = () => {
    for (let count = 0; count < 1_000; count += 1) parsePublicKey(key);
  };
  expect(growth(thousand, () => renderOptions([`from="${entries}"`]), 1)).toBeLessThan(1);
});
