import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomInt, sign } from "node:crypto";

/** One of an endless supply of Ed25519 key pairs. */
interface KeyPair {
  /** The public key as SSH writes it (RFC 8709). */
  readonly blob: Buffer;
  readonly privateKey: KeyObject;
}

/** What is signed, and by which key pair. Unless it says otherwise this is the proof that the operator asks for. */
export interface ProofFacts {
  readonly key: number;
  readonly user: string;
  readonly namespace?: string;
  /** What a shell adds to the name. */
  readonly ending?: "" | "\n" | "\r\n";
  readonly lineEnd?: "\n" | "\r\n";
}

/** RFC 8410: PrivateKeyInfo of an Ed25519 key, without its 32 bytes. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const pairs = new Map<number, KeyPair>();
const seeds = new Map<string, number>();
const proofs = new Map<string, string>();
const facts = new Map<string, ProofFacts>();

/** The key pair of this number, the same in every process. */
export function keyPair(seed: number): KeyPair {
  const known = pairs.get(seed);
  if (known !== undefined) return known;
  const secret = createHash("sha256").update(`key pair ${seed} of the tests`).digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8" });
  const point = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  const pair = { privateKey, blob: strings("ssh-ed25519", point) };
  pairs.set(seed, pair);
  seeds.set(pair.blob.toString("base64"), seed);
  return pair;
}

/** The public key of a pair that no other test has, as TYPE BASE64 without a comment. */
export function freshProvableKey(): string {
  return `ssh-ed25519 ${keyPair(randomInt(2 ** 47)).blob.toString("base64")}`;
}

/** The proof that this user has the key of this line, which came from here. */
export function proofFor(user: string, line: string): string {
  const key = seedOf(line);
  if (key === undefined) throw new Error(`nobody here has the private key of ${line}`);
  return proof({ key, user });
}

/** The number of the key pair whose public half stands in a key line; undefined for one that was not asked for. */
export function seedOf(line: string): number | undefined {
  return seeds.get(line.split(" ")[1] ?? "");
}

/** A signature of the user's name, as OpenSSH's PROTOCOL.sshsig lays it out. Signed once. */
export function proof(of: ProofFacts): string {
  const id = JSON.stringify(of);
  const known = proofs.get(id);
  if (known !== undefined) return known;
  const { key, user, namespace = "sshkey-operator.dev", ending = "", lineEnd = "\n" } = of;
  const { blob, privateKey } = keyPair(key);
  const digest = createHash("sha512").update(`${user}${ending}`).digest();
  const signed = Buffer.concat([MAGIC, strings(namespace, "", "sha512", digest)]);
  const signature = strings("ssh-ed25519", sign(null, signed, privateKey));
  const bytes = Buffer.concat([MAGIC, VERSION, strings(blob, namespace, "", "sha512", signature)]);
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  const text = ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join(lineEnd);
  proofs.set(id, text);
  facts.set(text, of);
  return text;
}

/** Is this text the proof that the user has this key? Told from who signed what: nothing is verified. */
export function isProof(text: string | undefined, user: string, keyLine: string): boolean {
  const made = facts.get(text ?? "");
  const { namespace = "sshkey-operator.dev" } = made ?? {};
  return made?.user === user && made.key === seedOf(keyLine) && namespace === "sshkey-operator.dev";
}

function strings(...all: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(
    all.flatMap((each) => {
      const bytes = Buffer.from(each as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

const MAGIC = Buffer.from("SSHSIG");
const VERSION = Buffer.of(0, 0, 0, 1);
