import fc, { type Arbitrary } from "fast-check";
import { MUTATIONS } from "../../ssh/mutations.ts";
import { privateKeyLookalikes, privateKeys } from "../../ssh/privatekeys.ts";
import { Random } from "../../ssh/random.ts";
import { samples } from "../../ssh/samples.ts";
import { armor } from "../../ssh/signer.ts";

/** Up to the limit, one more, and now and then something in between. */
function lengths(limit: number): Arbitrary<number> {
  return fc.constantFrom(limit - 1, limit, limit + 1, 2 * limit);
}

function long(limit: number): Arbitrary<string> {
  return fc
    .tuple(lengths(limit), fc.constantFrom("a", "é", "\u{1f511}"))
    .map(([length, character]) => character.repeat(length));
}

/** Short texts of the characters that matter. */
function pieces(...parts: readonly string[]): Arbitrary<string> {
  const unseen = [
    "\u200b",
    "\u202e",
    "\ufeff",
    "\u00ad",
    "\ufe0f",
    "\u3164",
    "\0",
    "\u001b",
    "\u0085",
    "\u2028",
    "\t",
    "\n",
    "\u00a0",
    "\u{e0020}",
  ];
  const one = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...parts, "a", "é", "\u{1f511}", " ") },
    { weight: 1, arbitrary: fc.constantFrom(...unseen) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
  );
  return fc.array(one, { maxLength: 5 }).map((all) => all.join("").toWellFormed());
}

const RANDOM = new Random(15);
const SAMPLES = samples(RANDOM);
export const KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice@laptop";
const PRIVATE = Object.values({ ...privateKeys(), ...privateKeyLookalikes() }).map((file) =>
  file.slice(0, 4000),
);
const PROOF = armor(Buffer.from("SSHSIG".padEnd(300, "x")));

export function userTexts(): Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: pieces("alice", "@example.com", "bob") },
    { weight: 1, arbitrary: long(253) },
    { weight: 2, arbitrary: fc.constantFrom("alice", "alice@example.com", "on", "012", " a", "a ", "", "*") },
  );
}

export function keyTexts(): Arbitrary<string> {
  const bent = fc.nat(0xffff_ffff).map((seed) => {
    const random = new Random(seed);
    return random.pick(MUTATIONS).apply(random, random.pick(SAMPLES), SAMPLES).toWellFormed();
  });
  return fc.oneof(
    { weight: 6, arbitrary: bent },
    {
      weight: 2,
      arbitrary: pieces("ssh-ed25519 ", "AAAAC3NzaC1lZDI1NTE5", "restrict ", "AAAA", '"', "BEGIN A--"),
    },
    { weight: 1, arbitrary: fc.constantFrom(...PRIVATE) },
    { weight: 1, arbitrary: lengths(16_384).map((length) => KEY.padEnd(length, "x").slice(0, length)) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        KEY,
        `${KEY}\n`,
        `${KEY}\n${KEY}`,
        `restrict ${KEY}`,
        `${KEY}\r\n`,
        `"${KEY}"`,
      ),
    },
  );
}

export function titleTexts(): Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: pieces("Laptop") },
    { weight: 2, arbitrary: long(255) },
    { weight: 1, arbitrary: fc.constantFrom(...PRIVATE).map((file) => file.slice(0, 200)) },
  );
}

export function optionTexts(): Arbitrary<string> {
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "restrict",
        "pty",
        'from="10.0.0.0/8"',
        "",
        "%u",
        'command="a %u %n %%"',
        "%l",
        "%",
        "100%%",
        "%x",
      ),
    },
    { weight: 2, arbitrary: pieces("restrict", 'command="', "%u", "%l", "%", "%%") },
    { weight: 1, arbitrary: long(1024) },
  );
}

export function timeTexts(): Arbitrary<string> {
  const part = (values: readonly string[]) => fc.constantFrom(...values);
  return fc
    .tuple(
      part(["2027-01-31", "2027-02-29", "2028-02-29", "2027-06-30", "1969-12-31", "27-1-1", ""]),
      part(["T", "t", " ", ""]),
      part(["18:00:00", "23:59:60", "24:00:00", "18:00", "18:00:00.5", ""]),
      part(["Z", "z", "+01:00", "-23:59", "+24:00", "", "Z\n", "Z".repeat(60)]),
    )
    .map((parts) => parts.join(""));
}

export function proofTexts(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      PROOF,
      PROOF.trimEnd(),
      PROOF + PROOF,
      "",
      PROOF.slice(0, 40),
      `\ufeff${PROOF}`,
      ...PRIVATE,
    ),
    pieces("-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", "U1NI"),
    lengths(16_384).map((length) => PROOF.padEnd(length, "\n")),
  );
}

export function namespaceTexts(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom("people", "", "team-*", "a.b", "-a", "A", "a".repeat(63), "a".repeat(64)),
    pieces("people", "-", "."),
  );
}

export function patternTexts(): Arbitrary<string> {
  return fc.oneof(fc.constantFrom("alice", "team-*", "*", ""), pieces("alice", "*"), long(253));
}

export function loginTexts(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      "alice",
      "root",
      "authorized_keys",
      "_x",
      "0a",
      "a$",
      "Alice",
      "a".repeat(32),
      "a".repeat(33),
    ),
    pieces("a", "-", "_"),
    long(253),
  );
}

export function secretNameTexts(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom("bastion-keys", "a.b", "a..b", "-a", "A", ""),
    pieces("a", ".", "-"),
    long(253),
  );
}

export function nameTexts(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom("a", "a.b", "A", "a_b", "-a", "", "a".repeat(253), "a".repeat(254)),
    pieces("a", ".", "-"),
  );
}

export function labelTexts(): Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      "a",
      "example.com/a",
      "A_b.c",
      "",
      "-a",
      "a/b/c",
      "a".repeat(63),
      "a".repeat(64),
      "EXAMPLE.com/a",
    ),
    pieces("a", "/", "."),
  );
}
