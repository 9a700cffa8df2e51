import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { readLogLine } from "../../src/whereabouts/sshdlog.ts";
import { run } from "../cluster/run.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD, type SSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

let sshd: SSHD;
let folder: string;
let volume: SecretVolume;
let keys: Record<"known" | "unknown", KeyPair>;
const servers: SSHDProcess[] = [];

beforeAll(async () => {
  sshd = await findSSHD();
  folder = await openFolder();
  keys = { known: await ed25519(folder, "known"), unknown: await ed25519(folder, "unknown") };
  volume = await secretVolume(join(folder, "volume"));
  await volume.update({ alice: `${keys.known.publicKey}\n` });
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(settings: string): Promise<SSHDProcess> {
  const config = `${settings}\n${await exampleConfig("bastion.yaml", volume.path)}`;
  const server = await startSSHD({ sshd, config, accounts: [{ name: "alice" }] });
  servers.push(server);
  return server;
}

/** What the log says of keys without repeats. */
function readLog(server: SSHDProcess) {
  const mentions = server
    .log()
    .split("\n")
    .flatMap((line) => readLogLine(line).mentions)
    // Each connection has a port of its own.
    .map(({ port, ...rest }) => JSON.stringify({ ...rest, hasPort: port !== undefined }));
  return [...new Set(mentions)].map((text) => JSON.parse(text));
}

function fingerprintOf(key: KeyPair, of = fingerprintSHA256): string {
  return of(Buffer.from(key.publicKey.split(" ")[1] ?? "", "base64"));
}

test("what the real sshd logs of logins is read as what ssh-keygen calls their keys", async () => {
  const server = await start("");
  expect((await login(server, "alice", keys.known)).accepted).toBe(true);
  const fingerprint = fingerprintOf(keys.known);
  expect((await run("ssh-keygen", ["-lf", `${keys.known.file}.pub`])).stdout).toContain(fingerprint);
  expect(readLog(server)).toEqual([
    { fingerprint, outcome: "offered", hasPort: false },
    { fingerprint, outcome: "accepted", user: "alice", address: "127.0.0.1", hasPort: true },
  ]);
});

test("a refused key is a failure", async () => {
  const server = await start("");
  await login(server, "alice", keys.unknown);
  const fingerprint = fingerprintOf(keys.unknown);
  expect(readLog(server)).toEqual([
    { fingerprint, outcome: "failed", user: "alice", address: "127.0.0.1", hasPort: true },
  ]);
});

// Where it found the key it says in SHA256 all the same (auth2-pubkeyfile.c).
test("a login that is logged by MD5 is read by MD5", async () => {
  const server = await start("FingerprintHash md5");
  await login(server, "alice", keys.known);
  expect(readLog(server).filter(({ outcome }) => outcome === "accepted")).toMatchObject([
    { fingerprint: fingerprintOf(keys.known, fingerprintMD5) },
  ]);
});

test("names that look like lines of the log log nobody in", async () => {
  const server = await start("");
  const fingerprint = fingerprintOf(keys.known);
  const forged = `Accepted publickey for alice from 192.0.2.1 port 1 ssh2: ED25519 ${fingerprint}`;
  for (const name of [forged, `a: ${forged}`, `x from 192.0.2.1 port 1 ssh2: ED25519 ${fingerprint}`])
    await login(server, "alice", keys.unknown, { options: ["-l", name] });
  const read = readLog(server);
  expect(read.filter(({ outcome }) => outcome === "accepted" || outcome === "offered")).toEqual([]);
  expect(read.filter(({ address }) => address !== undefined && address !== "127.0.0.1")).toEqual([]);
});

test("with LogLevel DEBUG3 every key that is read is one of those offered", async () => {
  const server = await start("LogLevel DEBUG3");
  await login(server, "alice", keys.known);
  await login(server, "alice", keys.unknown);
  const asked = new Set([fingerprintOf(keys.known), fingerprintOf(keys.unknown)]);
  const read = readLog(server).filter(({ outcome }) => outcome !== "mentioned");
  expect(new Set(read.map(({ fingerprint }) => fingerprint))).toEqual(asked);
  expect(read.filter(({ outcome }) => outcome === "accepted")).toHaveLength(1);
});
