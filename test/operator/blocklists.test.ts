import { createPrivateKey, createPublicKey } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blobOfKeyObject } from "../../src/ssh/keyobject.ts";
import { closePrimes, honest, type MadeKey, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { freshKey, freshRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf, type Tenant } from "./tenant.ts";

let stage: Stage;
let folder: string;
let tenant: Tenant;
const [leaked, kept] = [freshKey(), freshKey()];
let fingerprint = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blocklists-"));
  stage = await Stage.open();
  await stage.run({ config: `blocklists: ${folder}` });
  tenant = await stage.tenant();
  await tenant.create("leaked", { user: "alice", key: leaked });
  await tenant.create("kept", { user: "alice", key: kept });
  ({ fingerprint = "" } = await tenant.until("leaked", "Projected"));
  await tenant.until("kept", "Projected");
});

afterAll(async () => {
  await stage.close();
  await rm(folder, { recursive: true });
});

/** From one moment to the next, as a mounted volume changes. */
async function put(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(folder, `.${name}`), content);
  await rename(join(folder, `.${name}`), join(folder, name));
}

const line = (key: MadeKey) => `ssh-rsa ${rsaBlob(key).toString("base64")}`;

const isOut = async () => {
  await tenant.until("leaked", "Compromised");
  await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept)]);
};

describe("a list of compromised keys", () => {
  test("takes a key out without a restart, and the status says why and what to do", async () => {
    await put("published.txt", `# reason: PublishedKey\n${fingerprint}\n`);
    await isOut();
    const message = readyOf(await tenant.until("leaked", "Compromised"))?.message;
    expect(message).toMatch(/has been published.*make a new key with: .*remove this one everywhere else/);
  });

  test("holds after a restart, and for SSHKeys that are made later", async () => {
    await stage.run({ config: `blocklists: ${folder}` });
    await isOut();
    const other = await stage.tenant();
    await other.create("leaked", { user: "bob", key: leaked });
    await other.until("leaked", "Compromised");
    expect(await other.secrets()).toEqual([]);
  });

  test("holds as it was while its file is broken, which is told", async () => {
    await put("published.txt", Buffer.from("sshkey-operator blocklist 1\n{"));
    await stage.operator.logged("BlocklistUnreadable", ({ list }) => list === "published.txt");
    await stage.allIsHandled();
    await isOut();
    const { value } = await stage.operator.scrape();
    expect(value("sshkey_operator_blocklist_unreadable", { list: "published.txt" })).toBe(1);
  });

  test("puts a key back when its file is removed, which is told", async () => {
    await rm(join(folder, "published.txt"));
    await stage.operator.logged("BlocklistGone", ({ list }) => list === "published.txt");
    await tenant.until("leaked", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", kept), tenant.line("leaked", leaked)]);
  });

  test("is counted", async () => {
    await put("some.txt", `${fingerprint}\n`);
    await isOut();
    const { value } = await stage.operator.scrape();
    expect(value("sshkey_operator_blocklist_keys", { list: "some.txt" })).toBe(1);
    await rm(join(folder, "some.txt"));
    await tenant.until("leaked", "Projected");
  });
});

describe("an RSA key", () => {
  test("whose primes are close to each other never gets into the Secret", async () => {
    const alone = await stage.tenant();
    await alone.create("weak", { user: "carol", key: line(closePrimes(2048, 2n)) });
    const status = await alone.until("weak", "Compromised");
    expect(readyOf(status)?.message).toContain("so close to each other");
    expect(status.conditions?.find(({ type }) => type === "Valid")?.status).toBe("True");
    expect(await alone.secrets()).toEqual([]);
  });

  test("with a prime that becomes public goes out", async () => {
    const known = honest(2048);
    await tenant.create("rsa", { user: "dave", key: line(known) });
    await tenant.until("rsa", "Projected");
    const bytes = Buffer.from(known.modulus.toString(16).padStart(512, "0"), "hex").reverse();
    await put("primes2048.dat", Buffer.concat([Buffer.of(1, 1), bytes]));
    await tenant.until("rsa", "Compromised");
    await tenant.untilFile("sshkeys-dave", []);
  });

  test("that was in force stays in its Secret through a restart", async () => {
    const alone = await stage.tenant();
    const key = freshRSAKey(2048);
    await alone.create("rsa", { user: "erin", key });
    await alone.until("rsa", "Projected");
    const before = await alone.secret("sshkeys-erin");
    await stage.run({ config: `blocklists: ${folder}` });
    await stage.allIsHandled();
    expect((await alone.secret("sshkeys-erin"))?.metadata.resourceVersion).toBe(
      before?.metadata.resourceVersion,
    );
  });
});

test("a key that the product knows itself is compromised without any list", async () => {
  await tenant.create("trivial", { user: "frank", key: keyOfSeed(Buffer.alloc(32)) });
  const status = await tenant.until("trivial", "Compromised");
  expect(readyOf(status)?.message).toContain("anybody tries first");
});

/** RFC 8410 section 7: a PKCS #8 private key of Ed25519 is this, then the seed. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function keyOfSeed(seed: Buffer): string {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const blob = blobOfKeyObject(createPublicKey(privateKey)) ?? Buffer.alloc(0);
  return `ssh-ed25519 ${blob.toString("base64")}`;
}
