import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { API_VERSION } from "../../src/api/names.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { freshKey, freshNISTP521Key, freshRSAKey } from "../operator/publickeys.ts";
import { privateKeys } from "../ssh/privatekeys.ts";
import { BUNDLE, plugin } from "./plugin.ts";
import { Terminal } from "./terminal.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

/** Runs check and stops it as soon as it has said this; how it ended, and what it said. */
async function stoppedAfter(
  args: readonly string[],
  word: string,
): Promise<readonly [number | null, string]> {
  const child = spawn(process.execPath, [BUNDLE, "check", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += String(chunk);
    if (said.includes(word) && !child.killed) child.kill("SIGINT");
  });
  const { promise, resolve } = Promise.withResolvers<readonly [number | null, string]>();
  child.on("close", (code) => resolve([code, said]));
  return await promise;
}

function sshKey(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  const fields = { user: "alice", key: freshKey(), ...spec };
  const lines = Object.entries(fields).map(([field, value]) => `  ${field}: ${value}\n`);
  return `apiVersion: ${API_VERSION}\nkind: SSHKey\nmetadata:\n  name: ${name}\nspec:\n${lines.join("")}`;
}

function fingerprintOf(key: string): string {
  return fingerprintSHA256(Buffer.from(key.split(" ")[1] ?? "", "base64"));
}

async function check(...args: readonly string[]) {
  return await plugin(["check", ...args], { cwd: folder });
}

/** `FILE:LINE:COLUMN: CODE` of each finding. */
async function codes(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await check(...args, "-o", "json");
  const { findings } = JSON.parse(stdout) as { findings: readonly Record<string, string | number>[] };
  return findings.map(({ file, line, column, code }) => `${file}:${line}:${column}: ${code}`);
}

test("good manifests pass", async () => {
  put("keys.yaml", `${sshKey("a")}---\n${sshKey("b", { user: "bob" })}`);
  expect(await check("keys.yaml")).toEqual({
    code: 0,
    stdout: "",
    stderr: "2 objects and keys in 1 file: nothing found\n",
  });
});

describe("advice", () => {
  test("is told and ends with 0, of a manifest and of a key file", async () => {
    put("keys.yaml", sshKey("a", { key: freshNISTP521Key() }));
    put("b.pub", freshNISTP521Key());
    const { code, stdout, stderr } = await check("keys.yaml", "b.pub");
    expect([code, stderr]).toEqual([0, "2 objects and keys in 2 files: nothing found; 2 pieces of advice\n"]);
    expect(stdout).toMatch(
      /^keys\.yaml:7:8: advice: NISTP521: SSHKey a spec\.key: This is advice, .*\nb\.pub:1:1: advice: NISTP521: This is advice, .*\n$/,
    );
  });

  test("is beside the findings for programs", async () => {
    put("b.pub", freshNISTP521Key());
    const { stdout } = await check("b.pub", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      findings: [],
      advice: [{ file: "b.pub", line: 1, column: 1, code: "NISTP521" }],
    });
  });

  test("is not told of a key that is refused", async () => {
    put("config.yaml", "policy: { allowedTypes: [ssh-ed25519] }\n");
    put("b.pub", freshNISTP521Key());
    const { stdout } = await check("b.pub", "--config", "config.yaml", "-o", "json");
    const { findings, advice } = JSON.parse(stdout);
    expect([findings[0].code, advice]).toEqual(["TypeNotAllowed", []]);
  });
});

test("a broken field is told with its place, and ends with 1", async () => {
  put("keys.yaml", `# mine\n${sshKey("a", { user: "on" })}`);
  const { code, stdout } = await check("keys.yaml");
  expect([code, stdout]).toEqual([
    1,
    "keys.yaml:7:9: WrongType: SSHKey a spec.user: this is read as true and has to be a text: put quotes around it\n",
  ]);
});

describe("beside the API server's rules it has those of the operator:", () => {
  test("one key in two SSHKeys of a namespace", async () => {
    const key = freshKey();
    put("a.yaml", sshKey("a", { key }));
    put("b.yaml", sshKey("b", { key, user: "bob" }));
    expect(await codes(".")).toEqual(["b.yaml:7:8: Duplicate"]);
  });

  test("one key of two users, with a command at the end that can be copied", async () => {
    const key = freshKey();
    put("a.yaml", sshKey("a", { key }));
    put("b.yaml", sshKey("b", { key, user: "bob" }));
    expect((await check(".")).stdout).toMatch(/: SSHKey a \(a\.yaml:7\) of another user .* -f \S+ -\n$/);
  });

  test("which --config changes", async () => {
    const key = freshKey();
    put("keys/a.yaml", `${sshKey("a", { key })}---\n${sshKey("b", { key, user: "bob" })}`);
    put("config.yaml", "duplicateScope: User\npolicy: {allowedTypes: [ssh-rsa]}\n");
    expect(await codes("keys", "--config", "config.yaml")).toEqual([
      "keys/a.yaml:7:8: TypeNotAllowed",
      "keys/a.yaml:15:8: TypeNotAllowed",
    ]);
  });

  test("a key that is revoked, in a manifest and in a file of key lines", async () => {
    const key = freshKey();
    const list = join(folder, "revoked.txt");
    put("revoked.txt", `# lost\n${fingerprintOf(key)} # alice's\nSHA256:short\n`);
    put("config.yaml", `revokedKeys: ${list}\n`);
    put("a.yaml", sshKey("a", { key }));
    put("a.pub", `${key}\n`);
    const found = ["a.yaml:7:8: RevokedFingerprint", "a.pub:1:1: RevokedFingerprint"];
    expect(await codes("a.yaml", "a.pub", "--config", "config.yaml")).toEqual(found);
    expect(await codes("a.yaml", "a.pub", "--revoked-keys", "revoked.txt")).toEqual(found);
    const { stderr } = await check("a.yaml", "--revoked-keys", "revoked.txt");
    expect(stderr).toContain("note: revoked.txt:3 is not a fingerprint as ssh-keygen -l prints it");
  });

  test("a note of lists of compromised keys that nobody gives", async () => {
    put("a.yaml", sshKey("a"));
    put("list.txt", "# nobody\n");
    put("config.yaml", "blocklists: /etc/lists\n");
    const { code, stderr } = await check("a.yaml", "--config", "config.yaml");
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(
        "note: The operator's lists of compromised keys (blocklists) are not looked at: give a copy of each with --blocklist FILE.\n",
      ),
    ]);
    const given = await check("a.yaml", "--config", "config.yaml", "--blocklist", "list.txt");
    expect(given.stderr).not.toContain("note");
  });

  test("a list of revoked keys that is not here is asked for", async () => {
    put("a.yaml", sshKey("a"));
    put("config.yaml", "revokedKeys: /nowhere/revoked.txt\n");
    const { code, stderr } = await check("a.yaml", "--config", "config.yaml");
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("give a copy of it with --revoked-keys FILE"),
    ]);
  });

  test("a key that is too short, and an option that sshd does not know", async () => {
    put("a.yaml", sshKey("a", { key: freshRSAKey(1024), options: "[restrict, frm]" }));
    expect(await codes("a.yaml")).toEqual(["a.yaml:7:8: RSAKeyTooSmall", "a.yaml:8:23: UnknownOption"]);
  });

  test("one name twice", async () => {
    put("a.yaml", `${sshKey("a")}---\n${sshKey("a")}`);
    expect(await codes("a.yaml")).toEqual(["a.yaml:12:9: SameName"]);
  });

  test("an AuthorizedKeys whose options can never act", async () => {
    const spec = 'spec: {options: [restrict, permitopen="a:1"]}';
    put("a.yaml", `apiVersion: ${API_VERSION}\nkind: AuthorizedKeys\nmetadata: {name: a}\n${spec}\n`);
    expect(await codes("a.yaml")).toEqual(["a.yaml:4:28: InvalidOptions"]);
  });
});

describe("of a file of key lines", () => {
  test("each line is judged", async () => {
    const key = freshKey();
    put(
      "authorized_keys",
      `# team\n${key} a\ncommand="a, b",frm ${freshKey()}\nno-pty ${key}\r\n${key.slice(0, 40)}\n`,
    );
    expect(await codes("authorized_keys")).toEqual([
      "authorized_keys:3:1: UnknownOption",
      "authorized_keys:4:8: Duplicate",
      "authorized_keys:5:1: Truncated",
    ]);
  });

  test("a line of megabytes is too long", async () => {
    put("authorized_keys", `${"a,".repeat(5_000_000)} ${freshKey()}\n${freshKey()}\n`);
    expect(await codes("authorized_keys")).toEqual(["authorized_keys:1:1: TooLong"]);
  });

  test("a private key is refused, and nothing of it is shown", async () => {
    for (const [format, text] of Object.entries(privateKeys())) {
      put("id.pub", text);
      const { code, stdout, stderr } = await check("id.pub");
      expect([format, code, stdout]).toEqual([
        format,
        1,
        expect.stringMatching(/^id\.pub(:1:1)?: PrivateKey: /),
      ]);
      for (const line of text.split("\n").filter((each) => each.length > 30))
        expect(stdout + stderr).not.toContain(line.trim());
    }
  });
});

describe("it reads", () => {
  test("standard input", async () => {
    const { code, stdout } = await plugin(["check", "-"], { input: sshKey("a", { usr: "x" }) });
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^-:8:3: UnknownField: /)]);
  });

  test("a folder without those below it, which -R adds", async () => {
    put("a.yaml", sshKey("a", { x: 1 }));
    put("b/c.yml", sshKey("b", { x: 1 }));
    expect(await codes("-f", ".")).toEqual(["a.yaml:8:3: UnknownField"]);
    expect(await codes("-R", "-f", ".")).toEqual(["a.yaml:8:3: UnknownField", "b/c.yml:8:3: UnknownField"]);
  });

  test("a folder without those below it, which is said", async () => {
    put("keys/kustomization.yaml", "resources: [team]\n");
    put("keys/team/a.yaml", sshKey("a"));
    expect((await check("keys")).stderr).toBe(
      "keys: the folders below it are not read: give -R to read them, too\n0 objects and keys in 1 file: nothing found\n",
    );
  });

  test("a folder that contains itself once", async () => {
    put("a.yaml", sshKey("a"));
    symlinkSync(".", join(folder, "loop"));
    const { code, stderr } = await check("-R", ".");
    expect([code, stderr]).toEqual([
      0,
      "loop is a link to a folder and is not followed: name that folder, too\n1 object or key in 1 file: nothing found\n",
    ]);
  });
});

describe("what cannot be read ends with 2 and a sentence:", () => {
  test.each([
    ["a file that is not there", undefined, "there is no such file: correct the name"],
    [
      "binary",
      Buffer.from([1, 2, 0, 3, 4, 5, 6, 7, 8, 9]),
      "this is binary and no manifest: give a file of YAML or JSON",
    ],
    [
      "UTF-16",
      Buffer.from("\ufeffkind: SSHKey\n", "utf16le"),
      "this is UTF-16: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8 FILE`",
    ],
    [
      "UTF-16 without a mark",
      Buffer.from("kind: SSHKey\n", "utf16le"),
      "this is UTF-16: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8 FILE`",
    ],
    [
      "Latin-1",
      Buffer.from("a: \xe9\n", "latin1"),
      "this is not UTF-8: save it as UTF-8, for example with `iconv -f LATIN1 -t UTF-8 FILE`",
    ],
    [
      "100 MB",
      Buffer.alloc(100_000_000, "a: b\n"),
      "this has more than 64 MB and is not read: give the manifests alone, in several files",
    ],
  ])("%s", async (_what, content, message) => {
    if (content !== undefined) put("a.yaml", content);
    const { code, stdout } = await check("a.yaml");
    expect([code, stdout]).toEqual([2, `a.yaml: Unreadable: ${message}\n`]);
  });

  test("a folder without manifests", async () => {
    const { code, stderr } = await check(".");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^error: there is no manifest in these folders: /),
    ]);
  });

  test("nothing that was named", async () => {
    expect((await check()).stderr).toBe(
      "error: there is nothing to check: name files or folders, or - for standard input\n",
    );
  });

  test("a configuration that is none", async () => {
    put("a.yaml", sshKey("a"));
    put("config.yaml", "polcy: {}\n");
    const { code, stderr } = await check("a.yaml", "--config", "config.yaml");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: config\.yaml:1: /)]);
  });
});

describe("of many findings", () => {
  beforeEach(() => {
    put("a.yaml", Array.from({ length: 10_000 }, (_, i) => `---\n${sshKey(`a${i}`, { x: 1 })}`).join(""));
  });

  test("people see the first 50 and how many there are", async () => {
    const { code, stdout, stderr } = await check("a.yaml");
    expect([code, stdout.split("\n").length - 1, stderr]).toEqual([
      1,
      50,
      "10000 objects and keys in 1 file: 10000 findings, of which 9950 are not shown: -o json has them all\n",
    ]);
  });

  test.each(["json", "sarif", "junit", "github"])(
    "-o %s has them all, also for a slow reader",
    async (format) => {
      const child = spawn(process.execPath, [BUNDLE, "check", "a.yaml", "-o", format], { cwd: folder });
      const ended = new Promise((resolve) => child.once("close", resolve));
      let text = "";
      for await (const part of child.stdout) {
        text += part;
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await ended).toBe(1);
      expect(text.split("spec.x").length - 1).toBeGreaterThanOrEqual(10_000);
      expect(text).toMatch(/[}>]\n$|annotations\n$/);
    },
  );
});

test("nothing that a terminal obeys is shown of a manifest", async () => {
  put("a.yaml", sshKey('"a\\e[31m"'));
  expect((await check("a.yaml")).stdout).not.toContain("\u001b");
});

test("Ctrl-C ends the reading of one large file within a second", async () => {
  put("large.yaml", "a: b\n---\n".repeat(500_000));
  const terminal = new Terminal(["check", join(folder, "large.yaml")], {});
  await terminal.untilItShows("checking: ");
  const { code, ms } = await terminal.interrupt();
  expect(code).toBe(130);
  expect(ms).toBeLessThan(1000);
});

describe("what is no file", () => {
  test("is not read in a folder, where a link of somebody's may lead to it", async () => {
    spawnSync("mkfifo", [join(folder, "pipe.yaml")]);
    symlinkSync("/dev/zero", join(folder, "endless.yaml"));
    put("key.yaml", sshKey("a"));
    const { code, stdout, stderr } = await plugin(["check", "-R", folder]);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toContain(`${join(folder, "pipe.yaml")} is no file and is not read`);
    expect(stderr).toContain("1 object or key in 1 file: nothing found");
  });

  test("is read where it is named, and Ctrl-C ends the wait for it", async () => {
    spawnSync("mkfifo", [join(folder, "pipe.yaml"), join(folder, "other")]);
    // The folder is read first, and says something.
    const [code, said] = await stoppedAfter([folder, join(folder, "other")], "is no file");
    expect([code, said]).toEqual([130, expect.stringMatching(/stopped\n$/)]);
  });
});

test.each(["text", "github"])(
  "nothing in a file is a command to whoever runs the job, with -o %s",
  async (format) => {
    put("::stop-commands::x.yaml", "x");
    put("##[add-mask]a.yaml", sshKey("'##vso[task.setvariable variable=a]b'"));
    const { stdout } = await plugin(["check", ".", "-o", format], { cwd: folder });
    expect(stdout).toContain("vso[");
    expect(stdout).not.toMatch(/^\s*::(?!error file=)|^(?!::).*##[a-z]*\[/m);
  },
);
