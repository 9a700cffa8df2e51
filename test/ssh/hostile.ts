import { Random } from "./random.ts";
import { blobOf, ecdsaSample } from "./samples.ts";

const ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
const random = new Random(13);

/** Texts of a given length that would take long, were anything read more than a few times over. */
export const HOSTILE: Readonly<Record<string, (length: number) => string>> = {
  "one letter": repeat("A"),
  spaces: repeat(" "),
  "line feeds": repeat("\n"),
  "carriage returns": repeat("\r"),
  NULs: repeat("\0"),
  "lines of a letter": repeat("a\n"),
  "lines of a type": repeat("ssh-rsa \n"),
  "lines of keys": repeat("ssh-rsa AAAA\n"),
  types: repeat("ssh-rsa "),
  "types without an end": repeat("ssh-"),
  "tabs before the base64": (length) => `ssh-rsa${"\t".repeat(length - 8)}A`,
  "spaces in the comment": (length) => `${ALICE} x${" ".repeat(length - ALICE.length - 3)}x`,
  "words like keys in the comment": (length) => ALICE + repeat(" AAAA ssh-rs")(length - ALICE.length),
  "control characters in the comment": (length) => ALICE + repeat(" \u0001")(length - ALICE.length),
  "hidden characters in the comment": (length) => `${ALICE} ${repeat("\u200b")(length - ALICE.length - 1)}`,
  "base64 with breaks": (length) => `ssh-rsa ${repeat("A\r")(length - 8)}`,
  "base64 with spaces": (length) => `ssh-rsa AAAAB3NzaC1yc2EAAAAD ${repeat("AQAB ")(length - 29)}`,
  padding: (length) => `ssh-rsa ${repeat("=")(length - 8)}`,
  quotes: repeat('"'),
  "escaped quotes": repeat('\\"'),
  "letters of two bytes": (length) => `ssh-rsa ${repeat("é")(length - 8)}`,
  emoji: repeat("\u{1f511}"),
  "no-break spaces": repeat("\u00a0"),
  "PEM headers": repeat("-----BEGIN PUBLIC KEY-----"),
  "PEM headers without an end": repeat("BEGIN A"),
  "nested DER": (length) =>
    `-----BEGIN PUBLIC KEY-----${Buffer.alloc((length - 40) * 0.75, 0x30).toString("base64")}`,
  "bare DER": (length) => `MIIB${repeat("MIIB")(length - 4)}`,
  "RFC 4716 headers": (length) => `---- BEGIN SSH2 PUBLIC KEY ----\n${repeat("a:\\\n")(length - 32)}`,
  dashes: repeat("-"),
  "typographic dashes": repeat("\u2014"),
  "private key headers": repeat("---BEGIN "),
  "private key headers that nearly are": repeat("----BEGIN PRIVATE KE"),
  "private key footers that nearly are": repeat("PRIVATE    KEY----"),
  "SSH1 headers that nearly are": repeat("SSH PRIVATE KEY FILE "),
  "SSHSIG headers": repeat("-----BEGIN SSH SIGNATURE-----"),
  "SSHSIG footers": repeat("-----END SSH SIGNATURE-----"),
  "SSHSIG footers that nearly are": repeat("-----END SSH SIGNATURE----"),
  "JWK members": repeat('"d"  :  "AAAA'),
  "nested JSON": (length) => `{"kty":${"[".repeat(length - 7)}`,
  "versions of DER": repeat("MIIE"),
  "digits and dots": repeat("1."),
  "empty strings": (length) => `ssh-rsa ${Buffer.alloc((length - 8) * 0.75).toString("base64")}`,
  "a long point": (length) => {
    const point = Buffer.alloc(Math.max(0, length - 300) * 0.75, 1);
    const blob = Buffer.concat([blobOf(ecdsaSample(random, "nistp521")), point]);
    return `ecdsa-sha2-nistp521 ${blob.toString("base64")}`;
  },
};

function repeat(part: string): (length: number) => string {
  return (length) => part.repeat(Math.ceil(length / part.length)).slice(0, length);
}
