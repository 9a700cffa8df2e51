import type { KeyType } from "../../src/ssh/keytype.ts";
import {
  makeKey,
  type SignatureFields,
  type SigningKey,
  USER_PRESENT,
  USER_VERIFIED,
  WEBAUTHN,
} from "./signer.ts";

/** A key with one of the ways in which it signs. */
export interface Signing {
  readonly name: string;
  readonly key: SigningKey;
  readonly fields: SignatureFields;
}

/** Every way that is taken. ssh-keygen 9.2 knows all but the hybrid. */
export function signings(): Signing[] {
  const [rsa, securityKey] = [makeKey("ssh-rsa"), makeKey("sk-ecdsa-sha2-nistp256@openssh.com")];
  const flags = USER_PRESENT | USER_VERIFIED;
  return [
    { name: "rsa-sha2-256", key: rsa, fields: { algorithm: "rsa-sha2-256" } },
    { name: "rsa-sha2-512", key: rsa, fields: {} },
    { name: "rsa 3071", key: makeKey("ssh-rsa", { bits: 3071 }), fields: {} },
    ...PLAIN.map((type) => ({ name: type, key: makeKey(type), fields: {} })),
    { name: "sk-ecdsa", key: securityKey, fields: { flags, counter: 0x01020304 } },
    { name: "webauthn", key: securityKey, fields: { algorithm: WEBAUTHN } },
    {
      name: "webauthn with extensions",
      key: securityKey,
      fields: { algorithm: WEBAUTHN, flags: flags | EXTENSION_DATA, extensions: Buffer.of(0xa0) },
    },
  ];
}

const EXTENSION_DATA = 0x80;
const PLAIN: readonly KeyType[] = [
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-ed25519",
  "sk-ssh-ed25519@openssh.com",
];
