/** The key types that are accepted, by the names that OpenSSH gives them. */
export const KEY_TYPES = [
  "ssh-ed25519",
  "sk-ssh-ed25519@openssh.com",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ecdsa-sha2-nistp256@openssh.com",
  "ssh-rsa",
  "ssh-dss",
  "ssh-mldsa44-ed25519@openssh.com",
] as const;

export type KeyType = (typeof KEY_TYPES)[number];

/** The types whose private key stays in a FIDO authenticator (OpenSSH's PROTOCOL.u2f). */
export const SECURITY_KEY_TYPES = [
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
] as const satisfies readonly KeyType[];

export type SecurityKeyType = (typeof SECURITY_KEY_TYPES)[number];

export function isSecurityKeyType(type: KeyType): type is SecurityKeyType {
  return SECURITY_KEY_TYPES.some((each) => each === type);
}

/**
 * The type that the first word of a key line names. Three names of signature algorithms stand for a key type
 * too (sshkey.c, keyimpls), and the key then bears the type's own name.
 */
export function lineType(word: string): KeyType | undefined {
  return LINE_TYPES.get(word);
}

/**
 * The type that the name inside a blob stands for. OpenSSH takes some short names there, in any case
 * (sshkey_type_from_name up to release 9.x).
 */
export function blobType(name: string): KeyType | undefined {
  return LINE_TYPES.get(name) ?? SHORT_NAMES.get(name.toLowerCase());
}

/** Whether a type name, of a line or of a blob, belongs to an OpenSSH certificate (PROTOCOL.certkeys). */
export function isCertificateType(name: string): boolean {
  return /-cert-v0[01]@openssh\.com$/.test(name);
}

/** How many strings the blob of each type consists of, its name among them. */
export const BLOB_STRINGS: Readonly<Record<KeyType, number>> = {
  "ssh-ed25519": 2,
  "sk-ssh-ed25519@openssh.com": 3,
  "ecdsa-sha2-nistp256": 3,
  "ecdsa-sha2-nistp384": 3,
  "ecdsa-sha2-nistp521": 3,
  "sk-ecdsa-sha2-nistp256@openssh.com": 4,
  "ssh-rsa": 3,
  "ssh-dss": 5,
  "ssh-mldsa44-ed25519@openssh.com": 2,
};

const LINE_TYPES: ReadonlyMap<string, KeyType> = new Map<string, KeyType>([
  ...KEY_TYPES.map((type) => [type, type] as const),
  ["rsa-sha2-256", "ssh-rsa"],
  ["rsa-sha2-512", "ssh-rsa"],
  ["webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"],
]);

const SHORT_NAMES: ReadonlyMap<string, KeyType> = new Map<string, KeyType>([
  ["rsa", "ssh-rsa"],
  ["dsa", "ssh-dss"],
  ["ed25519", "ssh-ed25519"],
  ["ed25519-sk", "sk-ssh-ed25519@openssh.com"],
]);
