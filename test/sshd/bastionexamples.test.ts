import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BASTION_EXAMPLES, exampleConfig, known, SFTP_EXAMPLES } from "./example.ts";
import { ExampleCluster } from "./examplecluster.ts";
import { findSSHD, type SSHD } from "./findsshd.ts";
import { ed25519 } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, secretVolume } from "./secretvolume.ts";
import { type SSHDOptions, type SSHDProcess, startSSHD } from "./sshdprocess.ts";

const GUIDE = readFileSync(join(BASTION_EXAMPLES, "..", "..", "docs", "authorizedkeys.md"), "utf8");
const MANIFESTS = [BASTION_EXAMPLES, SFTP_EXAMPLES].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => [file, folder] as const),
);
const TEAMS = ["team-a", "team-b", "team-c"];

let examples: ExampleCluster;
let sshd: SSHD;
let folder: string;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  examples = await ExampleCluster.start([...TEAMS, "bastion", "sftp"], folder);
  cleanups.push(() => examples.stop());
  await examples.label("bastion", { "pod-security.kubernetes.io/warn": "baseline" });
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

test.each(MANIFESTS)("the API server takes %s without a warning", async (file, from) => {
  const { code, stderr } = await examples.apply(file, from);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("jump.yaml keeps to the restricted Pod Security Standard", async () => {
  await examples.label("bastion", { "pod-security.kubernetes.io/warn": "restricted" });
  expect((await examples.apply("accounts.yaml", BASTION_EXAMPLES)).stderr).toContain("would violate");
  expect((await examples.apply("jump.yaml", BASTION_EXAMPLES)).stderr).toBe("");
});

test.each(MANIFESTS)("the guide names %s", (file, from) => {
  expect(GUIDE).toContain(`examples/${from === SFTP_EXAMPLES ? "sftp" : "bastion"}/${file}`);
});

describe("the bastion of three teams, after two applies", () => {
  beforeAll(async () => {
    await examples.apply("teams.yaml", BASTION_EXAMPLES);
    await examples.apply("accounts.yaml", BASTION_EXAMPLES);
  });

  test("lets nobody in before the teams have consented", async () => {
    expect(await examples.files("bastion", "bastion", TEAMS.length)).toEqual({});
  });

  test("and one annotate lets everybody in under their own name, with any of their keys", async () => {
    await examples.share(TEAMS, "bastion");
    const files = await examples.files("bastion", "bastion");
    await withServer("accounts.yaml", BASTION_EXAMPLES, files, people(files), async (server) => {
      const alice = ["alice-laptop", "alice-tablet"].map((name) => ["alice", name] as const);
      for (const [account, name] of [...alice, ["bob", "bob-laptop"], ["carol", "carol-laptop"]] as const)
        expect(await login(server, account, examples.key(name))).toMatchObject({ accepted: true });
      expect(await login(server, "carol", examples.key("bob-laptop"))).toMatchObject({ accepted: false });
    });
  });

  test("lets nobody in as an account that the image has for itself", async () => {
    const key = await ed25519(folder, "games");
    const files = { games: `${key.publicKey}\n` };
    const accounts = { group: "people", accounts: [{ name: "games", isApart: true }] };
    await withServer("accounts.yaml", BASTION_EXAMPLES, files, accounts, async (server) => {
      expect(await login(server, "games", key)).toMatchObject({ accepted: false });
      expect(server.log()).toContain("none of user's groups are listed in AllowGroups");
    });
  });
});

describe("sftp.yaml", () => {
  const open = { command: "sftp", options: ["-s"] };
  let files: Readonly<Record<string, string>>;

  beforeAll(async () => {
    await examples.apply("customers.yaml", SFTP_EXAMPLES);
    await examples.apply("sftp.yaml", SFTP_EXAMPLES);
    files = await examples.files("sftp", "sftp");
  });

  test("serves files to a customer, and runs no command", async () => {
    await withServer("sftp.yaml", SFTP_EXAMPLES, files, people(files), async (server) => {
      const key = examples.key("acme-upload");
      expect(await login(server, "acme", key, open)).toMatchObject({ accepted: true });
      const asked = await login(server, "acme", key, { command: "echo escaped" });
      expect(asked.output).not.toContain("escaped");
      expect(server.log()).toContain("forced-command (config) 'internal-sftp");
    });
  });

  test("takes a customer's key from the addresses only that its own SSHKey names", async () => {
    await withServer("sftp.yaml", SFTP_EXAMPLES, files, people(files), async (server) => {
      expect(await login(server, "globex", examples.key("globex-upload"), open)).toMatchObject({
        accepted: false,
      });
      expect(server.log()).toContain("not from a permitted host");
    });
  });
});

/** An account in the group people for each file, as the loop in the image makes them. */
function people(files: Readonly<Record<string, string>>): Pick<SSHDOptions, "accounts" | "group"> {
  return { accounts: Object.keys(files).map((name) => ({ name })), group: "people" };
}

async function withServer(
  example: string,
  from: string,
  files: Readonly<Record<string, string>>,
  accounts: Pick<SSHDOptions, "accounts" | "group">,
  use: (server: SSHDProcess) => Promise<void>,
): Promise<void> {
  const volume = await secretVolume(join(folder, `volume-${process.hrtime.bigint()}`));
  await volume.update(files);
  const text = await exampleConfig(example, volume.path, from);
  // A sshd without root changes no root folder; test/e2e/sftp.test.ts has one with it.
  const config = text.replace(/^ChrootDirectory .*$/m, "").replace("-d /files", `-d ${folder}`);
  const server = await startSSHD({ sshd, config: known(config, sshd), ...accounts });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}
