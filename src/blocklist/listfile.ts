import { createHash } from "node:crypto";
import { Turns } from "../turns.ts";
import { type Blocklist, type HashedPart, PARTS, REASONS, type Reason, type Section } from "./blocklist.ts";
import { HASH_BYTES, HashList, isSorted } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/**
 * The product's own form of a list: this line, a line of JSON that says which sections follow, the hashes of each, eight bytes
 * a key, and the SHA-256 of all that. `head -2` shows what a file has.
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

/** Throws a ListError for more sections, or longer sources, than a file may have. */
export function encodeList(sections: readonly Section[]): Buffer {
  const header: Header = {
    sections: sections.map(({ reason, of, source, hashes }) => ({ reason, of, source, count: hashes.size })),
  };
  const start = Buffer.from(`${MAGIC}${JSON.stringify(header)}\n`);
  if (sections.length > MOST_SECTIONS)
    throw new ListError(
      `a list has at most ${MOST_SECTIONS} pairs of reason and source, and this would have more`,
    );
  if (start.length > MAGIC.length + HEADER_MOST_BYTES)
    throw new ListError("the sources are too long to stand in one list: give shorter ones");
  const content = [start, ...sections.map(({ hashes }) => hashes.bytes)];
  const digest = createHash("sha256");
  for (const part of content) digest.update(part);
  return Buffer.concat([...content, digest.digest()]);
}

/**
 * Keeps the bytes, and looks keys up in them. Rejects with a ListError. `isOwn`: it comes with the product, so its checksum
 * says that it is sorted, too.
 */
export async function decodeList(bytes: Buffer, isOwn = false): Promise<Blocklist> {
  const start = MAGIC.length;
  const end = bytes.subarray(0, start + HEADER_MOST_BYTES).indexOf("\n", start);
  if (end === -1)
    throw new ListError("its header, the second line, does not end: it was damaged; make or copy it again");
  const headers = readHeader(bytes.toString("utf8", start, end));
  const sections: Section[] = [];
  let at = end + 1;
  for (const { reason, of, source, count } of headers) {
    const records = bytes.subarray(at, at + count * HASH_BYTES);
    if (records.length < count * HASH_BYTES)
      throw new ListError(`it ends within its section ${reason}: it was not copied to its end`);
    at += records.length;
    sections.push({ reason, of, source, hashes: new HashList(records) });
  }
  if (bytes.length - at !== DIGEST_BYTES)
    throw new ListError(
      bytes.length - at < DIGEST_BYTES
        ? "it ends within its checksum: it was not copied to its end"
        : "something follows its checksum",
    );
  if (!(await digestOf(bytes.subarray(0, at))).equals(bytes.subarray(at)))
    throw new ListError("its checksum does not fit: it was damaged; make or copy it again");
  for (const { reason, hashes } of sections) {
    if (!isOwn && !(await isSorted(hashes.bytes, HASH_BYTES)))
      throw new ListError(`its section ${reason} is not sorted: make it with sshkey-operator blocklist`);
  }
  return { sections, primeProducts: [] };
}

/** The SHA-256; other work has its turn in between. */
export async function digestOf(bytes: Buffer): Promise<Buffer> {
  const digest = createHash("sha256");
  const turns = new Turns();
  for (let at = 0; at < bytes.length; at += DIGESTED_AT_ONCE) {
    digest.update(bytes.subarray(at, at + DIGESTED_AT_ONCE));
    await turns.next();
  }
  return digest.digest();
}

function readHeader(text: string): readonly SectionHeader[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new ListError("its header, the second line, is no JSON: it was damaged; make or copy it again");
  }
  const { sections } = (header ?? {}) as Partial<Record<string, unknown>>;
  if (!Array.isArray(sections)) throw new ListError("its header has no list `sections`");
  if (sections.length > MOST_SECTIONS)
    throw new ListError(`its header has ${sections.length} sections, and ${MOST_SECTIONS} are the most`);
  return sections.map((section: Partial<Record<string, unknown>> | null, index) => {
    const { reason, of, source, count } = section ?? {};
    const knownReason = REASONS.find((each) => each === reason);
    const knownPart = PARTS.find((each) => each === of);
    if (knownReason === undefined)
      throw new ListError(
        `its section ${index + 1} is for a reason that is none: a newer version made it, or it is damaged`,
      );
    if (knownPart === undefined || typeof source !== "string" || !isCount(count))
      throw new ListError(`its header says of section ${index + 1} what cannot be read`);
    return { reason: knownReason, of: knownPart, source, count };
  });
}

/** No file has as many as 2⁴⁸. */
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 48;
}

/** Each is looked through for each key. */
const MOST_SECTIONS = 256;
const HEADER_MOST_BYTES = 65_536;
const DIGEST_BYTES = 32;
/** About 1 ms. */
const DIGESTED_AT_ONCE = 2 ** 20;
