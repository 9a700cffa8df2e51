import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASTION_EXAMPLES, exampleConfig, known } from "./example.ts";
import { findSSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { type Login, login } from "./login.ts";
import { openFolder, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

/** What docs/authorizedkeys.md says of big files and of agents with many keys. */
const LINES = 5000;
const MAX_AUTH_TRIES = 6;

let folder: string;
let server: SSHDProcess;
let key: KeyPair;
let wrong: readonly KeyPair[];

beforeAll(async () => {
  const sshd = await findSSHD();
  folder = await openFolder();
  key = await ed25519(folder, "key");
  wrong = await Promise.all(
    Array.from({ length: MAX_AUTH_TRIES }, (_, index) => ed25519(folder, `wrong-${index}`)),
  );
  const options = "restrict,port-forwarding";
  const others = Array.from({ length: LINES - 1 }, () => `${options} ${anyKey()} people/somebody\n`);
  const volume = await secretVolume(join(folder, "volume"));
  await volume.update({ authorized_keys: `${others.join("")}${options} ${key.publicKey}\n` });
  const config = await exampleConfig("jump.yaml", volume.path, BASTION_EXAMPLES);
  server = await startSSHD({ sshd, config: known(config, sshd), accounts: [{ name: "jump" }] });
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

test("the key in the last of 5,000 lines logs in, after five that are not in the file", async () => {
  expect(await offering(MAX_AUTH_TRIES - 1)).toMatchObject({ accepted: true });
});

test("behind six others it is not even looked at, and sshd says so", async () => {
  await expect(offering(MAX_AUTH_TRIES)).rejects.toThrow("Too many authentication failures");
  expect(server.log()).toContain("maximum authentication attempts exceeded");
});

/** Logs in with so many wrong keys before the right one. */
function offering(count: number): Promise<Login> {
  const [first = key, ...others] = [...wrong.slice(0, count), key];
  const identities = others.flatMap(({ file }) => ["-i", file]);
  return login(server, "jump", first, { options: identities });
}

function anyKey(): string {
  const [type, bytes] = [Buffer.from("ssh-ed25519"), randomBytes(32)];
  const blob = [type, bytes].flatMap((part) => [lengthOf(part), part]);
  return `ssh-ed25519 ${Buffer.concat(blob).toString("base64")}`;
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}
