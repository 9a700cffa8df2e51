import { decodeKeyBlob } from "../ssh/blob.ts";
import { WireReader } from "../ssh/wire.ts";
import { hashesOf, type Section } from "./blocklist.ts";
import { HashList } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/** OpenSSH's PROTOCOL.krl: how a key revocation list begins. */
export const KRL_MAGIC = Buffer.from("SSHKRL\n\0");

/** PROTOCOL.krl: the types of sections. */
const CERTIFICATES = 1;
const EXPLICIT_KEY = 2;
const FINGERPRINT_SHA1 = 3;
const SIGNATURE = 4;
const FINGERPRINT_SHA256 = 5;

/**
 * The keys of an OpenSSH key revocation list (ssh-keygen -k). What it says of certificates counts for nothing here. Throws a
 * ListError.
 */
export function decodeKRL(bytes: Buffer): readonly Section[] {
  const reader = new WireReader(bytes);
  if (!reader.skip(KRL_MAGIC)) throw new ListError("it does not begin as a KRL does");
  if (reader.uint32() !== 1) throw new ListError("it is a KRL of an unknown version");
  // krl_version, generated_date, flags: each a uint64; reserved and comment.
  for (let half = 0; half < 6; half += 1) reader.uint32();
  reader.bytes();
  reader.bytes();
  const numbers: Buffer[] = [];
  const sha256: Buffer[] = [];
  const sha1: Buffer[] = [];
  while (!reader.isAtEnd && reader.refusal === undefined) {
    const type = reader.byte();
    const section = new WireReader(reader.bytes());
    if (type === CERTIFICATES || type === SIGNATURE) continue;
    while (!section.isAtEnd && section.refusal === undefined) {
      const item = section.bytes();
      if (type === FINGERPRINT_SHA256) sha256.push(item);
      else if (type === FINGERPRINT_SHA1) sha1.push(item);
      else if (type === EXPLICIT_KEY) {
        const key = decodeKeyBlob(item);
        // A type that is not known here cannot be the type of an SSHKey.
        if (key.ok) numbers.push(...hashesOf(key.value, "number"));
      } else throw new ListError(`it is a KRL with a section of the unknown type ${type}`);
    }
    if (section.refusal !== undefined) throw new ListError("a section of the KRL ends too early");
  }
  if (reader.refusal !== undefined) throw new ListError("the KRL ends too early");
  return [
    { reason: "BlockedKey", of: "number", source: "KRL", hashes: HashList.of(numbers) } as const,
    { reason: "BlockedKey", of: "fingerprint", source: "KRL", hashes: HashList.of(sha256) } as const,
    { reason: "BlockedKey", of: "sha1", source: "KRL", hashes: HashList.of(sha1) } as const,
  ].filter(({ hashes }) => hashes.size > 0);
}
