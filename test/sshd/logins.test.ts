import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KEY_TYPES } from "../../src/ssh/keytype.ts";
import { eventually } from "../cluster/eventually.ts";
import { exampleConfig } from "./example.ts";
import { findSSHD, isAtLeast, type SSHD } from "./findsshd.ts";
import { ed25519, type KeyPair, keyPair } from "./keypair.ts";
import { login } from "./login.ts";
import { type Projection, startProjection } from "./projection.ts";
import { openFolder, type SecretVolume, secretVolume } from "./secretvolume.ts";
import { type SSHDProcess, startSSHD } from "./sshdprocess.ts";

const USERS = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kate"];

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
let sshd: SSHD;
let projection: Projection;
let volume: SecretVolume;
let server: SSHDProcess;
const pairs: { readonly name: string; readonly pair: KeyPair }[] = [];
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  sshd = await findSSHD();
  folder = await openFolder();
  cleanups.push(() => rm(folder, { recursive: true }));
  projection = await startProjection(`policy: { allowedTypes: [${KEY_TYPES.join(", ")}] }\n`);
  cleanups.push(projection.stop);
  volume = await secretVolume(join(folder, "volume"));
  for (const [index, type] of TYPES.entries()) {
    const pair = await keyPair(folder, `key-${index}`, type);
    if (pair !== undefined) pairs.push({ name: `key-${index}`, pair });
  }
  const config = `${acceptedAlgorithms()}${await exampleConfig("bastion.yaml", volume.path)}`;
  server = await startSSHD({ sshd, config, accounts: USERS.map((name) => ({ name })) });
  cleanups.push(server.stop);
});

afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

test("an accepted key logs in", async () => {
  const key = await accepted("alice", "alice-laptop");
  expect(await login(server, "alice", key)).toMatchObject({ accepted: true, output: "in\n" });
});

test("a key of each type that ssh-keygen makes logs in, all of them in one file", async () => {
  expect(pairs.length).toBeGreaterThanOrEqual(MADE_BY_ALL);
  for (const { name, pair } of pairs) {
    await projection.put(name, { user: "kate", key: pair.publicKey }, "Projected");
  }
  await mount();
  const refused: string[] = [];
  for (const { name, pair } of pairs) {
    const { accepted } = await login(server, "kate", pair, { options: clientAlgorithms() });
    if (!accepted) refused.push(`${name} ${pair.publicKey.split(" ")[0]}`);
  }
  expect(refused).toEqual([]);
});

test("a key opens no account but its user's", async () => {
  await accepted("bob", "bob-own");
  const key = await accepted("carol", "carol-own");
  expect(await login(server, "bob", key)).toMatchObject({ accepted: false });
});

test("a user without a Secret is refused while others log in", async () => {
  const key = await ed25519(folder, "nothing");
  await mount();
  expect(await projection.file("dave")).toBeUndefined();
  expect(await login(server, "dave", key)).toMatchObject({ accepted: false });
});

describe("a key that is taken back", () => {
  test("no longer logs in after the update of the volume, while the user's other key does", async () => {
    const key = await accepted("erin", "erin-old");
    const other = await accepted("erin", "erin-new");
    expect(await login(server, "erin", key)).toMatchObject({ accepted: true });
    await projection.remove("erin-old", "erin", 1);
    await mount();
    expect(await login(server, "erin", key)).toMatchObject({ accepted: false });
    expect(await login(server, "erin", other)).toMatchObject({ accepted: true });
  });

  test("leaves an empty file that lets nobody in when it was the last", async () => {
    const key = await accepted("frank", "frank-only");
    await projection.remove("frank-only", "frank", 0);
    await mount();
    expect(await projection.file("frank")).toBe("");
    expect(await login(server, "frank", key)).toMatchObject({ accepted: false });
  });

  test("does not end a session that is open", async () => {
    const key = await accepted("grace", "grace-session");
    const begun = () => server.log().includes("Starting session: command for grace");
    const go = join(folder, "go");
    const command = `for i in $(seq 300); do test -e ${go} && break; sleep 0.1; done; echo still in`;
    const session = login(server, "grace", key, { command });
    try {
      await eventually("the session is open", begun);
      await projection.remove("grace-session", "grace", 0);
      await mount();
      expect(await login(server, "grace", key)).toMatchObject({ accepted: false });
    } finally {
      await writeFile(go, "");
      expect(await session).toMatchObject({ accepted: true, output: "still in\n" });
    }
  });
});

describe("a key that is not accepted never logs in:", () => {
  test("disabled", async () => {
    const key = await accepted("heidi", "heidi-disabled");
    await projection.put("heidi-disabled", { user: "heidi", key: key.publicKey, disabled: true }, "Disabled");
    await mount();
    expect(await login(server, "heidi", key)).toMatchObject({ accepted: false });
  });

  test("a duplicate of another user's, until that one is gone", async () => {
    const key = await accepted("bob", "bob-shared");
    await accepted("heidi", "heidi-own");
    const made = Math.floor(Date.now() / 1000);
    // Times of creation are whole seconds, and the older of two SSHKeys keeps the key.
    await eventually("the next second", () => Math.floor(Date.now() / 1000) > made);
    await projection.put("heidi-copy", { user: "heidi", key: key.publicKey }, "Duplicate");
    await mount();
    expect(await login(server, "heidi", key)).toMatchObject({ accepted: false });
    await projection.remove("bob-shared", "heidi", 2);
    await mount();
    expect(await login(server, "heidi", key)).toMatchObject({ accepted: true });
  });

  test("invalid, though sshd would take its beginning", async () => {
    const key = await ed25519(folder, "ivan-invalid");
    const [type, base64] = key.publicKey.split(" ");
    const several = `${type} ${base64} ${type} ${base64}`;
    await projection.put("ivan-invalid", { user: "ivan", key: several }, "Invalid");
    await mount();
    expect(await login(server, "ivan", key)).toMatchObject({ accepted: false });
  });

  test("weak, though sshd would take it", async () => {
    const key = await keyPair(folder, "ivan-weak", ["rsa", "-b", "1536"]);
    if (key === undefined) throw new Error("this ssh-keygen makes no RSA keys");
    await projection.put("ivan-weak", { user: "ivan", key: key.publicKey }, "Weak");
    await mount();
    expect(await login(server, "ivan", key)).toMatchObject({ accepted: false });
  });

  test("expired", async () => {
    const key = await ed25519(folder, "ivan-expired");
    const spec = { user: "ivan", key: key.publicKey, expiresAt: "2020-01-01T00:00:00Z" };
    await projection.put("ivan-expired", spec, "Expired");
    await mount();
    expect(await login(server, "ivan", key)).toMatchObject({ accepted: false });
  });
});

/** Last, since nothing brings the operator back. */
test("sshd refuses a key from its expiry on when the operator is dead and the file still holds it", async () => {
  const [lasting, key] = [await ed25519(folder, "judy-lasting"), await ed25519(folder, "judy-expiring")];
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const spec = { user: "judy", expiresAt: inAnHour };
  await projection.put("judy-lasting", { ...spec, key: lasting.publicKey }, "Projected");
  await projection.put("judy-expiring", { ...spec, key: key.publicKey }, "Projected");
  const expiresAt = new Date(Date.now() + 6_000).toISOString();
  await projection.put("judy-expiring", { ...spec, key: key.publicKey, expiresAt }, "Projected");
  await projection.killOperator();
  await mount();
  const file = await projection.file("judy");
  // Before 9.1 sshd reads no expiry-time in UTC and drops the line from the start (parse_absolute_time).
  expect(await login(server, "judy", lasting)).toMatchObject({ accepted: isAtLeast(sshd, 9, 1) });
  await eventually("the key is refused", async () => !(await login(server, "judy", key)).accepted);
  expect(Date.now()).toBeGreaterThanOrEqual(isAtLeast(sshd, 9, 1) ? Date.parse(expiresAt) - 1000 : 0);
  expect(await projection.file("judy")).toBe(file);
});

/** A new key of the user's that the operator has projected and that stands in the volume. */
async function accepted(user: string, name: string): Promise<KeyPair> {
  const key = await ed25519(folder, name);
  await projection.put(name, { user, key: key.publicKey }, "Projected");
  await mount();
  return key;
}

/** Does what kubelet does: the volume holds what the Secrets hold at this moment. */
async function mount(): Promise<void> {
  const files: Record<string, string> = {};
  for (const user of USERS) {
    const file = await projection.file(user);
    if (file !== undefined) files[user] = file;
  }
  await volume.update(files);
}

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
