import { type Blocklist, type HashedPart, REASONS, type Reason, type Section } from "./blocklist.ts";
import { HASH_BYTES, HashList, isSorted } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/**
 * The product's own form of a list: this line, a line of JSON that says which sections follow, and the hashes of each, eight
 * bytes a key. `head -2` shows what a file has.
 */
export const MAGIC = "sshkey-operator blocklist 1\n";

/** The second line. */
interface Header {
  readonly sections: readonly SectionHeader[];
}

interface SectionHeader {
  readonly reason: Reason;
  readonly of: HashedPart;
  readonly source: string;
  readonly count: number;
}

export function encodeList(sections: readonly Section[]): Buffer {
  const header: Header = {
    sections: sections.map(({ reason, of, source, hashes }) => ({ reason, of, source, count: hashes.size })),
  };
  const bytes = sections.map(({ hashes }) => hashes.bytes);
  return Buffer.concat([Buffer.from(`${MAGIC}${JSON.stringify(header)}\n`), ...bytes]);
}

/** Rejects with a ListError. */
export async function decodeList(bytes: Buffer): Promise<Blocklist> {
  const start = MAGIC.length;
  const end = bytes.subarray(0, start + HEADER_MOST_BYTES).indexOf("\n", start);
  if (end === -1) throw new ListError("its header does not end");
  const headers = readHeader(bytes.toString("utf8", start, end));
  const sections: Section[] = [];
  let at = end + 1;
  for (const { reason, of, source, count } of headers) {
    const records = bytes.subarray(at, at + count * HASH_BYTES);
    at += count * HASH_BYTES;
    if (at > bytes.length) throw new ListError("it ends before its last section does");
    if (!(await isSorted(records, HASH_BYTES))) throw new ListError(`its section ${reason} is not sorted`);
    sections.push({ reason, of, source, hashes: new HashList(records) });
  }
  if (at !== bytes.length) throw new ListError("something follows its last section");
  return { sections, primes: [] };
}

function readHeader(text: string): readonly SectionHeader[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new ListError("its header is no JSON");
  }
  const { sections } = (header ?? {}) as Partial<Record<string, unknown>>;
  if (!Array.isArray(sections)) throw new ListError("its header has no list `sections`");
  return sections.map((section: Partial<Record<string, unknown>> | null) => {
    const { reason, of, source, count } = section ?? {};
    const knownReason = REASONS.find((each) => each === reason);
    const knownPart = PARTS.find((each) => each === of);
    if (knownReason === undefined)
      throw new ListError(`its header has the unknown reason ${JSON.stringify(reason)}`);
    if (
      knownPart === undefined ||
      typeof source !== "string" ||
      !Number.isSafeInteger(count) ||
      Number(count) < 0
    )
      throw new ListError(`its header says of ${knownReason} what cannot be read`);
    return { reason: knownReason, of: knownPart, source, count: Number(count) };
  });
}

const PARTS: readonly HashedPart[] = ["number", "fingerprint", "sha1"];
const HEADER_MOST_BYTES = 65_536;
