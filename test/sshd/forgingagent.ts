import { hash } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { encodeStrings, stringsOf } from "../../src/ssh/wire.ts";

/** An ssh-agent that has no private key: it answers each request to sign with a forged signature. */
export interface ForgingAgent {
  /** Path for ssh's IdentityAgent. */
  readonly socket: string;
  stop(): Promise<void>;
}

/** Gives the whole signature for these bytes, as it goes over the wire; flags are those of the request. */
export type Forge = (data: Buffer, flags: number) => Buffer;

/** Starts an agent (draft-ietf-sshm-ssh-agent) that offers this one public key. */
export async function startForgingAgent(socket: string, blob: Buffer, forge: Forge): Promise<ForgingAgent> {
  const server = createServer((connection) => serve(connection, blob, forge));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { socket, stop: () => close(server) };
}

/**
 * By the Ed25519 key that is the identity point: with R the identity and S = 0, S·B = R + k·A reads 0 = 0 + k·0 for
 * every message.
 */
export const forgeEd25519: Forge = () =>
  encodeStrings([Buffer.from("ssh-ed25519"), Buffer.concat([Buffer.of(1), Buffer.alloc(63)])]);

/** By an RSA key with e = 1 and a modulus of that many bytes: the padded hash is its own signature. */
export function forgeRSA(modulusBytes: number): Forge {
  return (data, flags) => {
    const digest = (flags & RSA_SHA2_512) === 0 ? "sha256" : "sha512";
    const info = Buffer.concat([DIGEST_INFO[digest], hash(digest, data, "buffer")]);
    // EMSA-PKCS1-v1_5 of RFC 8017 section 9.2.
    const filling = Buffer.alloc(modulusBytes - 3 - info.length, 0xff);
    const padded = Buffer.concat([Buffer.of(0, 1), filling, Buffer.of(0), info]);
    return encodeStrings([Buffer.from(digest === "sha256" ? "rsa-sha2-256" : "rsa-sha2-512"), padded]);
  };
}

function serve(connection: Socket, blob: Buffer, forge: Forge): void {
  let received: Buffer = Buffer.alloc(0);
  connection.on("error", () => connection.destroy());
  connection.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 4 && received.length >= 4 + received.readUInt32BE(0)) {
      const end = 4 + received.readUInt32BE(0);
      connection.write(encodeStrings([answer(received.subarray(4, end), blob, forge)]));
      received = received.subarray(end);
    }
  });
}

function answer(request: Buffer, blob: Buffer, forge: Forge): Buffer {
  if (request[0] === REQUEST_IDENTITIES) {
    const one = Buffer.of(IDENTITIES_ANSWER, 0, 0, 0, 1);
    return Buffer.concat([one, encodeStrings([blob, Buffer.from("forged")])]);
  }
  if (request[0] === SIGN_REQUEST) {
    const flags = request.readUInt32BE(request.length - 4);
    const [, data = Buffer.alloc(0)] = stringsOf(request.subarray(1, -4));
    return Buffer.concat([Buffer.of(SIGN_RESPONSE), encodeStrings([forge(data, flags)])]);
  }
  return Buffer.of(FAILURE);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_512 = 4;
// The DER in front of the hash, RFC 8017 section 9.2, note 1.
const DIGEST_INFO = {
  sha256: Buffer.from("3031300d060960864801650304020105000420", "hex"),
  sha512: Buffer.from("3051300d060960864801650304020305000440", "hex"),
} as const;
