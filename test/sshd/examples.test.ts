import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { EXAMPLES, exampleConfig } from "./example.ts";
import { findSSHD, type SSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

const FILES = readdirSync(EXAMPLES);
const GUIDE = readFileSync(join(EXAMPLES, "..", "..", "docs", "mounting.md"), "utf8");

let cluster: Cluster;
let sshd: SSHD;
let folder: string;
let key: KeyPair;
let volume: SecretVolume;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  key = await ed25519(folder, "key");
  volume = await secretVolume(join(folder, "volume"));
  cluster = await sharedCluster();
  cleanups.push(cluster.stop);
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

test.each(FILES)("the API server takes %s without a warning", async (file) => {
  const { code, stderr } = await dryRun(file, await cluster.namespace());
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("devenvironment.yaml keeps to the restricted Pod Security Standard", async () => {
  const namespace = await cluster.namespace();
  const metadata = { labels: { "pod-security.kubernetes.io/warn": "restricted" } };
  await cluster.request("PATCH", `/api/v1/namespaces/${namespace}`, { metadata });
  expect((await dryRun("bastion.yaml", namespace)).stderr).toContain("would violate PodSecurity");
  expect((await dryRun("devenvironment.yaml", namespace)).stderr).toBe("");
});

test.each(FILES)("the guide names %s", (file) => {
  expect(GUIDE).toContain(`examples/mounting/${file}`);
});

test("devenvironment.yaml lets the one user in", async () => {
  await volume.update({ authorized_keys: `${key.publicKey}\n` });
  await withServer("devenvironment.yaml", "alice", async (server) => {
    expect(await login(server, "alice", key)).toMatchObject({ accepted: true, output: "in\n" });
  });
});

test("git.yaml takes the keys of all users as git's, whoever's Secret is missing or empty", async () => {
  const other = await ed25519(folder, "other");
  await volume.update({ alice: `${key.publicKey}\n`, bob: "", carol: `${other.publicKey}\n` });
  await withServer("git.yaml", "git", async (server) => {
    expect(await login(server, "git", key)).toMatchObject({ accepted: true });
    expect(await login(server, "git", other)).toMatchObject({ accepted: true });
  });
});

test("git.yaml lets nobody in when no Secret is there", async () => {
  await volume.update({});
  await withServer("git.yaml", "git", async (server) => {
    expect(await login(server, "git", key)).toMatchObject({ accepted: false });
  });
});

test("sftp.yaml serves files and runs no command", async () => {
  await volume.update({ alice: `${key.publicKey}\n` });
  await withServer("sftp.yaml", "alice", async (server) => {
    const asked = await login(server, "alice", key, { command: "echo escaped" });
    expect(asked).toMatchObject({ accepted: true });
    expect(asked.output).not.toContain("escaped");
    const sftp = await login(server, "alice", key, { command: "sftp", options: ["-s"] });
    expect(sftp).toMatchObject({ accepted: true });
    expect(server.log()).toContain("forced-command (config) 'internal-sftp' for alice");
  });
});

function dryRun(file: string, namespace: string) {
  return cluster.kubectl(["apply", "--dry-run=server", "-n", namespace, "-f", join(EXAMPLES, file)]);
}

async function withServer(
  example: string,
  account: string,
  use: (server: SSHDProcess) => Promise<void>,
): Promise<void> {
  const config = await exampleConfig(example, volume.path);
  const server = await startSSHD({ sshd, config, accounts: [{ name: account }] });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}
