import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KEY_TYPES } from "../../src/ssh/keytype.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD } from "./findsshd.ts";
import { type KeyPair, keyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { type Projection, startProjection } from "./projection.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

/** All that ssh-keygen makes without a security key at hand; an ssh-keygen knows the older or the newer of them. */
const TYPES: readonly (readonly string[])[] = [
  ["ed25519"],
  ["rsa", "-b", "2048"],
  ["rsa", "-b", "3072"],
  ["rsa", "-b", "4096"],
  ["ecdsa", "-b", "256"],
  ["ecdsa", "-b", "384"],
  ["ecdsa", "-b", "521"],
  ["dsa"],
  ["mldsa44-ed25519"],
];
const MADE_BY_ALL = 7;

let folder: string;
let projection: Projection;
let volume: SecretVolume;
let server: SSHDProcess;
const pairs: { readonly name: string; readonly pair: KeyPair }[] = [];
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  projection = await startProjection(`policy: { allowedTypes: [${KEY_TYPES.join(", ")}] }\n`);
  cleanups.push(projection.stop);
  for (const [index, type] of TYPES.entries()) {
    const pair = await keyPair(folder, `key-${index}`, type);
    if (pair !== undefined) pairs.push({ name: `key-${index}`, pair });
  }
  volume = await secretVolume(join(folder, "volume"));
  const config = await exampleConfig("bastion.yaml", volume.path);
  server = await startSSHD({
    sshd,
    config: `${acceptedAlgorithms()}${config}`,
    accounts: [{ name: "alice" }],
  });
  cleanups.push(server.stop);
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

test("a key of each type that ssh-keygen makes logs in, all of them in one file", async () => {
  expect(pairs.length).toBeGreaterThanOrEqual(MADE_BY_ALL);
  for (const { name, pair } of pairs) {
    await projection.put(name, { user: "alice", key: pair.publicKey }, "Projected");
  }
  await volume.update({ alice: (await projection.file("alice")) ?? "" });
  const refused: string[] = [];
  for (const { name, pair } of pairs) {
    const { accepted } = await login(server, "alice", pair, { options: clientAlgorithms() });
    if (!accepted) refused.push(`${name} ${pair.publicKey.split(" ")[0]}`);
  }
  expect(refused).toEqual([]);
});

/** OpenSSH takes no DSA unless told to, and is told in vain once it cannot make it either. */
function makesDSA(): boolean {
  return pairs.some(({ pair }) => pair.publicKey.startsWith("ssh-dss "));
}

function acceptedAlgorithms(): string {
  return makesDSA() ? "PubkeyAcceptedAlgorithms +ssh-dss\n" : "";
}

function clientAlgorithms(): string[] {
  return makesDSA() ? ["-o", "PubkeyAcceptedAlgorithms=+ssh-dss"] : [];
}
