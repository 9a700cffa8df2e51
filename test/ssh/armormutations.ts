import type { Random } from "./random.ts";

/** What becomes of an armour on its way, and what an attacker makes of it. */
export interface ArmorMutation {
  readonly name: string;
  readonly apply: (random: Random, text: string, other: string) => string;
}

export const ARMOR_MUTATIONS: readonly ArmorMutation[] = [
  // OpenSSH takes it behind the first line from release 9.5 on.
  { name: "CRLF", apply: (_random, text) => text.replaceAll("\n", "\r\n") },
  { name: "width of the lines", apply: (random, text) => rewrapped(text, 1 + random.below(200)) },
  { name: "lines of a YAML that folds them", apply: (_random, text) => text.trim().replaceAll("\n", " ") },
  { name: "lines joined", apply: (_random, text) => text.replaceAll("\n", "") },
  { name: "CR alone", apply: (_random, text) => text.replaceAll("\n", "\r") },
  {
    name: "indentation",
    apply: (random, text) => {
      const indentation = random.pick([" ", "\t", "    "]);
      return text.replaceAll(/^/gm, indentation);
    },
  },
  {
    name: "white space around",
    apply: (random, text) => {
      const space = () => random.pick(["", " ", "\n", "\r\n", "\t", "\ufeff", "\u00a0", "\v", "\f"]);
      return `${space()}${text}${space()}`;
    },
  },
  {
    name: "white space in the base64",
    apply: (random, text) => {
      const at = text.indexOf("\n") + random.below(text.lastIndexOf("\n-") - text.indexOf("\n"));
      return text.slice(0, at) + random.pick([" ", "\t", "\n", "\r", "\v", "\f", "\n\n"]) + text.slice(at);
    },
  },
  {
    name: "other space in the base64",
    apply: (random, text) => putIn(random, text, ["\u00a0", "\0", "\u2028"]),
  },
  { name: "text before", apply: (random, text) => `${random.pick(["x", "-", "# signature\n"])}${text}` },
  { name: "text behind", apply: (random, text) => `${text}${random.pick(["x", "-", "\0", "=", "# end\n"])}` },
  { name: "two blocks", apply: (random, text, other) => text + random.pick(["", "\n", "x"]) + other },
  { name: "a block in a block", apply: (_random, text, other) => text.replace("\n", `\n${other}`) },
  { name: "first line changed", apply: (random, text) => changeLine(random, text, 0) },
  {
    name: "last line changed",
    apply: (random, text) => changeLine(random, text, text.trim().lastIndexOf("\n") + 1),
  },
  { name: "first line left out", apply: (_random, text) => text.slice(text.indexOf("\n") + 1) },
  { name: "last line left out", apply: (_random, text) => text.slice(0, text.trim().lastIndexOf("\n") + 1) },
  { name: "other label", apply: (_random, text) => text.replaceAll("SSH SIGNATURE", "OPENSSH PRIVATE KEY") },
  {
    name: "other base64 alphabet",
    apply: (_random, text) => inBody(text, (body) => body.replaceAll("+", "-").replaceAll("/", "_")),
  },
  {
    name: "padding",
    apply: (random, text) =>
      inBody(text, (body) => random.pick([body.replace(/=+/, ""), `${body}=`, `${body}====`, `${body}AAAA`])),
  },
  {
    name: "bits behind the end",
    apply: (_random, text) =>
      inBody(text, (body) =>
        body.replace(/(.)(=+\s*)$/, (_all, last: string, end: string) => nextLetter(last) + end),
      ),
  },
  {
    name: "character put in",
    apply: (random, text) => putIn(random, text, ["A", "=", "-", ".", "\n", " ", "é"]),
  },
  { name: "cut", apply: (random, text) => text.slice(0, random.below(text.length)) },
];

function rewrapped(text: string, width: number): string {
  return inBody(text, (body) => {
    const dense = body.replaceAll("\n", "");
    return (dense.match(new RegExp(`.{1,${width}}`, "g")) ?? []).join("\n");
  });
}

/** What stands between the first and the last line. */
function inBody(text: string, change: (body: string) => string): string {
  const [start, end] = [text.indexOf("\n") + 1, text.trim().lastIndexOf("\n")];
  return text.slice(0, start) + change(text.slice(start, end)) + text.slice(end);
}

function putIn(random: Random, text: string, characters: readonly string[]): string {
  const at = random.below(text.length);
  return text.slice(0, at) + random.pick(characters) + text.slice(at);
}

function changeLine(random: Random, text: string, start: number): string {
  const at = start + random.below(27);
  return text.slice(0, at) + random.pick(["", "-", " ", "x"]) + text.slice(at + random.below(2));
}

/** One that differs in the bits that padding leaves over. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return alphabet[(alphabet.indexOf(letter) + 1) % 64] ?? letter;
}
