import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKey, SSHKeySpec, SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import type { State } from "../../src/api/states.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { altered, freshDSSKey, freshKey, freshKeysOfEveryType, freshRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

const text = (value: string) => Buffer.from(value);
const rsaOf = (exponent: Buffer, modulus: Buffer) =>
  `ssh-rsa ${encodeStrings([text("ssh-rsa"), exponent, modulus]).toString("base64")}`;
const p256Of = (curve: string, point: Buffer) =>
  `ecdsa-sha2-nistp256 ${encodeStrings([text("ecdsa-sha2-nistp256"), text(curve), point]).toString("base64")}`;
const e = Buffer.of(1, 0, 1);
const point = (first: number, rest: number) => Buffer.concat([Buffer.of(first), Buffer.alloc(64, rest)]);

/** What the CRD lets through and the operator refuses, by the code of what was found, which is the reason of Valid. */
const REFUSED: readonly (readonly [code: string, state: State, spec: Omit<SSHKeySpec, "user">])[] = [
  ["Truncated", "Invalid", { key: altered(freshKey(), (blob) => blob.subarray(0, 21)) }],
  ["TypeMismatch", "Invalid", { key: freshKey().replace("ssh-ed25519", "ssh-rsa") }],
  ["UnknownType", "Invalid", { key: `ssh-none ${encodeStrings([text("ssh-none")]).toString("base64")}` }],
  ["Certificate", "Invalid", { key: certificate("ssh-ed25519-cert-v01@openssh.com") }],
  ["BadBase64", "Invalid", { key: `${freshKey()}A` }],
  [
    "TrailingBytes",
    "Invalid",
    { key: altered(freshKey(), (blob) => Buffer.concat([blob, Buffer.alloc(3)])) },
  ],
  [
    "BadKeyLength",
    "Invalid",
    { key: `ssh-ed25519 ${encodeStrings([text("ssh-ed25519"), Buffer.alloc(31)]).toString("base64")}` },
  ],
  ["NegativeInteger", "Invalid", { key: rsaOf(e, Buffer.alloc(256, 0xff)) }],
  ["IntegerTooLong", "Invalid", { key: rsaOf(e, Buffer.alloc(3000, 0x7f)) }],
  ["RSABelowOpenSSHMinimum", "Invalid", { key: freshRSAKey(768) }],
  ["CurveMismatch", "Invalid", { key: p256Of("nistp384", point(4, 1)) }],
  ["PointNotUncompressed", "Invalid", { key: p256Of("nistp256", point(2, 1)) }],
  ["PointNotOnCurve", "Invalid", { key: p256Of("nistp256", point(4, 1)) }],
  ["SeveralKeys", "Invalid", { key: `${freshKey()} ${freshKey()}` }],
  ["BadOption", "Invalid", { key: freshKey(), options: ['command="open'] }],
  ["UnknownOption", "Invalid", { key: freshKey(), options: ["no-such-option"] }],
  ["BadOptionValue", "Invalid", { key: freshKey(), options: ['from="10.0.0.1/8"'] }],
  ["SeveralOptions", "Invalid", { key: freshKey(), options: ["restrict,pty"] }],
  ["DuplicateOption", "Invalid", { key: freshKey(), options: ['command="a"', 'command="b"'] }],
  ["ForbiddenOption", "Invalid", { key: freshKey(), options: ["cert-authority"] }],
  ["TypeNotAllowed", "Weak", { key: freshDSSKey() }],
  ["RSAKeyTooSmall", "Weak", { key: freshRSAKey(2047) }],
];

describe("a key that is not good", () => {
  let tenant: Tenant;
  const anchor = freshKey();
  const statuses = new Map<string, SSHKeyStatus>();

  beforeAll(async () => {
    tenant = await stage.tenant();
    await tenant.create("anchor", { user: "alice", key: anchor });
    await Promise.all(
      REFUSED.map(async ([code, , spec]) => {
        const name = code.toLowerCase();
        await tenant.create(name, { user: "alice", ...spec });
        statuses.set(
          code,
          await eventually(
            `${name} has a status`,
            async () => lookedAt(await tenant.read(name)),
            DEADLINE_MS,
          ),
        );
      }),
    );
  });

  test.each(REFUSED)("is told why: %s, %s", (code, state) => {
    const status = statuses.get(code);
    const valid = status?.conditions?.find(({ type }) => type === "Valid");
    // Whether a valid key is good enough is no matter of its being valid.
    const expected = state === "Invalid" ? ["False", code] : ["True", "Valid"];
    expect([valid?.status, valid?.reason, stateOf(status)]).toEqual([...expected, state]);
  });

  test("is Stalled, so that tools that wait for it fail at once", () => {
    const stalled = [...statuses.values()].map((status) =>
      status.conditions?.find(({ type }) => type === "Stalled"),
    );
    expect(stalled.map((condition) => condition?.status)).toEqual(REFUSED.map(() => "True"));
  });

  test("never stands in the file, where the user's good key stands alone", async () => {
    await tenant.until("anchor", "Projected");
    expect((await tenant.secrets()).map(({ data }) => data)).toEqual([
      { authorized_keys: `${tenant.line("anchor", anchor)}\n` },
    ]);
  });
});

describe("a good key", () => {
  test("of every type stands in the file, and ssh-keygen reads there what its status says", async () => {
    const tenant = await stage.tenant();
    const keys = freshKeysOfEveryType();
    for (const [index, { key }] of keys.entries()) {
      await tenant.create(`key-${index}`, { user: "alice", key: `${key} a comment` });
    }
    const statuses = await Promise.all(keys.map((_, index) => tenant.until(`key-${index}`, "Projected")));
    const secret = await tenant.secret("sshkeys-alice");
    expect(await keygenList(secret?.data.authorized_keys ?? "")).toEqual(
      statuses.map(({ length, fingerprint }, index) => [
        length,
        fingerprint,
        `${tenant.namespace}/key-${index}`,
      ]),
    );
  });

  test("is written anew with its options, without the user's comment or title", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    const options = ["RESTRICT", 'from="10.0.0.0/8,!10.1.0.0/16"', 'command="echo \\"hi\\""'];
    const spec = { user: "alice", key: `${key} # comment`, title: "no-pty", options };
    await tenant.create("work", spec);
    const rendered = 'restrict,from="10.0.0.0/8,!10.1.0.0/16",command="echo \\"hi\\""';
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key, rendered)]);
  });

  test("that is edited into a bad one leaves the file, and comes back when mended", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    await tenant.create("work", { user: "alice", key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
    await tenant.edit("work", { key: altered(key, (blob) => blob.subarray(0, 21)) });
    await tenant.until("work", "Invalid", ({ fingerprint }) => fingerprint === undefined);
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.edit("work", { key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  });

  test("that is replaced has the new fingerprint on its status and the new line in the file", async () => {
    const tenant = await stage.tenant();
    const [before, after] = [freshKey(), freshKey()];
    await tenant.create("work", { user: "alice", key: before });
    const { fingerprint: old } = await tenant.until("work", "Projected");
    await tenant.edit("work", { key: after });
    await tenant.until("work", "Projected", ({ fingerprint }) => fingerprint !== old);
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", after)]);
  });
});

test("the lines of a file are sorted by the names of their SSHKeys", async () => {
  const tenant = await stage.tenant();
  const names = ["b", "a.b", "a-b", "a", "10", "9"];
  const keys = new Map(names.map((name) => [name, freshKey()]));
  for (const [name, key] of keys) await tenant.create(name, { user: "alice", key });
  const sorted = names.toSorted().map((name) => tenant.line(name, keys.get(name) ?? ""));
  await tenant.untilFile("sshkeys-alice", sorted);
});

test("the example of the README is what it says it is", async () => {
  const tenant = await stage.tenant();
  const base64 = "AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
  const key = `ssh-ed25519 ${base64} alice@laptop`;
  await tenant.create("alice-laptop", { user: "alice", title: "Alice's laptop", key });
  expect(await tenant.until("alice-laptop", "Projected")).toMatchObject({
    type: "ssh-ed25519",
    length: 256,
    fingerprint: "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg",
    comment: "alice@laptop",
    secretName: "sshkeys-alice",
  });
});

function lookedAt({ status }: SSHKey): SSHKeyStatus | undefined {
  return status?.observedGeneration === 1 ? status : undefined;
}

function certificate(type: string): string {
  return `${type} ${encodeStrings([text(type), Buffer.alloc(32), Buffer.alloc(32)]).toString("base64")}`;
}

/** What `ssh-keygen -l` makes of the file: bits, fingerprint and comment of each line. */
async function keygenList(file: string): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), "authorized-keys-"));
  try {
    await writeFile(join(folder, "authorized_keys"), file);
    const { stdout } = await run("ssh-keygen", ["-l", "-f", join(folder, "authorized_keys")]);
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "))
      .map(([bits, fingerprint, comment]) => [Number(bits), fingerprint, comment]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
