import type { Random } from "./random.ts";
import { blobOf, type Sample } from "./samples.ts";

/** The key line of a sample, with its base64 in a spelling that may or may not be taken. */
export function respellBase64(random: Random, sample: Sample): string {
  const word = blobOf(sample).toString("base64");
  const at = random.below(word.length + 1);
  const inserted = (text: string) => word.slice(0, at) + text + word.slice(at);
  const pad = word.indexOf("=");
  const spelling = random.pick([
    word.replace(/=+$/, ""),
    `${word}=`,
    `${word}==`,
    word.replace(/=$/, ""),
    word.replaceAll("+", "-").replaceAll("/", "_"),
    inserted(
      random.pick([
        "\r",
        "\v",
        "\f",
        "\r\f\v",
        " ",
        "\t",
        "=",
        "-",
        "_",
        "\u00a0",
        "\u2028",
        "\u0085",
        ".",
        "%",
      ]),
    ),
    `${word}${random.pick(["\r", "\v", "A", "AAAA", "=A", "\u00e9"])}`,
    word.replace("=", random.pick(["\r=", "=\f", "=\v=", "= ", "\t="])),
    pad < 1 ? `${word}AA=\v=` : looseBits(random, word, pad),
    word.slice(0, -random.below(4)),
  ]);
  return `${sample.type} ${spelling} alice`;
}

/** Sets bits of the last character before the padding that no byte uses. */
function looseBits(random: Random, word: string, pad: number): string {
  const value = ALPHABET.indexOf(word.charAt(pad - 1)) | (1 << random.below(4));
  return word.slice(0, pad - 1) + ALPHABET.charAt(value) + word.slice(pad);
}

/** The key line of a sample, with other white space around and between its parts. */
export function respace(random: Random, sample: Sample): string {
  const gap = () => random.pick([" ", "\t", "  ", " \t ", "\r", "\v", "", "\u00a0", "\f ", "\r "]);
  const edge = () => random.pick(["", "", " ", "\t", "\t  ", "\r", "\v", "\ufeff"]);
  const text = edge() + sample.type + gap() + blobOf(sample).toString("base64");
  return random.below(2) === 0 ? text + edge() : text + gap() + random.pick(["alice", "a  b", "#x"]) + edge();
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** What may stand before a key line. */
export const PREFIXES = [
  ...[
    "restrict ",
    'from="10.0.0.0/8",no-pty ',
    'command="echo \\"a b\\"" ',
    'command="open ',
    "2048 ",
    "0 ",
    "1x ",
  ],
  ...[
    "host.example.com,10.0.0.1 ",
    "# ",
    "#",
    "ssh-rsa ",
    "ssh-ed25519\t",
    "x",
    "a b ",
    '"a\tb" ',
    "\\ ",
    '\\" ',
  ],
];

/** What may stand behind it. */
export const COMMENTS = [
  ...[
    "",
    "alice",
    "a b c",
    "# note",
    "\talice\t",
    "\u00fc\u4e2d",
    "\u001b[31mred",
    "PRIVATE KEY",
    "ssh-rsa",
    "\r",
    '"',
  ],
  ...[" ssh-ed25519 AAAA", "a@b ssh-rsa AAAAB3Nza c@d", "ssh-rsa BBBB", "====", "a\0b"],
];

/** What a single character may be changed to. */
export const CHARACTERS = [" ", "\t", "\r", "A", "=", "#", '"', "\\", "-", "/", "\u00e9", "\v", "", "0", "@"];
