import { generateKeyPairSync, hash, sign } from "node:crypto";
import type { SecurityKeyType } from "../../src/ssh/keytype.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { mpint } from "./samples.ts";
import { sshSig } from "./sshsigs.ts";

/** A FIDO authenticator in software, with one key. */
export interface SecurityKey {
  readonly type: SecurityKeyType;
  readonly blob: Buffer;
  /** TYPE BASE64. */
  readonly publicKey: string;
  /** What its firmware does: OpenSSH's PROTOCOL.u2f, "SSH U2F signatures". The flags are its own. */
  sign(data: Buffer, flags: number): Buffer;
  /** What `ssh-keygen -Y sign` would print for this text. */
  prove(message: string, flags: number): string;
}

/** Flags of WebAuthn level 2 section 6.1. */
export const TOUCHED = 0x01;
export const USER_VERIFIED = 0x04;

export const SECURITY_KEYS: Readonly<Record<SecurityKeyType, () => SecurityKey>> = {
  "sk-ssh-ed25519@openssh.com": () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const point = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
    return securityKey("sk-ssh-ed25519@openssh.com", [point], (data) => sign(null, data, privateKey));
  },
  "sk-ecdsa-sha2-nistp256@openssh.com": () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
    return securityKey("sk-ecdsa-sha2-nistp256@openssh.com", [Buffer.from("nistp256"), point], (data) => {
      const pair = sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" });
      return encodeStrings([mpint(pair.subarray(0, 32)), mpint(pair.subarray(32))]);
    });
  },
};

function securityKey(
  type: SecurityKeyType,
  numbers: readonly Buffer[],
  signRaw: (data: Buffer) => Buffer,
): SecurityKey {
  const blob = encodeStrings([Buffer.from(type), ...numbers, Buffer.from(APPLICATION)]);
  const signWith = (data: Buffer, flags: number) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(1);
    const head = Buffer.concat([Buffer.of(flags), counter]);
    const signed = [hash("sha256", APPLICATION, "buffer"), head, hash("sha256", data, "buffer")];
    return Buffer.concat([encodeStrings([Buffer.from(type), signRaw(Buffer.concat(signed))]), head]);
  };
  return {
    type,
    blob,
    publicKey: `${type} ${blob.toString("base64")}`,
    sign: signWith,
    prove: (message, flags) => sshSig((data) => signWith(data, flags), { blob, message }),
  };
}

const APPLICATION = "ssh:";
