import { createHash, createPrivateKey, createPublicKey, randomInt } from "node:crypto";
import { blobOfKeyObject } from "../../src/ssh/keyobject.ts";
import { makeProof, NAMESPACE, publicKeyLine, type SigningKey } from "../ssh/signer.ts";

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
const pairs = new Map<number, SigningKey>();
const seeds = new Map<string, number>();
const proofs = new Map<string, string>();
const facts = new Map<string, ProofFacts>();

/** The Ed25519 key pair of this number, of an endless supply that is the same in every process. */
export function keyPair(seed: number): SigningKey {
  const known = pairs.get(seed);
  if (known !== undefined) return known;
  const secret = createHash("sha256").update(`key pair ${seed} of the tests`).digest();
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8" });
  const blob = blobOfKeyObject(createPublicKey(privateKey)) ?? Buffer.alloc(0);
  const pair: SigningKey = { type: "ssh-ed25519", blob, privateKeys: [privateKey] };
  pairs.set(seed, pair);
  seeds.set(pair.blob.toString("base64"), seed);
  return pair;
}

/** The public key of a pair that no other test has, as TYPE BASE64 without a comment. */
export function freshProvableKey(): string {
  return publicKeyLine(keyPair(randomInt(2 ** 47)));
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

/** A signature of the user's name. Signed once. */
export function proof(of: ProofFacts): string {
  const id = JSON.stringify(of);
  const known = proofs.get(id);
  if (known !== undefined) return known;
  const { key, user, namespace = NAMESPACE, ending = "", lineEnd = "\n" } = of;
  const text = makeProof(keyPair(key), `${user}${ending}`, { namespace }).replaceAll("\n", lineEnd);
  proofs.set(id, text);
  facts.set(text, of);
  return text;
}

/** Is this text the proof that the user has this key? Told from who signed what: nothing is verified. */
export function isProof(text: string | undefined, user: string, keyLine: string): boolean {
  const made = facts.get(text ?? "");
  const { namespace = NAMESPACE } = made ?? {};
  return made?.user === user && made.key === seedOf(keyLine) && namespace === NAMESPACE;
}
