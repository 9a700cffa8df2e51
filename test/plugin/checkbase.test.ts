import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { API_VERSION } from "../../src/api/names.ts";
import { run } from "../cluster/run.ts";
import { freshKey } from "../operator/publickeys.ts";
import { privateKeys } from "../ssh/privatekeys.ts";
import { plugin } from "./plugin.ts";

let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "base-"));
  await git("init", "-q", "-b", "main");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function git(...args: readonly string[]): Promise<string> {
  const author = ["-c", "user.name=alice", "-c", "user.email=alice@example.com"];
  const { code, stdout, stderr } = await run("git", [...author, ...args], { cwd: folder });
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

async function commit(): Promise<void> {
  await git("add", "-A");
  await git("commit", "-q", "-m", "keys");
}

function put(name: string, content: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

function remove(name: string): void {
  rmSync(join(folder, name));
}

function sshKey(name: string, user: string, key: string, ...fields: readonly string[]): string {
  const spec = [`user: ${user}`, `key: ${key}`, ...fields].map((field) => `  ${field}\n`).join("");
  return `apiVersion: ${API_VERSION}\nkind: SSHKey\nmetadata:\n  name: ${name}\nspec:\n${spec}`;
}

async function check(...args: readonly string[]) {
  return await plugin(["check", ...args], { cwd: folder });
}

interface Report {
  readonly findings: readonly Readonly<Record<string, string | number>>[];
  readonly base: {
    readonly changes: {
      readonly gained: readonly { readonly user: string }[];
      readonly lost: readonly { readonly user: string }[];
      readonly altered: readonly object[];
      readonly states: readonly object[];
    } | null;
    readonly notes: readonly string[];
  };
}

/** Who gains and who loses access, and what is found, as `FILE:LINE:COLUMN: CODE`. */
async function compared(...args: readonly string[]) {
  const { code, stdout, stderr } = await check(...args, "-o", "json");
  if (stdout === "") throw new Error(stderr);
  const { findings, base } = JSON.parse(stdout) as Report;
  return {
    code,
    found: findings.map((each) => `${each.file}:${each.line}:${each.column}: ${each.code}`),
    gained: base.changes?.gained.map(({ user }) => user),
    lost: base.changes?.lost.map(({ user }) => user),
    notes: base.notes,
  };
}

const NOTHING = { code: 0, found: [], gained: [], lost: [], notes: [] };

describe("compared with a commit", () => {
  test("a new key lets somebody in, a deleted one keeps somebody out, and neither is a finding", async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    await commit();
    remove("keys/a.yaml");
    put("keys/b.yaml", sshKey("b", "bob", freshKey()));
    expect(await compared("keys", "--base", "main")).toEqual({
      ...NOTHING,
      gained: ["bob"],
      lost: ["alice"],
    });
  });

  test("another name of a file, and another place in it, change nothing", async () => {
    const [a, b] = [sshKey("a", "alice", freshKey()), sshKey("b", "bob", freshKey())];
    put("keys/a.yaml", `${a}---\n${b}`);
    await commit();
    remove("keys/a.yaml");
    put("keys/z.yaml", `${b}---\n${a}`);
    const { code, stdout, stderr } = await check("keys", "--base", "HEAD");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toContain("Nothing changes: ");
  });

  test("another user of an SSHKey is found where it stands", async () => {
    const key = freshKey();
    put("keys/a.yaml", sshKey("a", "alice", key));
    await commit();
    put("keys/a.yaml", `# mine\n${sshKey("a", "mallory", key)}`);
    expect(await compared("keys", "--base", "main")).toEqual({
      ...NOTHING,
      code: 1,
      found: ["keys/a.yaml:7:9: ImmutableField"],
    });
  });

  test.each(["text", "github", "sarif", "junit"])("-o %s has that finding, too", async (format) => {
    const key = freshKey();
    put("keys/a.yaml", sshKey("a", "alice", key));
    await commit();
    put("keys/a.yaml", sshKey("a", "mallory", key));
    const { code, stdout } = await check("keys", "--base", "main", "-o", format);
    expect([code, stdout.includes("ImmutableField")]).toEqual([1, true]);
  });

  test("a Secret's name that is left out is found, too", async () => {
    const bastion = (spec: string) =>
      `apiVersion: ${API_VERSION}\nkind: AuthorizedKeys\nmetadata: {name: bastion}\nspec: {${spec}}\n`;
    put("a.yaml", bastion("secretName: keys"));
    await commit();
    put("a.yaml", bastion(""));
    expect((await compared("a.yaml", "--base", "main")).found).toEqual(["a.yaml:4:7: ImmutableField"]);
  });

  test("who was there first holds the key, whatever the names of the files", async () => {
    const key = freshKey();
    put("keys/z.yaml", sshKey("z", "alice", key));
    await commit();
    put("keys/a.yaml", sshKey("a", "mallory", key));
    expect(await compared("keys", "--base", "main")).toEqual({
      ...NOTHING,
      code: 1,
      found: ["keys/a.yaml:7:8: Duplicate"],
    });
  });

  test("when the holder goes, the next one gains", async () => {
    const key = freshKey();
    put("keys/a.yaml", sshKey("a", "alice", key));
    put("keys/b.yaml", sshKey("b", "bob", key));
    await commit();
    remove("keys/a.yaml");
    const { code, stdout } = await check("keys", "--base", "main");
    expect(code).toBe(0);
    expect(stdout).toContain("SSHKey b: Duplicate → Projected.");
    expect(stdout).toContain("1 key loses access, 1 key gains access, 0 lines change.");
  });

  test("an expiry that has passed, and one that is to come", async () => {
    const [a, b] = [freshKey(), freshKey()];
    put("keys/a.yaml", sshKey("a", "alice", a));
    put("keys/b.yaml", sshKey("b", "bob", b));
    await commit();
    put("keys/a.yaml", sshKey("a", "alice", a, 'expiresAt: "2020-01-01T00:00:00Z"'));
    put("keys/b.yaml", sshKey("b", "bob", b, 'expiresAt: "2999-01-01T00:00:00Z"'));
    const { stdout } = await check("keys", "--base", "main");
    expect(stdout).toContain("SSHKey a: Projected → Expired.");
    expect(stdout).toContain("no options");
    expect(stdout).toContain("1 key loses access, 0 keys gain access, 1 line changes.");
  });

  test("the work tree, the index and what is beside the named files have no part in it", async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    put("keys/deep/b.yaml", sshKey("b", "bob", freshKey()));
    put("other/c.yaml", sshKey("c", "carol", freshKey()));
    await commit();
    put("keys/d.yaml", sshKey("d", "dave", freshKey()));
    await git("add", "keys/d.yaml");
    expect((await compared("keys", "--base", "main")).gained).toEqual(["dave"]);
    remove("keys/deep/b.yaml");
    expect((await compared("keys", "--base", "main")).lost).toEqual([]);
    expect((await compared("-R", "keys", "--base", "main")).lost).toEqual(["bob"]);
    expect(await git("status", "--porcelain")).toBe("A  keys/d.yaml\n D keys/deep/b.yaml");
  });

  test("a link is followed within the commit, and not out of it", async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    put("outside.yaml", sshKey("o", "mallory", freshKey()));
    symlinkSync("a.yaml", join(folder, "keys", "link.yaml"));
    symlinkSync("/etc/hostname", join(folder, "keys", "out.yaml"));
    await commit();
    rmSync(join(folder, "keys", "out.yaml"));
    remove("keys/link.yaml");
    expect(await compared("keys", "--base", "main")).toEqual({
      ...NOTHING,
      notes: [
        "main:keys/out.yaml of the base counts as not there: this is a link that leads out of the commit: it is not followed",
      ],
    });
  });

  test("what the base has that cannot be read is said, and a private key is not shown", async () => {
    const [secret = ""] = Object.values(privateKeys());
    put("keys/a.yaml", secret);
    put("keys/b.yaml", "a: [\n");
    put("keys/c.yaml", sshKey("c", "alice", "nonsense"));
    await commit();
    remove("keys/a.yaml");
    remove("keys/b.yaml");
    put("keys/c.yaml", sshKey("c", "alice", freshKey()));
    const { code, gained, notes } = await compared("keys", "--base", "main");
    expect([code, gained, notes.length]).toEqual([0, ["alice"], 3]);
    for (const line of secret.split("\n").filter((each) => each.length > 30))
      expect(notes.join()).not.toContain(line);
  });

  test("nobody is said to lose access because a file cannot be read", async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    await commit();
    put("keys/a.yaml", "a: [\n");
    const { code, lost, notes } = await compared("keys", "--base", "main");
    expect([code, lost, notes]).toEqual([
      1,
      undefined,
      ["Who gains and who loses access is not told, since keys/a.yaml cannot be read: correct it first."],
    ]);
  });

  test("on GitHub a notice says who gains and who loses access", async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey(), 'title: "::error::x"'));
    await commit();
    put("keys/a.yaml", sshKey("b", "bob", freshKey(), 'title: "::error::x"'));
    const { code, stdout } = await check("keys", "--base", "main", "-o", "github");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^::notice title=Access%2C compared with main::1 key loses access, 1 key gains access, 0 lines change\.%0A/m,
    );
    expect(stdout.match(/^\s*::/gm)).toHaveLength(1);
  });

  test.each(["text", "github"])("-o %s has no command in it that a job's log obeys", async (format) => {
    put("keys/a.yaml", sshKey("a", '"##[add-mask]alice"', freshKey(), 'title: "##vso[x]y"'));
    await commit();
    put("keys/a.yaml", "# none\n");
    put("##[group]x/base.yaml", "a: [\n");
    const { stdout } = await check("keys", "--base", "main", "-o", format);
    expect(stdout).toContain("1 key loses access");
    expect(stdout).not.toMatch(/##[a-z]*\[/);
    const { stderr } = await check("keys", "--base", "##[group]x", "-o", format);
    expect(stderr).toContain("counts as not there");
    expect(stderr).not.toMatch(/##[a-z]*\[/);
  });
});

describe("nothing that a repository brings with it is run:", () => {
  test.each([
    ["fsmonitor", ["core.fsmonitor", "touch RAN; false"]],
    ["a filter", ["filter.x.smudge", "touch RAN; cat"]],
    ["a converter to text", ["diff.x.textconv", "touch RAN; cat"]],
    ["an external diff", ["diff.external", "touch RAN"]],
    ["a pager", ["core.pager", "touch RAN; cat"]],
    ["an alias", ["alias.cat-file", "!touch RAN"]],
    ["ssh", ["core.sshCommand", "touch RAN"]],
  ])("%s", async (_what, [name = "", command = ""]) => {
    put(".gitattributes", "*.yaml filter=x diff=x\n");
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    await commit();
    const ran = join(folder, "RAN");
    await git("config", name, command.replace("RAN", ran));
    put("keys/a.yaml", sshKey("b", "bob", freshKey()));
    expect((await compared("keys", "--base", "main")).gained).toEqual(["bob"]);
    expect(existsSync(ran)).toBe(false);
  });

  test("nor the transport of a partial clone that lacks what is asked for", async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    await commit();
    const blob = await git("rev-parse", "main:keys/a.yaml");
    const ran = join(folder, "RAN");
    for (const [name, value] of [
      ["core.repositoryFormatVersion", "1"],
      ["extensions.partialClone", "origin"],
      ["remote.origin.promisor", "true"],
      ["remote.origin.url", `ext::touch ${ran}`],
      ["protocol.ext.allow", "always"],
    ] as const)
      await git("config", name, value);
    rmSync(join(folder, ".git", "objects", blob.slice(0, 2), blob.slice(2)));
    const { code, stderr } = await check("keys", "--base", "main");
    expect([code, existsSync(ran)]).toEqual([2, false]);
    expect(stderr).toBe("error: git does not have main:keys/a.yaml here: fetch the whole commit first\n");
  });
});

describe("what cannot be compared ends with 2 and a sentence:", () => {
  beforeEach(async () => {
    put("keys/a.yaml", sshKey("a", "alice", freshKey()));
    await commit();
  });

  test.each([
    [
      "a ref that is none",
      ["keys", "--base", "nope"],
      /^error: there is no folder, file or commit nope here: /,
    ],
    ["a ref that is an option", ["keys", "--base=--output=x"], /^error: --output=x is no commit: /],
    [
      "a file instead of a commit",
      ["keys", "--base", "main:keys"],
      /^error: there is no folder, file or commit /,
    ],
    [
      "standard input with a ref",
      ["-", "--base", "main"],
      /^error: git does not know what comes on standard input/,
    ],
    [
      "what is in no repository",
      ["/etc", "--base", "main"],
      /^error: \/etc is not in the repository of this folder/,
    ],
    ["standard input as base", ["keys", "--base", "-"], /^error: --base takes a folder, a file or a git ref/],
  ])("%s", async (_what, args, sentence) => {
    const { code, stdout, stderr } = await check(...args);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringMatching(sentence)]);
  });
});

describe("compared with a folder or file", () => {
  test("standard input is, too", async () => {
    const key = freshKey();
    put("before/a.yaml", sshKey("a", "alice", key));
    put("before.yaml", sshKey("a", "alice", key));
    for (const base of ["before", "before.yaml"]) {
      const { code, stdout } = await plugin(["check", "-", "--base", base, "-o", "json"], {
        cwd: folder,
        input: `${sshKey("a", "alice", key)}---\n${sshKey("b", "bob", freshKey())}`,
      });
      const { changes } = (JSON.parse(stdout) as Report).base;
      expect([code, changes?.gained.length, changes?.lost.length]).toEqual([0, 1, 0]);
    }
  });

  test("a Namespace that no manifest is of counts as one that shares, and that is said", async () => {
    const bastion = `apiVersion: ${API_VERSION}\nkind: AuthorizedKeys\nmetadata: {name: bastion, namespace: gate}\nspec: {from: [{namespace: people}]}\n`;
    const mine = sshKey("a", "alice", freshKey()).replace("name: a", "name: a\n  namespace: people");
    put("before/a.yaml", mine);
    put("after/a.yaml", `${mine}---\n${bastion}`);
    const { gained, notes } = await compared("after", "--base", "before");
    expect([gained, notes]).toEqual([
      ["alice"],
      ["No manifest is of Namespace people: it counts as one that shares its keys with everybody."],
    ]);
    const people = (annotations: string) =>
      `---\napiVersion: v1\nkind: Namespace\nmetadata: {name: people${annotations}}\n`;
    put("before/a.yaml", `${mine}---\n${bastion}${people("")}`);
    put(
      "after/a.yaml",
      `${mine}---\n${bastion}${people(", annotations: {sshkey-operator.dev/share-keys-with: gate}")}`,
    );
    expect(await compared("after", "--base", "before")).toEqual({ ...NOTHING, gained: ["alice"] });
  });
});
