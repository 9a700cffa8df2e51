import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reasonsFor } from "../../src/blocklist/blocklist.ts";
import { decodeKRL, KRL_MAGIC } from "../../src/blocklist/krl.ts";
import { ListError } from "../../src/blocklist/listerror.ts";
import { readList } from "../../src/blocklist/readlist.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { accepted } from "../ssh/refusals.ts";
import { countsOf, problemOf } from "./samplelists.ts";

const KEYS = [
  ["ed25519", "ed25519", "256"],
  ["ecdsa", "ecdsa", "256"],
  ["rsa", "rsa", "2048"],
  ["other", "ed25519", "256"],
  ["ca", "ed25519", "256"],
] as const;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-krl-"));
  for (const [name, type, bits] of KEYS) keygen("-q", "-t", type, "-b", bits, "-N", "", "-f", name);
  keygen("-q", "-s", "ca", "-I", "alice", "-n", "alice", "-z", "7", "other.pub");
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("a KRL that ssh-keygen made", () => {
  test("has the keys of .pub files", async () => {
    const list = await made(["ed25519.pub", "ecdsa.pub", "rsa.pub"]);
    expect(countsOf(list)).toEqual(["BlockedKey number 3"]);
    expect(revoked(list)).toEqual(["ed25519", "ecdsa", "rsa"]);
  });

  test.each([
    ["keys in a specification", (name: string) => `key: ${pub(name)}`],
    ["SHA-1 hashes of keys", (name: string) => `sha1: ${pub(name)}`],
    ["SHA-256 hashes of keys", (name: string) => `sha256: ${pub(name)}`],
    ["fingerprints", (name: string) => `hash: ${fingerprint(name)}`],
  ])("has %s", async (_what, line) => {
    expect(revoked(await specified(["ed25519", "ecdsa", "rsa"].map(line)))).toEqual([
      "ed25519",
      "ecdsa",
      "rsa",
    ]);
  });

  test("says nothing of keys by the serial number or the name of a certificate", async () => {
    const list = await specified(["serial: 1-100", "serial: 7", "id: alice"], "-s", "ca.pub");
    expect(countsOf(list)).toEqual([]);
  });

  test("says nothing of the key in a certificate that it revokes", async () => {
    expect(revoked(await made(["other-cert.pub"]))).toEqual([]);
  });

  test("has keys beside certificates", async () => {
    const list = await specified([`key: ${pub("rsa")}`, "serial: 7"], "-s", "ca.pub");
    expect(revoked(list)).toEqual(["rsa"]);
  });

  test("with nothing in it is an empty list", async () => {
    expect(countsOf(await specified([]))).toEqual([]);
  });

  test("that was updated has the old keys and the new", async () => {
    krl("updated", ["ed25519.pub"]);
    krl("updated", ["-u", "rsa.pub"]);
    expect(revoked(await readList("updated", read("updated")))).toEqual(["ed25519", "rsa"]);
  });
});

describe("a damaged KRL", () => {
  test("is refused wherever it is cut off, but between two sections", async () => {
    krl("whole", ["ed25519.pub", "rsa.pub"]);
    const whole = read("whole");
    // All of the head that has no section yet: PROTOCOL.krl.
    const head = KRL_MAGIC.length + 4 + 3 * 8 + 4 + 4;
    for (let end = KRL_MAGIC.length; end < whole.length; end += 1) {
      if (end === head) continue;
      expect(await problemOf("list.krl", whole.subarray(0, end))).toBe("it is a KRL that ends too early");
    }
  });

  test.each([
    ["of another version", headOf(2), "it is a KRL of the version 2, and OpenSSH has version 1"],
    [
      "with an unknown section",
      section(9, Buffer.alloc(4)),
      "it is a KRL with a section of the unknown type 9",
    ],
    [
      "with a section that ends too early",
      section(2, Buffer.of(0, 0, 0, 9, 1)),
      "it is a KRL with a section that ends too early",
    ],
    [
      "with a hash that is too short",
      section(5, encodeStrings([Buffer.alloc(20)])),
      "it is a KRL with a hash of 20 bytes in the place of 32",
    ],
    [
      "with an empty hash",
      section(3, encodeStrings([Buffer.alloc(0)])),
      "it is a KRL with a hash of 0 bytes in the place of 20",
    ],
    [
      "with a critical extension",
      section(
        255,
        Buffer.concat([encodeStrings([Buffer.from("x@y")]), Buffer.of(1), encodeStrings([Buffer.alloc(0)])]),
      ),
      "it is a KRL with a critical extension, of which none is known",
    ],
  ])("%s is refused, and told so", async (_what, bytes, message) => {
    expect(await problemOf("list.krl", bytes)).toBe(message);
  });

  test("with an extension that is not critical is read", async () => {
    const extension = Buffer.concat([
      encodeStrings([Buffer.from("x@y")]),
      Buffer.of(0),
      encodeStrings([Buffer.alloc(0)]),
    ]);
    expect(await decodeKRL(section(255, extension), "BlockedKey")).toEqual([]);
  });

  test("whatever its bytes are is a list or a ListError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const file = Buffer.concat([headOf(1), bytes]);
        const result = await decodeKRL(file, "BlockedKey").catch((error: unknown) => error);
        expect(Array.isArray(result) || result instanceof ListError).toBe(true);
      }),
    );
  });
});

test("a key of another type in a KRL is passed over, as it can be no SSHKey", async () => {
  expect(
    await decodeKRL(section(2, encodeStrings([encodeStrings([Buffer.from("ssh-new")])])), "BlockedKey"),
  ).toEqual([]);
});

/** The names of the keys that are on the list. */
function revoked({ sections }: Awaited<ReturnType<typeof readList>>): string[] {
  return KEYS.map(([name]) => name).filter(
    (name) => reasonsFor(accepted(parsePublicKey(pub(name))), sections).join() === "BlockedKey",
  );
}

async function made(args: readonly string[]) {
  krl("list", args);
  return await readList("list", read("list"));
}

async function specified(lines: readonly string[], ...args: string[]) {
  writeFileSync(join(folder, "specification"), lines.map((line) => `${line.trim()}\n`).join(""));
  return await made([...args, "specification"]);
}

function krl(file: string, args: readonly string[]): void {
  keygen("-q", "-k", "-f", file, ...args);
}

function keygen(...args: string[]): string {
  return execFileSync("ssh-keygen", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function read(name: string): Buffer {
  return readFileSync(join(folder, name));
}

function pub(name: string): string {
  return read(`${name}.pub`).toString();
}

function fingerprint(name: string): string {
  return keygen("-l", "-f", `${name}.pub`).split(" ")[1] ?? "";
}

function headOf(version: number): Buffer {
  const numbers = Buffer.alloc(4 + 3 * 8);
  numbers.writeUInt32BE(version);
  return Buffer.concat([KRL_MAGIC, numbers, encodeStrings([Buffer.alloc(0), Buffer.alloc(0)])]);
}

function section(type: number, data: Buffer): Buffer {
  return Buffer.concat([headOf(1), Buffer.of(type), encodeStrings([data])]);
}
