import { generateKeyPair, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { blobOfKeyObject } from "../../../src/ssh/keyobject.ts";

/** How many RSA keys, by bits. */
const RSA = { 2048: 300, 3072: 60, 4096: 20, 8192: 1 } as const;

/** Blobs of RSA keys that OpenSSL made, which takes a minute: kept where the control plane is kept, too. */
export async function honestRSAKeys(): Promise<readonly Buffer[]> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const file = join(cache, "sshkey-operator", "honest-rsa-keys-1");
  if (existsSync(file)) return readFileSync(file, "utf8").split("\n").map(fromBase64);
  const sizes = Object.entries(RSA).flatMap(([bits, count]) => Array<number>(count).fill(Number(bits)));
  const blobs = await Promise.all(
    sizes.map(async (modulusLength) => {
      const { publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength });
      return blobOf(publicKey);
    }),
  );
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, blobs.map((blob) => blob.toString("base64")).join("\n"));
  renameSync(`${file}.${process.pid}`, file);
  return blobs;
}

/** Fresh ones. */
export function honestEllipticKeys(count: number): readonly Buffer[] {
  const curves = ["P-256", "P-384", "P-521"];
  return Array.from({ length: count }, (_, i) => {
    const namedCurve = curves[i % 4];
    const { publicKey } =
      namedCurve === undefined ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve });
    return blobOf(publicKey);
  });
}

function blobOf(key: KeyObject): Buffer {
  const blob = blobOfKeyObject(key);
  if (blob === undefined) throw new Error("OpenSSL made a key of no type that SSH has");
  return blob;
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, "base64");
}
