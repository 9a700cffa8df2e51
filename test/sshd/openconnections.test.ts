import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";
import { type Finished, run } from "../cluster/run.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD, isAtLeast, type SSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

/** What docs/authorizedkeys.md says of connections that are open when a key is revoked. */
let folder: string;
let sshd: SSHD;
let key: KeyPair;
let volume: SecretVolume;

beforeAll(async () => {
  sshd = await findSSHD();
  folder = await openFolder();
  key = await ed25519(folder, "key");
  volume = await secretVolume(join(folder, "volume"));
});

afterAll(() => rm(folder, { recursive: true }));

test("a multiplexed master opens new sessions after its key is revoked", async () => {
  await withMaster("", async (master, server) => {
    await volume.update({ alice: "" });
    expect(await login(server, "alice", key)).toMatchObject({ accepted: false });
    expect(await master.session()).toMatchObject({ code: 0, stdout: "in\n" });
  });
});

test("with UnusedConnectionTimeout a master without a session is ended", async () => {
  const isEnded = withMaster("UnusedConnectionTimeout 1s", async (master) => {
    await volume.update({ alice: "" });
    await master.child.exited;
    expect(await master.session()).toMatchObject({ code: 255 });
  });
  await unlessTooOld(isEnded);
});

test("with ChannelTimeout a session without traffic is ended", async () => {
  const isEnded = withMaster("ChannelTimeout session:*=1s", async (_, server) => {
    const idle = login(server, "alice", key, { command: "echo begun; exec sleep 600" });
    expect(await idle).toMatchObject({ accepted: true, output: "begun\n" });
  });
  await unlessTooOld(isEnded);
});

test("with MaxSessions 1 a connection has one session at a time", async () => {
  await withMaster("MaxSessions 1", async (master, server) => {
    const end = join(folder, "end");
    const first = master.begin(`until [ -e ${end} ]; do sleep 0.1; done`);
    await eventually("the first session has begun", () =>
      server.log().includes("Starting session: command for alice"),
    );
    expect((await master.session()).code).not.toBe(0);
    await writeFile(end, "");
    await first.exited;
    await eventually("the next session begins", async () => (await master.session()).code === 0);
  });
});

/** Before 9.2 sshd does not start with these settings. */
async function unlessTooOld(isEnded: Promise<void>): Promise<void> {
  if (isAtLeast(sshd, 9, 2)) await isEnded;
  else await expect(isEnded).rejects.toThrow("Bad configuration option");
}

interface Master {
  readonly child: Child;
  /** Asks for a session over the connection that is there, and for no other connection. */
  session(): Promise<Finished>;
  /** Begins one that lasts. */
  begin(command: string): Child;
}

async function withMaster(
  settings: string,
  use: (master: Master, server: SSHDProcess) => Promise<void>,
): Promise<void> {
  await volume.update({ alice: `${key.publicKey}\n` });
  const config = `${settings}\n${await exampleConfig("bastion.yaml", volume.path)}`;
  const server = await startSSHD({ sshd, config, accounts: [{ name: "alice" }] });
  const control = join(folder, `control-${server.port}`);
  const own = ["BatchMode=yes", "IdentityAgent=none", `UserKnownHostsFile=${server.knownHosts}`];
  const common = [
    "-F",
    "none",
    "-S",
    control,
    "-p",
    `${server.port}`,
    ...own.flatMap((each) => ["-o", each]),
  ];
  const spawn = (name: string, args: readonly string[]) =>
    spawnChild({ name, command: "ssh", args: [...common, ...args], logFile: join(folder, `${name}.log`) });
  const child = spawn("master", ["-M", "-N", "-i", key.file, "alice@127.0.0.1"]);
  const overMaster = ["-o", "ProxyCommand=false", "alice@127.0.0.1"];
  const children = [child];
  try {
    await eventually("the master is connected", async () => {
      return (await run("ssh", [...common, "-O", "check", "alice@127.0.0.1"])).code === 0;
    });
    const begin = (command: string) => {
      const begun = spawn("session", [...overMaster, command]);
      children.push(begun);
      return begun;
    };
    await use({ child, begin, session: () => run("ssh", [...common, ...overMaster, "echo in"]) }, server);
  } finally {
    await Promise.all(children.map((each) => each.stop()));
    await server.stop();
  }
}
