import type { KeyBlob } from "../ssh/blob.ts";
import { decodeKeyLine, skipOptions, splitKeyLine } from "../ssh/keyline.ts";
import { lineType } from "../ssh/keytype.ts";
import { Turns } from "../turns.ts";
import { hashesOf, REASONS, type Reason, type Section } from "./blocklist.ts";
import { HashCollector } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/** A text of fingerprints or keys that could be read, all of it or in part. */
export interface TextList {
  readonly sections: readonly Section[];
  /** Lines that are neither a fingerprint nor a key, counted from 1: the first ones. */
  readonly strayLines: readonly number[];
  /** How many there are in all. */
  readonly strayCount: number;
}

/**
 * A line each: a fingerprint as `ssh-keygen -l` prints it, `SHA256:…` alone or with what else it prints, or a public key as it
 * stands in a .pub file or in authorized_keys. Blank lines and `#` comments are allowed. The comment `# reason: CODE` says why
 * the keys after it are listed; `otherwise` says it of those before. Rejects with a ListError where no line is one of them, or
 * the reason is none.
 */
export async function decodeText(bytes: Buffer, otherwise: Reason): Promise<TextList> {
  const collected = new Map<Reason, { number: HashCollector; fingerprint: HashCollector }>();
  const strayLines: number[] = [];
  let strayCount = 0;
  let hasKeys = false;
  let reason = otherwise;
  let number = 0;
  if (bytes.subarray(0, LOOKED_AT_FOR_PRIVATE_KEY).includes("PRIVATE KEY-----"))
    throw new ListError("it is a private key, which belongs in no list: give its .pub file");
  const turns = new Turns();
  for (const line of linesOf(bytes)) {
    if (turns.areOver) await turns.next();
    number += 1;
    const found = line === undefined ? STRAY : readLine(line);
    if (found.is === "reason") reason = found.reason;
    else if (found.is === "stray") {
      strayCount += 1;
      if (strayLines.length < MOST_STRAY_LINES) strayLines.push(number);
    } else if (found.is === "key") {
      hasKeys = true;
      const into = collected.get(reason) ?? {
        number: new HashCollector(),
        fingerprint: new HashCollector(),
      };
      collected.set(reason, into);
      for (const hash of found.hashes) into[found.of].add(hash);
    }
  }
  if (!hasKeys && strayCount > 0)
    throw new ListError(
      "no line of it is a fingerprint as ssh-keygen -l prints it, SHA256: and 43 characters, or a public key",
    );
  const sections: Section[] = [];
  for (const [reason, { number, fingerprint }] of collected) {
    for (const [of, from] of [["number", number] as const, ["fingerprint", fingerprint] as const]) {
      const hashes = await from.list();
      if (hashes.size > 0) sections.push({ reason, of, source: "", hashes });
    }
  }
  return { sections, strayLines, strayCount };
}

type Line =
  | { readonly is: "key"; readonly of: "number" | "fingerprint"; readonly hashes: readonly Buffer[] }
  | { readonly is: "reason"; readonly reason: Reason }
  | { readonly is: "nothing" }
  | { readonly is: "stray" };

const STRAY: Line = { is: "stray" };
/** Written over by the next fingerprint: a million buffers take longer to collect than to fill. */
const HASH = Buffer.alloc(32);
const HASHED: Line = { is: "key", of: "fingerprint", hashes: [HASH] };

function readLine(line: string): Line {
  const content = line.trim();
  if (content === "") return { is: "nothing" };
  if (content.startsWith("#")) {
    const [, given] = REASON.exec(content) ?? [];
    return given === undefined ? { is: "nothing" } : { is: "reason", reason: reasonOf(given) };
  }
  const [, fingerprint] = FINGERPRINT.exec(content) ?? [];
  if (fingerprint !== undefined) {
    HASH.write(fingerprint, "base64");
    return HASHED;
  }
  const key = keyOfLine(content);
  return key === undefined ? STRAY : { is: "key", of: "number", hashes: hashesOf(key, "number") };
}

/** The key of a line as .pub files and authorized_keys have it. What stands before a type is taken for options, as sshd does. */
export function keyOfLine(line: string): KeyBlob | undefined {
  const whole = splitKeyLine(line);
  const parts = lineType(whole.type) === undefined ? splitKeyLine(skipOptions(line) ?? "") : whole;
  const key = decodeKeyLine(parts);
  return key.ok ? key.value : undefined;
}

function reasonOf(word: string): Reason {
  const reason = REASONS.find((each) => each === word);
  if (reason === undefined)
    throw new ListError(
      `${JSON.stringify(word.slice(0, 40))} is no reason: give one of ${REASONS.join(", ")}`,
    );
  return reason;
}

/** Undefined for one that is too long to be a key. A text of 60 MB is never made one string. */
function* linesOf(bytes: Buffer): Generator<string | undefined> {
  const start = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
    ? BYTE_ORDER_MARK.length
    : 0;
  for (let at = start; at < bytes.length; ) {
    const newline = bytes.indexOf("\n", at);
    const end = newline === -1 ? bytes.length : newline;
    yield end - at > MOST_LINE_BYTES ? undefined : bytes.toString("latin1", at, end);
    at = end + 1;
  }
}

const FINGERPRINT = /^(?:\d{1,5} )?SHA256:([A-Za-z0-9+/]{43})(?=[\s#]|$)/;
const REASON = /^#\s{0,9}reason:\s{0,9}(\S+)/;
const BYTE_ORDER_MARK = Buffer.from("\u{feff}");
/** A key and as many bytes of options. */
const MOST_LINE_BYTES = 32_768;
const LOOKED_AT_FOR_PRIVATE_KEY = 100;
const MOST_STRAY_LINES = 100;
