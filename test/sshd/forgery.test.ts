import { randomBytes } from "node:crypto";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { weaknesses } from "../../src/ssh/weakness/weaknesses.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { findSSHD, isAtLeast, type SSHD } from "./findsshd.ts";
import { type Forge, forgeEd25519, forgeRSA, startForgingAgent } from "./forgingagent.ts";
import { ed25519 } from "./keypair.ts";
import { type Login, login } from "./login.ts";
import { openFolder } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

let folder: string;
let sshd: SSHD;
let server: SSHDProcess;

const modulus = Buffer.concat([Buffer.of(0, 0xc0), randomBytes(254), Buffer.of(1)]);
const IDENTITY_POINT = encodeStrings([
  Buffer.from("ssh-ed25519"),
  Buffer.concat([Buffer.of(1), Buffer.alloc(31)]),
]);
const EXPONENT_ONE = encodeStrings([Buffer.from("ssh-rsa"), Buffer.of(1), modulus]);

beforeAll(async () => {
  sshd = await findSSHD();
  folder = await openFolder();
  const file = join(folder, "authorized_keys");
  await writeFile(file, `${lineOf("ssh-ed25519", IDENTITY_POINT)}\n${lineOf("ssh-rsa", EXPONENT_ONE)}\n`);
  await chmod(file, 0o644);
  const config = `AuthorizedKeysFile ${file}\nStrictModes no\nUsePAM no\n`;
  server = await startSSHD({ sshd, config, accounts: [{ name: "alice" }] });
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Why these keys are Compromised. The stock client sends what its agent signs without looking at it. */
test("sshd lets anyone in by an RSA key with e = 1, who has no private key", async () => {
  expect(codes(lineOf("ssh-rsa", EXPONENT_ONE))).toEqual(["AnyoneCanSign"]);
  expect(await forged("rsa", "ssh-rsa", EXPONENT_ONE, forgeRSA(256))).toMatchObject({
    accepted: true,
    output: "in\n",
  });
});

test("sshd lets anyone in by the Ed25519 identity point, who has no private key", async () => {
  expect(codes(lineOf("ssh-ed25519", IDENTITY_POINT))).toEqual(["AnyoneCanSign"]);
  const { accepted } = await forged("ed25519", "ssh-ed25519", IDENTITY_POINT, forgeEd25519);
  // From 10.3 on OpenSSH leaves Ed25519 to libcrypto where it can, whose newer releases refuse such points.
  expect(accepted || isAtLeast(sshd, 10, 3)).toBe(true);
});

test("sshd lets nobody in by a sound key and a forged signature", async () => {
  const { publicKey } = await ed25519(folder, "sound");
  const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
  const { accepted } = await forged("unlisted", "ssh-ed25519", blob, forgeEd25519);
  expect(accepted).toBe(false);
  await writeFile(join(folder, "authorized_keys"), `${publicKey}\n`);
  expect(await forged("listed", "ssh-ed25519", blob, forgeEd25519)).toMatchObject({ accepted: false });
});

async function forged(name: string, type: string, blob: Buffer, forge: Forge): Promise<Login> {
  const agent = await startForgingAgent(join(folder, `${name}.agent`), blob, forge);
  const file = join(folder, `${name}.pub`);
  await writeFile(file, `${lineOf(type, blob)}\n`);
  try {
    return await login(server, "alice", { file }, { agent: agent.socket });
  } finally {
    await agent.stop();
  }
}

function lineOf(type: string, blob: Buffer): string {
  return `${type} ${blob.toString("base64")} forged`;
}

function codes(line: string): string[] {
  const parsed = parsePublicKey(line);
  return parsed.ok ? weaknesses(parsed.value).map(({ code }) => code) : [];
}
