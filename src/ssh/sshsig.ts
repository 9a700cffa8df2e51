import { hash } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { accept, type Result } from "./refusal.ts";
import { malformed, type SignatureRefusal } from "./signature.ts";
import { encodeStrings, WireReader } from "./wire.ts";

/** What an SSHSIG says (OpenSSH's PROTOCOL.sshsig). Nothing of it is verified. */
export interface SSHSig {
  /** The blob of the key that is said to have signed. It is not among the signed bytes. */
  readonly publicKey: Buffer;
  /** What the signature is for. */
  readonly namespace: string;
  readonly hashAlgorithm: HashAlgorithm;
  /** Of RFC 4253 section 6.6, for readSignature. */
  readonly signature: Buffer;
}

export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

const HASH_ALGORITHMS = ["sha256", "sha512"] as const;

/**
 * Reads the text that `ssh-keygen -Y sign` prints. White space around it and any line breaks in it are taken, since it goes
 * through terminals, YAML and mails; anything else around it is refused, and so is a second signature. Stricter than
 * sshsig.c in two points: the version is 1, and the reserved field is empty.
 */
export function parseSSHSig(text: string): Result<SSHSig, SignatureRefusal> {
  const bytes = dearmor(text);
  if (!bytes.ok) return bytes;
  const reader = new WireReader(bytes.value);
  if (!reader.skip(MAGIC)) return malformed("is no SSH signature inside");
  if (reader.uint32() !== VERSION) return malformed("is of another version than 1");
  const publicKey = reader.bytes();
  const namespace = reader.text();
  const reserved = reader.bytes();
  const algorithm = reader.text();
  const signature = reader.bytes();
  reader.end();
  if (reader.refusal !== undefined) {
    return malformed(
      reader.refusal.code === "TrailingBytes" ? "has bytes behind its end" : "is damaged or cut off",
    );
  }
  if (reserved.length > 0) return malformed("has something in its reserved field");
  const hashAlgorithm = HASH_ALGORITHMS.find((each) => each === algorithm);
  if (hashAlgorithm === undefined) return malformed("is over another hash than SHA-256 or SHA-512");
  return accept({ publicKey, namespace, hashAlgorithm, signature });
}

/** The bytes that are signed for a message. */
export function signedBytes(sig: Pick<SSHSig, "namespace" | "hashAlgorithm">, message: Buffer): Buffer {
  const { namespace, hashAlgorithm } = sig;
  const digest = hash(hashAlgorithm, message, "buffer");
  const fields = [Buffer.from(namespace, "latin1"), EMPTY, Buffer.from(hashAlgorithm), digest];
  return Buffer.concat([MAGIC, encodeStrings(fields)]);
}

function dearmor(text: string): Result<Buffer, SignatureRefusal> {
  const armored = text.trim();
  if (!armored.startsWith(BEGIN)) return malformed(`does not begin with ${BEGIN}`);
  const end = armored.indexOf(END);
  if (end === -1) return malformed(`does not end with ${END}`);
  const rest = armored.slice(end + END.length);
  if (rest.trim().startsWith(BEGIN)) return malformed("is followed by a second one");
  if (rest !== "") return malformed("is followed by other text");
  const bytes = decodeBase64(armored.slice(BEGIN.length, end).replace(/[ \t\r\n]+/g, ""));
  return bytes === undefined
    ? malformed("is no complete base64 between its first and last line")
    : accept(bytes);
}

const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";
const MAGIC = Buffer.from("SSHSIG");
const VERSION = 1;
const EMPTY = Buffer.alloc(0);
