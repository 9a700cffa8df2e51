import { ecdsa } from "./ecdsa.ts";
import type { KeyType } from "./keytype.ts";
import type { WireReader } from "./wire.ts";

/**
 * Reads the fields of a key behind its type name and returns its bits, as `ssh-keygen -l` prints them. Faults stay in
 * the reader, and the bits then mean nothing.
 */
export type KeyFormat = (reader: WireReader) => number;

/**
 * RFC 4253 section 6.6: mpint e, mpint n. OpenSSH looks at nothing but the length of n (ssh-rsa.c,
 * sshkey_check_rsa_length): an even modulus or e = 1 passes there, so it passes here.
 */
const rsa: KeyFormat = (reader) => {
  reader.mpintBits();
  const bits = reader.mpintBits();
  if (bits < RSA_MINIMUM_BITS) {
    reader.fail(
      "RSABelowOpenSSHMinimum",
      `This RSA key has ${bits} bits and OpenSSH takes none below ${RSA_MINIMUM_BITS}; make a new key of a type that is accepted.`,
    );
  }
  return bits;
};

/** RFC 4253 section 6.6: mpint p, q, g, y. OpenSSH checks none of their values (ssh-dss.c). */
const dss: KeyFormat = (reader) => {
  const bits = reader.mpintBits();
  reader.mpintBits();
  reader.mpintBits();
  reader.mpintBits();
  return bits;
};

/** RFC 8709 section 4: a string of 32 bytes. OpenSSH does not decode the point (ssh-ed25519.c). */
const ed25519: KeyFormat = (reader) => {
  exactly(reader, "Ed25519", ED25519_BYTES);
  return 256;
};

/**
 * OpenSSH's ssh-mldsa-eddsa.c, draft-miller-sshm-mldsa44-ed25519-composite-sigs: one string, the ML-DSA-44 public
 * key of FIPS 204 followed by the Ed25519 one. `ssh-keygen -l` calls that 256 bits.
 */
const mldsa44Ed25519: KeyFormat = (reader) => {
  exactly(reader, "ML-DSA-44 with Ed25519", MLDSA44_BYTES + ED25519_BYTES);
  return 256;
};

/** OpenSSH's PROTOCOL.u2f: the fields of the plain key, then the application string, "ssh:" as a rule. */
function securityKey(plain: KeyFormat): KeyFormat {
  return (reader) => {
    const bits = plain(reader);
    reader.text();
    return bits;
  };
}

function exactly(reader: WireReader, name: string, length: number): void {
  const found = reader.stringLength();
  if (found !== length) {
    reader.fail(
      "BadKeyLength",
      `An ${name} key is ${length} bytes long and this one is ${found}; copy the key again from its .pub file.`,
    );
  }
}

// SSH_RSA_MINIMUM_MODULUS_SIZE in sshkey.h.
const RSA_MINIMUM_BITS = 1024;
const ED25519_BYTES = 32;
const MLDSA44_BYTES = 1312;

export const KEY_FORMATS: Readonly<Record<KeyType, KeyFormat>> = {
  "ssh-ed25519": ed25519,
  "sk-ssh-ed25519@openssh.com": securityKey(ed25519),
  "ecdsa-sha2-nistp256": ecdsa("nistp256"),
  "ecdsa-sha2-nistp384": ecdsa("nistp384"),
  "ecdsa-sha2-nistp521": ecdsa("nistp521"),
  "sk-ecdsa-sha2-nistp256@openssh.com": securityKey(ecdsa("nistp256")),
  "ssh-rsa": rsa,
  "ssh-dss": dss,
  "ssh-mldsa44-ed25519@openssh.com": mldsa44Ed25519,
};
