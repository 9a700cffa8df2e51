import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { blobOfKeyObject } from "../../src/ssh/keyobject.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { type Sign, type SSHSigParts, sshSig } from "./sshsigs.ts";

/** Whoever has a certain private key. */
export interface Signer {
  readonly blob: Buffer;
  /** TYPE BASE64. */
  readonly publicKey: string;
  readonly sign: Sign;
  /** An SSHSIG of this text, with other parts if they are given. */
  prove(message: string, parts?: Partial<SSHSigParts>): string;
}

export function ed25519Signer(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return signer(publicKey, "ssh-ed25519", (data) => sign(null, data, privateKey));
}

/** `ssh-rsa` signs with SHA-1. */
export function rsaSigner(algorithm: "ssh-rsa" | "rsa-sha2-512"): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const digest = algorithm === "ssh-rsa" ? "sha1" : "sha512";
  return signer(publicKey, algorithm, (data) => sign(digest, data, privateKey));
}

function signer(key: KeyObject, algorithm: string, signRaw: Sign): Signer {
  const blob = blobOfKeyObject(key) ?? Buffer.alloc(0);
  const type = blob.toString("latin1", 4, 4 + blob.readUInt32BE(0));
  const signWire = (data: Buffer) => encodeStrings([Buffer.from(algorithm), signRaw(data)]);
  return {
    blob,
    publicKey: `${type} ${blob.toString("base64")}`,
    sign: signWire,
    prove: (message, parts) => sshSig(signWire, { blob, message, ...parts }),
  };
}
