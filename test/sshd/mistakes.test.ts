import { readFileSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ExpiryTimeFormat, renderAuthorizedKey } from "../../src/ssh/authorizedkeys.ts";
import { run } from "../cluster/run.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD, isAtLeast, type SSHD } from "./findsshd.ts";
import { ed25519, type KeyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { openFolder, type SecretVolume, type SecretVolumeOptions, secretVolume } from "./secretvolume.ts";
import { type Account, type SSHDOptions, startSSHD } from "./sshdprocess.ts";

const GUIDE = readFileSync(join(import.meta.dirname, "..", "..", "docs", "mounting.md"), "utf8");

let sshd: SSHD;
let folder: string;
let key: KeyPair;

beforeAll(async () => {
  sshd = await findSSHD();
});

beforeEach(async () => {
  folder = await openFolder();
  key = await ed25519(folder, "key");
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("what works", () => {
  test("the recommended setup", async () => {
    const volume = await volumeWith({ alice: line() });
    expect(await attempt(await exampleConfig("bastion.yaml", volume.path))).toMatchObject({ accepted: true });
  });

  test("AuthorizedKeysFile in the volume with StrictModes off", async () => {
    const volume = await volumeWith({ alice: line() });
    const config = `AuthorizedKeysFile ${volume.path}/%u\nStrictModes no`;
    expect(await attempt(config)).toMatchObject({ accepted: true });
  });

  test("the guide's command for an sshd that reads no time zone: the key is in until its time, then out", async () => {
    const [, command = ""] = /^ *(AuthorizedKeysCommand \/usr\/bin\/sed .*)$/m.exec(GUIDE) ?? [];
    const dated = (expiresAt: number) => line({ options: 'from="127.0.0.1"', expiresAt });
    const day = 86_400_000;
    for (const [days, accepted] of [
      [2, true],
      [-2, false],
    ] as const) {
      const volume = await volumeWith({ alice: dated(Date.now() + days * day) }, {}, `volume${days}`);
      const config = `${command.replaceAll("/keys/", `${volume.path}/`)}\nAuthorizedKeysCommandUser nobody`;
      expect(await attempt(config)).toMatchObject({ accepted });
      const filter = command.split(" ")[2] ?? "";
      const { stdout } = await run("sed", [filter, join(volume.path, "alice")]);
      expect(stdout).toMatch(/^from="127\.0\.0\.1",expiry-time="\d{14}" ssh-ed25519 /);
    }
  });
});

describe("expiry-time without its Z, as secrets.expiryTimeFormat: WithoutZ writes it,", () => {
  const HALF_AN_HOUR = 1_800_000;

  test.each([
    ["counts where sshd runs in UTC: in", "UTC0", HALF_AN_HOUR, true],
    ["counts where sshd runs in UTC: out", "UTC0", -HALF_AN_HOUR, false],
    ["ends too early where clocks are ahead of UTC", "EET-2", HALF_AN_HOUR, false],
    ["ends too late where clocks are behind UTC", "EST5", -HALF_AN_HOUR, true],
  ])("%s", async (_, timeZone, left, accepted) => {
    const volume = await volumeWith({ alice: line({ expiresAt: Date.now() + left }, "WithoutZ") });
    const config = await exampleConfig("bastion.yaml", volume.path);
    expect(await attempt(config, { timeZone })).toMatchObject({ accepted });
  });
});

describe("what does not work, and what sshd logs:", () => {
  test("AuthorizedKeysFile in the volume with StrictModes on", async () => {
    const volume = await volumeWith({ alice: line() });
    const { accepted, log } = await attempt(`AuthorizedKeysFile ${volume.path}/%u\nStrictModes yes`);
    expect(accepted).toBe(false);
    expect(log).toContain("Authentication refused: bad ownership or modes for directory");
  });

  test("a file that the command's user cannot read", async () => {
    // 0200 is to its owner what 0400 is to everyone but its owner.
    const volume = await volumeWith(
      { alice: line() },
      { fileMode: process.getuid?.() === 0 ? 0o400 : 0o200 },
    );
    await expectFailedCommand(volume);
  });

  test("a Secret that is not there", async () => {
    await expectFailedCommand(await volumeWith({ bob: line() }));
  });

  test("an AuthorizedKeysCommand that someone but root may change", async () => {
    const command = join(folder, "keys");
    await writeFile(command, `#!/bin/sh\necho '${line()}'\n`);
    await chmod(command, 0o777);
    const { accepted, log } = await attempt(
      `AuthorizedKeysCommand ${command}\nAuthorizedKeysCommandUser nobody`,
    );
    expect(accepted).toBe(false);
    expect(log).toMatch(/Unsafe AuthorizedKeysCommand ".*": bad ownership or modes for/);
  });

  test("an account that is locked", async () => {
    const volume = await volumeWith({ alice: line() });
    const config = await exampleConfig("bastion.yaml", volume.path);
    const { accepted, log } = await attempt(config, { name: "alice", password: "!" });
    expect(accepted).toBe(false);
    expect(log).toContain("User alice not allowed because account is locked");
  });

  test("no account of that name", async () => {
    const volume = await volumeWith({ alice: line() });
    const config = await exampleConfig("bastion.yaml", volume.path);
    const { accepted, log } = await attempt(config, { name: "carol" });
    expect(accepted).toBe(false);
    expect(log).toContain("Invalid user alice from 127.0.0.1");
  });

  test("a login from another address than the key's", async () => {
    const volume = await volumeWith({ alice: line({ options: 'from="192.0.2.0/24"' }) });
    const { accepted, log } = await attempt(await exampleConfig("bastion.yaml", volume.path));
    expect(accepted).toBe(false);
    expect(log).toContain(
      "Authentication tried for alice with correct key but not from a permitted host (host=127.0.0.1, ip=127.0.0.1",
    );
  });

  test("a host name in from, which sshd does not ask for by default", async () => {
    const volume = await volumeWith({ alice: line({ options: 'from="localhost,*.example.com"' }) });
    const { accepted, log } = await attempt(await exampleConfig("bastion.yaml", volume.path));
    expect(accepted).toBe(false);
    expect(log).toContain("with correct key but not from a permitted host (host=127.0.0.1, ip=127.0.0.1");
  });

  test("a command that the image does not have, as /usr/bin/cat on Alpine", async () => {
    const volume = await volumeWith({ alice: line() });
    const config = await exampleConfig("bastion.yaml", volume.path);
    const { accepted, log } = await attempt(config.replace("/usr/bin/cat", "/usr/bin/nosuchcat"));
    expect(accepted).toBe(false);
    expect(log).toContain('Could not stat AuthorizedKeysCommand "/usr/bin/nosuchcat": No such file');
  });

  test("a key whose time is up", async () => {
    const volume = await volumeWith({
      alice: line({ expiresAt: Date.UTC(2026, 0, 1) - 1000 * 86_400 * 365 }),
    });
    const { accepted, log } = await attempt(await exampleConfig("bastion.yaml", volume.path));
    expect(accepted).toBe(false);
    if (isAtLeast(sshd, 9, 1)) expect(log).toContain("Refused by key options");
  });

  test("a command without AuthorizedKeysCommandUser", async () => {
    await expect(attempt("AuthorizedKeysCommand /usr/bin/cat /keys/%u")).rejects.toThrow(
      "AuthorizedKeysCommand set without AuthorizedKeysCommandUser",
    );
  });
});

async function expectFailedCommand(volume: SecretVolume): Promise<void> {
  const { accepted, log } = await attempt(await exampleConfig("bastion.yaml", volume.path));
  expect(accepted).toBe(false);
  expect(log).toContain(`AuthorizedKeysCommand /usr/bin/cat ${volume.path}/alice failed, status 1`);
}

type TimeZone = Pick<SSHDOptions, "timeZone">;

/** One login as alice. */
async function attempt(config: string, { timeZone, ...account }: Partial<Account> & TimeZone = {}) {
  const accounts = [{ name: "alice", ...account }];
  const server = await startSSHD({ sshd, config, accounts, ...(timeZone === undefined ? {} : { timeZone }) });
  try {
    const { accepted } = await login(server, "alice", key);
    return { accepted, log: server.log() };
  } finally {
    await server.stop();
  }
}

function line(
  part: { readonly options?: string; readonly expiresAt?: number } = {},
  format?: ExpiryTimeFormat,
): string {
  const [, base64 = ""] = key.publicKey.split(" ");
  const written = {
    options: "",
    type: "ssh-ed25519",
    base64,
    comment: "team-a/alice-laptop",
    ...part,
  } as const;
  return `${renderAuthorizedKey(written, format)}\n`;
}

async function volumeWith(
  files: Record<string, string>,
  o?: SecretVolumeOptions,
  name = "volume",
): Promise<SecretVolume> {
  const volume = await secretVolume(join(folder, name), o);
  await volume.update(files);
  return volume;
}
