/** A scalar that kubectl refuses to read; `message` says why, and what to do. */
export class ScalarError extends Error {
  override readonly name = "ScalarError";
}

export type ScalarValue = string | number | boolean | null;

/**
 * What a scalar of YAML is to kubectl and the API server (sigs.k8s.io/yaml): most of YAML 1.1, in which `on` and `NO` are
 * booleans and 012 is 10, but without numbers of base 60, and with times as text. `tag` as YAML writes it in full, or
 * undefined; `isPlain`: it stands without quotes and in no block. Throws a ScalarError where the tag does not fit.
 */
export function scalarValue(text: string, isPlain: boolean, tag: string | undefined): ScalarValue {
  if (tag === undefined || tag === "" || tag === "!") return isPlain && tag !== "!" ? plainValue(text) : text;
  const type = tag.startsWith(YAML_TAG) ? tag.slice(YAML_TAG.length) : undefined;
  switch (type) {
    case "binary":
      return binaryText(text);
    case "null":
    case "bool":
    case "int":
    case "float":
    case "timestamp":
      return taggedValue(text, type);
    default:
      return text;
  }
}

/** The text that a scalar is as a key of JSON; undefined for null, which is none. Throws as scalarValue does. */
export function keyText(text: string, isPlain: boolean, tag: string | undefined): string | undefined {
  const value = scalarValue(text, isPlain, tag);
  if (value === null) return undefined;
  if (typeof value !== "number") return String(value);
  const isInteger = integer(text.replaceAll("_", "")) !== undefined && tag !== `${YAML_TAG}float`;
  return isInteger ? String(value) : floatText(Math.fround(value));
}

/** As Go writes a float of 32 bits: the fewest digits that tell it from others, with an exponent from 1e+06 on. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (!Number.isFinite(value)) return value > 0 ? ".inf" : "-.inf";
  let digits = 1;
  while (Math.fround(Number(value.toPrecision(digits))) !== value) digits += 1;
  const [mantissa = "", exponent = "0"] = value.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(value.toPrecision(digits)));
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const YAML_TAG = "tag:yaml.org,2002:";

function plainValue(text: string): ScalarValue {
  const first = text.charCodeAt(0);
  // Nothing else begins a word or a number: most texts are decided here.
  if (!(FIRST[first] ?? text === "")) return text;
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  return numberValue(text) ?? text;
}

/** By character code: may a boolean, null or number begin with it? */
const FIRST: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  "+-0123456789.yYnNtTfFoO~".includes(String.fromCharCode(code)),
);

const WORDS: ReadonlyMap<string, ScalarValue> = new Map<string, ScalarValue>([
  ...spellings(true, "y", "yes", "true", "on"),
  ...spellings(false, "n", "no", "false", "off"),
  ...spellings(null, "null"),
  ["", null],
  ["~", null],
  ...spellings(Number.NaN, ".nan").map(([, value]): [string, number] => [".nan", value]),
  [".NaN", Number.NaN],
  [".NAN", Number.NaN],
  ...[".inf", ".Inf", ".INF"].flatMap((text): [string, number][] => [
    [text, Number.POSITIVE_INFINITY],
    [`+${text}`, Number.POSITIVE_INFINITY],
    [`-${text}`, Number.NEGATIVE_INFINITY],
  ]),
]);

/** As it is, with a capital, and all in capitals. */
function spellings<T>(value: T, ...words: readonly string[]): [string, T][] {
  return words.flatMap((word) =>
    [word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()].map((text): [string, T] => [
      text,
      value,
    ]),
  );
}

/** The number that a text is, or undefined. Times such as 2027-01-31 and 1:30 are none. */
function numberValue(text: string): number | undefined {
  if (text.startsWith(".")) return FRACTION.test(text) ? finite(text.replaceAll("_", "")) : undefined;
  const digits = text.replaceAll("_", "");
  return integer(digits) ?? (FLOAT.test(digits) ? finite(digits) : undefined);
}

/** Here an underscore stands between digits only. */
const FRACTION = /^\.[0-9]+(_[0-9]+)*([eE][+-]?[0-9]+(_[0-9]+)*)?$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INTEGER = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;

/** An integer of 64 bits, in base 2, 8, 10 or 16 as Go writes them. What does not fit is none. */
function integer(digits: string): number | undefined {
  // More cannot fit, and a number of megabytes takes minutes to read.
  if (digits.length > 80) return undefined;
  const [, sign = "", absolute = ""] = INTEGER.exec(digits) ?? [];
  if (absolute === "") return undefined;
  const octal = /^0[0-7]/.test(absolute) ? `0o${absolute.slice(1)}` : absolute;
  const value = BigInt(octal.replace("O", "o"));
  const most = sign === "-" ? 2n ** 63n : sign === "+" ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  return value > most ? undefined : Number(sign === "-" ? -value : value);
}

function finite(text: string): number | undefined {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? value : undefined;
}

function taggedValue(text: string, type: "null" | "bool" | "int" | "float" | "timestamp"): ScalarValue {
  if (type === "timestamp") {
    if (/^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$/.test(text)) return text;
  } else {
    const value = plainValue(text);
    if (typeOf(value) === type || (type === "float" && typeOf(value) === "int")) return value;
  }
  throw new ScalarError(`this is no !!${type}: remove the tag, or correct the value`);
}

function typeOf(value: ScalarValue): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return "bool";
  return typeof value === "number" ? (Number.isInteger(value) ? "int" : "float") : "str";
}

function binaryText(text: string): string {
  const base64 = text.replaceAll(/[\r\n]/g, "");
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw new ScalarError("this !!binary is no base64: remove the tag, or correct the value");
  return Buffer.from(base64, "base64").toString("utf8");
}
