import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { main } from "../../src/cli/program.ts";
import { badkeysFile, gmpy2Binary, numberHashes } from "../blocklist/samplelists.ts";
import type { Finished } from "../cluster/run.ts";
import { nextPrime } from "../ssh/weakness/weakrsa.ts";

const CALLED_FROM = process.cwd();
const BADKEYS = badkeysFile(numberHashes(1, 20).map((hash, i) => [hash, 1 + (i % 4)]));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-blocklist-"));
  process.chdir(folder);
  for (const name of ["alice", "bob", "carol"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, name)]);
  execFileSync("ssh-keygen", ["-q", "-k", "-f", join(folder, "list.krl"), join(folder, "carol.pub")]);
  writeFileSync(
    join(folder, "fingerprints.txt"),
    execFileSync("ssh-keygen", ["-l", "-f", join(folder, "bob.pub")]),
  );
  writeFileSync(join(folder, "blocklist.dat"), BADKEYS);
  writeFileSync(join(folder, "primes1024.dat"), gmpy2Binary(nextPrime(1n << 600n) * nextPrime(1n << 601n)));
});

afterAll(() => {
  process.chdir(CALLED_FROM);
  rmSync(folder, { recursive: true });
});

describe("sshkey-operator blocklist build", () => {
  test("makes one list of whatever is given, and says what is in it", async () => {
    const { code, stdout, stderr } = await blocklist(
      "build --reason PublishedKey -o built alice.pub fingerprints.txt list.krl blocklist.dat",
    );
    expect([code, stderr, stdout.split("\n")]).toEqual([
      0,
      "",
      [
        "built: 23 keys",
        "  PublishedKey     1  alice.pub",
        "  PublishedKey     1  fingerprints.txt (fingerprints)",
        "  PublishedKey     1  list.krl",
        "  PublishedKey    10  badkeys",
        "  DebianWeakKey    5  badkeys",
        "  KeypairWeakKey   5  badkeys",
        "",
      ],
    ]);
    expect((await blocklist("show built")).stdout).toBe(stdout);
  });

  test("refuses a blocklist.dat that is not the one of badkeysdata.json beside it", async () => {
    mkdirSync("cache");
    writeFileSync("cache/blocklist.dat", BADKEYS.subarray(16));
    writeFileSync("cache/badkeysdata.json", JSON.stringify({ blocklist_sha256: hash("sha256", BADKEYS) }));
    const { code, stderr } = await blocklist("build -o cut cache/blocklist.dat");
    expect([code, stderr]).toEqual([
      3,
      "sshkey-operator: cache/blocklist.dat: its SHA-256 is not that of badkeysdata.json beside it: it was damaged, or one of both is older; fetch both again\n",
    ]);
  });

  test("lists keys as BlockedKey unless a reason is given", async () => {
    expect((await blocklist("build -o blocked alice.pub")).stdout).toBe(
      "blocked: 1 key\n  BlockedKey  1  alice.pub\n",
    );
  });

  test("names the source that is given in place of the files", async () => {
    const { stdout } = await blocklist("build -o named --source leaked alice.pub carol.pub");
    expect(stdout).toBe("named: 2 keys\n  BlockedKey  2  leaked\n");
  });

  test("says which lines it leaves out", async () => {
    write("some.txt", `${read("alice.pub")}nonsense\n# a comment\nmore\n`);
    expect(await blocklist("build -o some some.txt")).toEqual({
      code: 0,
      stdout: "some: 1 key\n  BlockedKey  1  some.txt\n",
      stderr: "sshkey-operator: some.txt: left out as neither a fingerprint nor a public key: line 2, 4\n",
    });
  });

  test.each([
    ["a private key", "alice", "alice: it is a private key, which belongs in no list: give its .pub file"],
    [
      "a file that is not there",
      "nobody.pub",
      "cannot read nobody.pub (ENOENT): give a file that can be read",
    ],
    ["a folder", ".", "cannot read . (EISDIR): give a file that can be read"],
    [
      "primes",
      "primes1024.dat",
      "primes1024.dat: primes are no keys, and stand in no list: put the file as it is into the folder of blocklists",
    ],
  ])("refuses %s, and leaves what was there", async (_what, input, message) => {
    write("kept", "as it was");
    expect(await blocklist(`build -o kept alice.pub ${input}`)).toEqual({
      code: 3,
      stdout: "",
      stderr: `sshkey-operator: ${message}\n`,
    });
    expect(read("kept")).toBe("as it was");
  });

  test("says where it cannot write, and leaves nothing behind", async () => {
    const { code, stderr } = await blocklist("build -o missing/list alice.pub");
    expect([code, stderr]).toEqual([
      3,
      "sshkey-operator: cannot write missing/list (ENOENT): give another --output\n",
    ]);
    expect(readdirSync(folder).filter((name) => /\.\d+$/.test(name))).toEqual([]);
  });

  test.each([
    ["a reason that is none", "build --reason Leaked -o x alice.pub", "Allowed choices are PublishedKey"],
    ["no file to write", "build alice.pub", "required option '-o, --output <file>'"],
    ["no input", "build -o x", "missing required argument 'input'"],
  ])("says that %s is an invalid command line", async (_what, args, message) => {
    const { code, stderr } = await blocklist(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("sshkey-operator blocklist merge", () => {
  test("keeps reasons and sources, and each key once", async () => {
    await blocklist("build -o one --reason PublishedKey --source ours alice.pub bob.pub");
    await blocklist("build -o two --reason PublishedKey --source ours bob.pub carol.pub");
    await blocklist("build -o three --source theirs carol.pub");
    expect((await blocklist("merge -o all one two three")).stdout).toBe(
      "all: 4 keys\n  PublishedKey  3  ours\n  BlockedKey    1  theirs\n",
    );
  });

  test("refuses a damaged list, and says how it is damaged", async () => {
    await blocklist("build -o whole alice.pub");
    writeFileSync(join(folder, "damaged"), readFileSync(join(folder, "whole")).subarray(0, -1));
    expect(await blocklist("merge -o all whole damaged")).toMatchObject({
      code: 3,
      stderr: "sshkey-operator: damaged: it ends within its checksum: it was not copied to its end\n",
    });
  });
});

describe("sshkey-operator blocklist show", () => {
  test("says of each key of a file on which list it is and why, or that it is on none", async () => {
    await blocklist("build -o leaked --reason PublishedKey --source ours alice.pub");
    write("authorized_keys", `# both\nrestrict ${read("alice.pub")}${read("bob.pub")}`);
    const { code, stdout } = await blocklist("show leaked --key authorized_keys");
    expect([code, stdout]).toEqual([
      0,
      [
        "leaked: 1 key",
        "  PublishedKey  1  ours",
        `${fingerprint("alice")} (ssh-ed25519, 256): PublishedKey. The private key of this key has been published, so anybody may have it. Found in leaked, ours`,
        `${fingerprint("bob")} (ssh-ed25519, 256): on none of these lists`,
        "",
      ].join("\n"),
    ]);
  });

  test("names a list once that is its own source", async () => {
    const { stdout } = await blocklist("show list.krl --key carol.pub");
    expect(stdout).toMatch(/ Found in list\.krl\n$/);
  });

  test("shows what a source would do to the terminal as text", async () => {
    const { stdout } = await program(["build", "-o", "escape", "--source", "\u001b[31mred", "alice.pub"]);
    expect(stdout).toBe("escape: 1 key\n  BlockedKey  1  [31mred\n");
  });

  test("says of primes how long their product is", async () => {
    expect((await blocklist("show primes1024.dat")).stdout).toMatch(
      /^primes1024\.dat: public primes, a product of 1,2\d\d bits\n$/,
    );
  });

  test("without a list shows what the product brings, which has trivial keys", async () => {
    // Of a seed of 32 zeros.
    write(
      "zero.pub",
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop zero\n",
    );
    const { stdout } = await blocklist("show --key zero.pub");
    expect(stdout).toMatch(/^what the product brings: \d/);
    expect(stdout).toContain("GitHub's RSA host key, replaced on 2023-03-24");
    expect(stdout).toContain(
      "TrivialPrivateKey. The private key of this key is a number that anybody tries first",
    );
  });

  test("refuses a file without a key", async () => {
    write("empty.pub", "\n");
    expect(await blocklist("show --key empty.pub")).toMatchObject({
      code: 3,
      stderr: "sshkey-operator: empty.pub: it has no public key: give a .pub file or authorized_keys\n",
    });
  });
});

test.each(["build", "merge", "show"])(
  "blocklist %s --help has examples and the exit codes",
  async (command) => {
    const { code, stdout } = await blocklist(`${command} --help`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n {2}sshkey-operator blocklist /);
    expect(stdout).toContain("3  a file cannot be read or written, or is no list");
  },
);

async function blocklist(args: string): Promise<Finished> {
  return await program(args.split(" "));
}

/** In this process, as the program does it. */
async function program(args: readonly string[]): Promise<Finished> {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      written[stream] += String(text);
      return true;
    }),
  );
  try {
    const code = await main(["blocklist", ...args], new AbortController().signal);
    return { code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

function read(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function fingerprint(name: string): string {
  const printed = execFileSync("ssh-keygen", ["-l", "-f", join(folder, `${name}.pub`)], { encoding: "utf8" });
  return printed.split(" ")[1] ?? "";
}
