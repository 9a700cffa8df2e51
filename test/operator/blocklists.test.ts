import { createPrivateKey, createPublicKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blobOfKeyObject } from "../../src/ssh/keyobject.ts";
import { inTurns } from "../cluster/inturns.ts";
import type { LogLine } from "../cluster/operatorprocess.ts";
import { closePrimes, honest, type MadeKey, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { Leak } from "./leak.ts";
import { freshKey, freshRSAKey } from "./publickeys.ts";
import type { Stage } from "./stage.ts";
import { readyOf, type Tenant } from "./tenant.ts";

let leak: Leak;
let stage: Stage;
let tenant: Tenant;
let fingerprint: string;

beforeAll(async () => {
  leak = await Leak.open({ config: (folder) => `blocklists: ${folder}`, state: "Compromised" });
  ({ stage, tenant } = leak);
  fingerprint = await leak.fingerprint();
});

afterAll(async () => {
  await leak.close();
});

/** A list of public primes that are those of this key. */
const known = honest(2048);
const primes = Buffer.concat([
  Buffer.of(1, 1),
  Buffer.from(known.modulus.toString(16).padStart(512, "0"), "hex").reverse(),
]);

const line = (key: MadeKey) => `ssh-rsa ${rsaBlob(key).toString("base64")}`;

describe("a list of compromised keys", () => {
  test("takes a key out without a restart, and the status says why and what to do", async () => {
    await leak.put("published.txt", `# reason: PublishedKey\n${fingerprint}\n`);
    const message = readyOf(await leak.untilOut())?.message;
    expect(message).toMatch(/has been published.*make a new key with: .*remove this one everywhere else/);
  });

  test("holds after a restart, and for SSHKeys that are made later", async () => {
    await leak.restart();
    await leak.untilOut();
    await leak.staysOut();
  });

  test("holds as it was while its file is broken, which is told", async () => {
    await leak.put("published.txt", Buffer.from("sshkey-operator blocklist 1\n{"));
    await stage.operator.logged("BlocklistUnreadable", ({ list }) => list === "published.txt");
    await stage.allIsHandled();
    await leak.untilOut();
    const { value } = await stage.operator.scrape();
    expect(value("sshkey_operator_blocklist_unreadable", { list: "published.txt" })).toBe(1);
  });

  test("of primes takes an RSA key out that has one of them", async () => {
    await tenant.create("rsa", { user: "dave", key: line(known) });
    await tenant.until("rsa", "Projected");
    await leak.put("primes2048.dat", primes);
    await tenant.until("rsa", "Compromised");
    await tenant.untilFile("sshkeys-dave", []);
  });

  test("that is broken at a restart puts no key back that was out, and the status says so", async () => {
    await leak.put("primes2048.dat", "broken");
    await leak.restart();
    await stage.allIsHandled();
    await tenant.until("leaked", "Compromised", (status) =>
      /cannot be read since the operator was started/.test(readyOf(status)?.message ?? ""),
    );
    await leak.untilOut();
  });

  test("puts a key back when its file is removed, which is told, and none is unread", async () => {
    await leak.put("primes2048.dat", primes);
    await leak.remove("published.txt");
    await stage.operator.logged("BlocklistGone", ({ list }) => list === "published.txt");
    await leak.untilBack();
  });

  test("of primes that was broken at a restart lets nobody in when it is whole again", async () => {
    await tenant.until("rsa", "Compromised", (status) => readyOf(status)?.message.includes("prime") === true);
    await stage.allIsHandled();
    expect(await accessChangesOf({ user: "dave" })).toEqual([]);
  });

  test("is counted", async () => {
    await leak.put("some.txt", `${fingerprint}\n`);
    await leak.untilOut();
    const { value } = await stage.operator.scrape();
    expect(value("sshkey_operator_blocklist_keys", { list: "some.txt" })).toBe(1);
    await leak.remove("some.txt");
    await leak.untilBack();
  });
});

test("a key that comes onto a list gets into no Secret of whoever has it after its holder", async () => {
  const people = await stage.tenant();
  const key = freshKey();
  await people.create("holder", { user: "alice", key });
  const held = await people.until("holder", "Projected");
  await people.untilYounger();
  // So many that they are not judged in one go.
  const other = { user: "carol", disabled: true };
  await inTurns(300, 16, (i) => people.create(`other-${i}`, { ...other, key: freshKey() }));
  await people.create("next", { user: "bob", key });
  await people.until("next", "Duplicate");
  await leak.put("held.txt", `${held.fingerprint}\n`);
  for (const name of ["holder", "next"]) await people.until(name, "Compromised");
  await stage.allIsHandled();
  const { namespace } = people;
  expect(await accessChangesOf({ namespace })).toEqual(["alice added", "alice removed"]);
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

  test("that was in force stays in its Secret through a restart", async () => {
    const alone = await stage.tenant();
    const key = freshRSAKey(2048);
    await alone.create("rsa", { user: "erin", key });
    await alone.until("rsa", "Projected");
    const before = await alone.secret("sshkeys-erin");
    await leak.restart();
    await stage.allIsHandled();
    expect((await alone.secret("sshkeys-erin"))?.metadata.resourceVersion).toBe(
      before?.metadata.resourceVersion,
    );
  });
});

/** Since the operator was started. */
async function accessChangesOf(whose: { readonly namespace?: string; readonly user?: string }) {
  const isTheirs = (line: LogLine) =>
    Object.entries({ event: "AccessChanged", ...whose }).every(([name, value]) => line[name] === value);
  return (await stage.operator.log()).filter(isTheirs).map(({ user, change }) => `${user} ${change}`);
}

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
