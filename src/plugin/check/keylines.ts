import { examined } from "../../claims/examination.ts";
import { judge, type Knowledge, toldAdvice } from "../../claims/judgement.ts";
import { newKeyCommand, type Policy } from "../../claims/policy.ts";
import { type StoredSSHKey, toSSHKeyRecord } from "../../claims/record.ts";
import { skipOptions, splitKeyLine, splitOptions } from "../../ssh/keyline.ts";
import { isCertificateType, lineType } from "../../ssh/keytype.ts";
import { describePrivateKey } from "../../ssh/privatekey.ts";
import { adviceText } from "../../ssh/weakness/advice.ts";
import type { Finding } from "./finding.ts";

/** Is a file one of key lines, such as a .pub file or authorized_keys? Its name tells, or else what stands in it. */
export function isKeyFile(name: string, text: string): boolean {
  if (/\.pub$|(^|[\\/])authorized_keys[^\\/]*$/.test(name)) return true;
  if (/\.(ya?ml|json)$/.test(name)) return false;
  const first =
    text
      .split("\n", 100)
      .find((line) => !/^\s*(#|$)/.test(line))
      ?.slice(0, MAXIMUM_LINE_CHARACTERS)
      .trimStart() ?? "";
  // `key: ssh-ed25519 AAAA` is a field of YAML, and no option.
  return isKey(first) || (isKey(skipOptions(first) ?? "") && !/^[^\s"]*:\s/.test(first));
}

/** No key with its options has more: of the options, 16,384 are read, and as many of the key. */
const MAXIMUM_LINE_CHARACTERS = 65_536;

function isKey(line: string): boolean {
  const { type, base64 } = splitKeyLine(line);
  return (lineType(type) !== undefined || isCertificateType(type)) && base64.startsWith("AAAA");
}

export interface CheckedLines {
  readonly findings: readonly Finding[];
  /** How many lines hold something. */
  readonly judged: number;
}

/**
 * Judges each line of an authorized_keys or .pub file as if it were an SSHKey, whoever's: the key, its options, and whether
 * another line has it too. Of a file with a private key nothing else is read.
 */
export function checkKeyLines(
  file: string,
  text: string,
  policy: Policy,
  knowledge: Knowledge,
): CheckedLines {
  const place = { file, field: "", object: "" };
  const secret = describePrivateKey(text);
  if (secret !== undefined)
    return { findings: [{ ...place, line: 1, column: 1, code: "PrivateKey", message: secret }], judged: 1 };
  const findings: Finding[] = [];
  const lineOf = new Map<string, number>();
  let judged = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/\r$/, "");
    if (/^[ \t]*(#|$)/.test(line)) continue;
    judged += 1;
    if (line.length > MAXIMUM_LINE_CHARACTERS) {
      const message = `The line has more than ${MAXIMUM_LINE_CHARACTERS} characters; give one key a line.`;
      findings.push({ ...place, line: index + 1, column: 1, code: "TooLong", message });
      continue;
    }
    const { options, key, column } = splitLine(line);
    // Whose key it is, how long it is to live and what proves it, a line does not say.
    const ofLine: Policy = {
      ...policy,
      maximumLifetime: undefined,
      proofs: "Optional",
      requireUserVerification: false,
    };
    const record = examined(toSSHKeyRecord(asSSHKey(key, options)), knowledge.primeProducts);
    const at = { ...place, line: index + 1 };
    const found = judge(record, ofLine, knowledge);
    for (const { code, message } of found)
      findings.push({ ...at, column: message.startsWith("Option ") ? 1 : column, code, message });
    for (const code of toldAdvice(record, found)) {
      const message = adviceText([code], newKeyCommand(policy));
      findings.push({ ...at, column, code, message, isAdvice: true });
    }
    const id = record.key?.base64;
    const other = id === undefined ? undefined : lineOf.get(id);
    if (other !== undefined) {
      const message = `Line ${other} has this key already; remove one of the two.`;
      findings.push({ ...at, column, code: "Duplicate", message });
    } else if (id !== undefined) lineOf.set(id, index + 1);
  }
  return { findings, judged };
}

/** A line without options is one that begins with a type; what stands before a type is taken for options, as sshd does. */
function splitLine(line: string): { options: readonly string[]; key: string; column: number } {
  const start = line.length - line.trimStart().length;
  const rest = isKey(line) ? undefined : skipOptions(line.slice(start));
  if (rest === undefined || !isKey(rest)) return { options: [], key: line, column: start + 1 };
  const before = line.slice(start, line.length - rest.length).trimEnd();
  // When a key ends is what sshd says of it, and no matter of an SSHKey's options.
  const options = splitOptions(before).filter((option) => !/^expiry-time=/i.test(option));
  const column = line.length - rest.trimStart().length + 1;
  return { options, key: rest, column };
}

function asSSHKey(key: string, options: readonly string[]): StoredSSHKey {
  const metadata = { name: "line", namespace: "", uid: "line", resourceVersion: "1", generation: 1 };
  return { metadata, spec: { user: "line", key, options: [...options] } };
}
