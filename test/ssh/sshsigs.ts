import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { encodeStrings } from "../../src/ssh/wire.ts";

/** Gives the signature of RFC 4253 section 6.6 for these bytes. */
export type Sign = (data: Buffer) => Buffer;

/** What whoever makes an SSHSIG may choose (OpenSSH's PROTOCOL.sshsig). */
export interface SSHSigParts {
  /** Of the key that is said to have signed. */
  readonly blob: Buffer;
  readonly message: string;
  /** `sshkey-operator.dev` if not given. */
  readonly namespace?: string;
  /** Empty if not given; signed with the rest. */
  readonly reserved?: string;
  /** Behind the last field. */
  readonly behind?: string;
}

/** An SSHSIG, right or wrong, as the text that is pasted. */
export function sshSig(sign: Sign, parts: SSHSigParts): string {
  const { blob, message, namespace = "sshkey-operator.dev", reserved = "", behind = "" } = parts;
  const middle = [namespace, reserved, "sha512"].map((text) => Buffer.from(text));
  const signed = Buffer.concat([MAGIC, encodeStrings([...middle, hash("sha512", message, "buffer")])]);
  const fields = encodeStrings([blob, ...middle, sign(signed)]);
  return armored(Buffer.concat([MAGIC, Buffer.of(0, 0, 0, 1), fields, Buffer.from(behind)]));
}

/** In lines of 70 characters, as sshsig_armor makes them. */
export function armored(bytes: Buffer): string {
  const lines = bytes.toString("base64").replaceAll(/.{70}(?!$)/g, "$&\n");
  return `-----BEGIN SSH SIGNATURE-----\n${lines}\n-----END SSH SIGNATURE-----\n`;
}

/** What `ssh-keygen -Y sign` prints, with this private key. */
export function keygenSSHSig(
  file: string,
  message: string,
  namespace = "sshkey-operator.dev",
  options: readonly string[] = [],
): string {
  const args = ["-Y", "sign", "-q", "-n", namespace, "-f", file, ...options, "-"];
  return execFileSync("ssh-keygen", args, {
    input: message,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  });
}

const MAGIC = Buffer.from("SSHSIG");
