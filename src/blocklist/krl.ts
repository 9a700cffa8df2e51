import { decodeKeyBlob } from "../ssh/blob.ts";
import { WireReader } from "../ssh/wire.ts";
import { Turns } from "../turns.ts";
import { type HashedPart, hashesOf, PARTS, type Reason, type Section } from "./blocklist.ts";
import { HashCollector } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/** OpenSSH's PROTOCOL.krl: how a key revocation list begins. */
export const KRL_MAGIC = Buffer.from("SSHKRL\n\0");

/** PROTOCOL.krl: the types of sections. */
const CERTIFICATES = 1;
const EXPLICIT_KEY = 2;
const FINGERPRINT_SHA1 = 3;
const SIGNATURE = 4;
const FINGERPRINT_SHA256 = 5;
const EXTENSION = 255;

/**
 * The keys of an OpenSSH key revocation list (ssh-keygen -k), for this reason, since it names none. What it says of
 * certificates counts for nothing here. Rejects with a ListError.
 */
export async function decodeKRL(bytes: Buffer, reason: Reason): Promise<readonly Section[]> {
  const reader = new WireReader(bytes);
  if (!reader.skip(KRL_MAGIC)) throw new ListError("it does not begin as a KRL does");
  const version = reader.uint32();
  // Its own version, the time it was made, flags: each a uint64; something reserved, and a comment.
  for (let half = 0; half < 6; half += 1) reader.uint32();
  reader.bytes();
  reader.bytes();
  const collected: Record<HashedPart, HashCollector> = {
    number: new HashCollector(),
    fingerprint: new HashCollector(),
    sha1: new HashCollector(),
  };
  if (reader.refusal === undefined && version !== 1)
    throw new ListError(`it is a KRL of the version ${version}, and OpenSSH has version 1`);
  while (!reader.isAtEnd && reader.refusal === undefined) {
    const type = reader.byte();
    const section = reader.bytes();
    // Whoever writes a list into the folder answers for it: a signature tells nothing more.
    if (type === SIGNATURE) reader.bytes();
    if (reader.refusal !== undefined) break;
    if (type === EXTENSION) refuseCritical(section);
    else if (type === EXPLICIT_KEY || type === FINGERPRINT_SHA1 || type === FINGERPRINT_SHA256)
      await readItems(type, section, collected);
    else if (type !== CERTIFICATES && type !== SIGNATURE)
      throw new ListError(`it is a KRL with a section of the unknown type ${type}`);
  }
  if (reader.refusal !== undefined) throw new ListError("it is a KRL that ends too early");
  const sections: Section[] = [];
  for (const part of PARTS) {
    const hashes = await collected[part].list();
    if (hashes.size > 0) sections.push({ reason, of: part, source: "", hashes });
  }
  return sections;
}

async function readItems(
  type: number,
  bytes: Buffer,
  collected: Readonly<Record<HashedPart, HashCollector>>,
): Promise<void> {
  const section = new WireReader(bytes);
  const turns = new Turns();
  while (!section.isAtEnd) {
    if (turns.areOver) await turns.next();
    const item = section.bytes();
    if (section.refusal !== undefined) throw new ListError("it is a KRL with a section that ends too early");
    if (type === EXPLICIT_KEY) {
      const key = decodeKeyBlob(item);
      // A type that is not known here cannot be that of an SSHKey.
      if (key.ok) for (const hash of hashesOf(key.value, "number")) collected.number.add(hash);
      continue;
    }
    const [of, length] = type === FINGERPRINT_SHA1 ? (["sha1", 20] as const) : (["fingerprint", 32] as const);
    if (item.length !== length)
      throw new ListError(`it is a KRL with a hash of ${item.length} bytes in the place of ${length}`);
    collected[of].add(item);
  }
}

/** Of extensions none is known here, and whoever does not know a critical one must not go by the list. */
function refuseCritical(bytes: Buffer): void {
  const extension = new WireReader(bytes);
  extension.bytes();
  if (extension.byte() !== 0)
    throw new ListError("it is a KRL with a critical extension, of which none is known");
}
