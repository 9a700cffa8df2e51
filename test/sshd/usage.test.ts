import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { Bastion, type ReportedKey, storedKey, today } from "../usage/bastion.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

let cluster: Cluster;
let bastion: Bastion;
let folder: string;
let server: SSHDProcess;
let keys: Record<"used" | "refused", KeyPair>;

beforeAll(async () => {
  cluster = await sharedCluster();
  bastion = await Bastion.open(cluster);
  folder = await openFolder();
  keys = { used: await ed25519(folder, "used"), refused: await ed25519(folder, "refused") };
  const volume = await secretVolume(join(folder, "volume"));
  await volume.update({ alice: `${keys.used.publicKey}\n` });
  const config = await exampleConfig("bastion.yaml", volume.path);
  server = await startSSHD({ sshd: await findSSHD(), config, accounts: [{ name: "alice" }] });
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
  await cluster?.stop();
});

test("the log of a real sshd says which key logged in, and nothing of one that it refused", async () => {
  const stored = (name: "used" | "refused"): Promise<ReportedKey> =>
    storedKey(cluster, bastion.namespace, name, { key: keys[name].publicKey });
  const [used, refused] = [await stored("used"), await stored("refused")];
  for (const key of [keys.used, keys.refused]) await login(server, "alice", key);
  await bastion.usage(server.log().split("\n"));
  expect([(await used.lastUsed())?.time, await refused.lastUsed()]).toEqual([today(), undefined]);
});
