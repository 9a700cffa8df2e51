import { describe, expect, test } from "vitest";
import { parseSSHSig } from "../../src/ssh/sshsig.ts";
import { refusalOf } from "./checknovalidate.ts";
import { armor, makeKey, makeProof, makeSSHSIG, NAMESPACE, type SSHSIGFields, WEBAUTHN } from "./signer.ts";

const USER = "alice";
const LIMIT = 16_384;
const key = makeKey("ssh-ed25519");
const PROOF = makeProof(key, USER);
const OTHER = makeProof(makeKey("ecdsa-sha2-nistp256"), USER);

function refusal(text: string): string | undefined {
  const parsed = parseSSHSig(text);
  return parsed.ok ? undefined : parsed.refusal.message;
}

test("an SSHSIG is read into what was put in", () => {
  const signature = Buffer.from("signature");
  const fields = { namespace: "keys@example.com", hashAlgorithm: "sha256", alter: () => signature };
  expect(parseSSHSig(makeProof(key, USER, fields))).toEqual({
    ok: true,
    value: { publicKey: key.blob, namespace: "keys@example.com", hashAlgorithm: "sha256", signature },
  });
});

test.each<[string, SSHSIGFields, string]>([
  ["version 0", { version: 0 }, "is of another version than 1"],
  ["version 2", { version: 2 }, "is of another version than 1"],
  ["something reserved", { reserved: Buffer.of(0) }, "has something in its reserved field"],
  ["a byte behind it", { behind: Buffer.of(0) }, "has bytes behind its end"],
  ["an empty string behind it", { behind: Buffer.alloc(4) }, "has bytes behind its end"],
  ["sha1", { hashAlgorithm: "sha1" }, "is over another hash than SHA-256 or SHA-512"],
  ["md5", { hashAlgorithm: "md5" }, "is over another hash than SHA-256 or SHA-512"],
  ["sha384", { hashAlgorithm: "sha384" }, "is over another hash than SHA-256 or SHA-512"],
  ["SHA512", { hashAlgorithm: "SHA512" }, "is over another hash than SHA-256 or SHA-512"],
])("an SSHSIG with %s is refused", (_what, fields, expected) => {
  expect(refusal(makeProof(key, USER, fields))).toBe(expected);
});

test("an SSHSIG is refused wherever it is cut off", () => {
  const blob = makeSSHSIG(key, Buffer.from(USER));
  const taken = Array.from({ length: blob.length }, (_, length) => refusal(armor(blob.subarray(0, length))));
  expect(taken.filter((each) => each === undefined)).toEqual([]);
});

test("an armour is refused wherever it is cut off before its last line's end", () => {
  const end = PROOF.trimEnd().length;
  const taken = Array.from({ length: end }, (_, length) => refusal(PROOF.slice(0, length)));
  expect(taken.filter((each) => each === undefined)).toEqual([]);
});

test.each<[string, string, string]>([
  ["nothing", "", "does not begin with -----BEGIN SSH SIGNATURE-----"],
  ["another thing", "ssh-ed25519 AAAA", "does not begin with -----BEGIN SSH SIGNATURE-----"],
  ["text before it", `Here: ${PROOF}`, "does not begin with -----BEGIN SSH SIGNATURE-----"],
  ["its first line alone", "-----BEGIN SSH SIGNATURE-----", "does not end with -----END SSH SIGNATURE-----"],
  ["text behind it", `${PROOF}# end`, "is followed by other text"],
  ["a NUL behind it", `${PROOF}\0`, "is followed by other text"],
  ["two of them", PROOF + OTHER, "is followed by a second one"],
  ["twice the same", PROOF + PROOF, "is followed by a second one"],
  ["two of them on one line", PROOF.trim() + OTHER.trim(), "is followed by a second one"],
  ["one inside another", PROOF.replace("\n", `\n${OTHER}`), "is followed by other text"],
  [
    "no padding",
    armor(Buffer.alloc(4)).replaceAll("=", ""),
    "is no complete base64 between its first and last line",
  ],
  [
    "another alphabet",
    armor(Buffer.alloc(6, 0xff)).replaceAll("/", "_"),
    "is no complete base64 between its first and last line",
  ],
  ["nothing between its lines", armor(Buffer.alloc(0)), "is no SSH signature inside"],
  ["something else in it", armor(key.blob), "is no SSH signature inside"],
])("an armour is refused: %s", (_what, text, expected) => {
  expect(refusal(text)).toBe(expected);
});

describe("an armour may go through", () => {
  test.each<[string, (text: string) => string]>([
    ["Windows", (text) => text.replaceAll("\n", "\r\n")],
    ["an editor that writes a byte order mark", (text) => `\ufeff${text}`],
    ["a YAML that folds its lines", (text) => text.trim().replaceAll("\n", " ")],
    ["a YAML that indents them", (text) => text.replaceAll(/^/gm, "    ")],
    ["a form that takes line ends out", (text) => text.replaceAll("\n", "")],
    [
      "a terminal that breaks its lines elsewhere",
      (text) => text.replaceAll("\n", "").replaceAll(/.{40}/g, "$&\n"),
    ],
    ["a mail with white space around it", (text) => `\n\n  ${text}  \n`],
  ])("%s", (_what, change) => {
    expect(parseSSHSig(change(PROOF))).toEqual(parseSSHSig(PROOF));
  });
});

test("a signature of 16 KiB is read", () => {
  const browserKey = makeKey("sk-ecdsa-sha2-nistp256@openssh.com");
  const ofLength = (length: number) =>
    makeProof(browserKey, USER, {
      algorithm: WEBAUTHN,
      clientData: (challenge, origin) =>
        `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}","more":"${"x".repeat(length)}"}`,
    });
  const more = Math.floor(((LIMIT - ofLength(0).length) * 70) / 71 / 4) * 3 - 3;
  const text = ofLength(more);
  expect(Math.abs(LIMIT - text.length)).toBeLessThan(64);
  expect(refusalOf(text, USER, NAMESPACE)).toBe(undefined);
});
