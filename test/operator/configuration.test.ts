import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubeconfig as kubeconfigOf } from "../../controlplane/kubeconfig.ts";
import { type Finished, run } from "../cluster/run.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "main.cjs");

let folder: string;
let kubeconfig: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "configuration-test-"));
  kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigOf({ server: "https://127.0.0.1:1", user: "u", token: "t" }));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const UNUSABLE: readonly (readonly [what: string, text: string, line: number, says: string])[] = [
  ["an unknown field", "concurrency: 4\nconcurency: 4\n", 2, "unknown field concurency"],
  [
    "an unknown policy field",
    "policy:\n  allowedTypes: [ssh-rsa]\n  minRSABits: 2048\n",
    3,
    "unknown field minRSABits",
  ],
  ["an inherited name", "toString: 1\n", 1, "unknown field toString"],
  [
    "an unknown key type",
    "policy:\n  allowedTypes:\n    - ssh-rsa\n    - ssh-foo\n",
    4,
    "must be one of ssh-ed25519",
  ],
  ["no key type at all", "policy: { allowedTypes: [] }\n", 1, "must be a list of ssh-ed25519"],
  ["too small an RSA size", "policy:\n  minimumRSABits: 512\n", 2, "a whole number from 1024 to 16384"],
  ["a size in words", "policy:\n  minimumRSABits: many\n", 2, "a whole number from 1024 to 16384"],
  ["a duration without a unit", "secrets:\n  retention: 24\n", 2, "a duration such as 90s"],
  ["the scope of a whole cluster", "duplicateScope: Cluster\n", 1, "must be one of Namespace, User"],
  ["a prefix that is too short", "secrets: { namePrefix: ab- }\n", 1, "4 to 29 lower-case letters"],
  ["a prefix without a dash at its end", "secrets: { namePrefix: sshkeys }\n", 1, "ending with a dash"],
  ["an impossible installation", "installation: -a\n", 1, "lower-case letters, digits and dashes"],
  ["a lifetime beyond a century", "policy: { maximumLifetime: 36501d }\n", 1, "between 1s and 36500d"],
  ["a relative path", "revokedKeys: revoked\n", 1, "the absolute path of a file"],
  [
    "RSA sizes that leave nothing",
    "policy: { minimumRSABits: 4096, maximumRSABits: 3072 }\n",
    1,
    "is below minimumRSABits",
  ],
  ["an unknown scope", "\n\nduplicateScope: Galaxy\n", 3, "must be one of Namespace, User"],
  ["an impossible prefix", "secrets:\n  namePrefix: Keys_\n", 2, "lower-case letters, digits and dashes"],
  ["a list instead of a mapping", "- concurrency: 4\n", 1, "must be a mapping"],
  ["a field given twice", "concurrency: 4\nconcurrency: 5\n", 2, "unique"],
  ["broken YAML", "policy:\n  allowedTypes: [ssh-rsa\n", 3, ""],
  ["no concurrency", "concurrency: 0\n", 1, "a whole number from 1 to 256"],
];

describe("a configuration file that cannot be used ends the start with 3 and one line that names its line", () => {
  test.concurrent.each(UNUSABLE)("%s", async (what, text, line, says) => {
    const file = join(folder, `${what.replaceAll(" ", "-")}.yaml`);
    await writeFile(file, text);
    const { code, stdout, stderr } = await operator("run", "--kubeconfig", kubeconfig, "--config", file);
    const [only = "", ...more] = stderr.trimEnd().split("\n");
    expect([code, stdout, more]).toEqual([3, "", []]);
    expect(only).toContain(`${file}:${line}: `);
    expect(only).toContain(says);
  });

  test.concurrent("one that is missing", async () => {
    const file = join(folder, "missing.yaml");
    expect(await operator("run", "--kubeconfig", kubeconfig, "--config", file)).toEqual({
      code: 3,
      stdout: "",
      stderr: `sshkey-operator: cannot read the configuration file ${file} (ENOENT); check --config\n`,
    });
  });
});

describe("a kubeconfig that cannot be used ends the start with 3 and one line", () => {
  test.concurrent.each([
    ["missing", undefined],
    ["empty", ""],
    ["not YAML", "{"],
    ["without a context", "apiVersion: v1\nkind: Config\n"],
  ])("%s", async (what, text) => {
    const file = join(folder, `${what.replaceAll(" ", "-")}.kubeconfig`);
    if (text !== undefined) await writeFile(file, text);
    const { code, stdout, stderr } = await operator("run", "--kubeconfig", file);
    expect([code, stdout, stderr.trimEnd().split("\n").length]).toEqual([3, "", 1]);
    expect(stderr).toContain(file);
  });
});

describe("a command line that is not understood ends with 2", () => {
  test.concurrent.each([
    [["run", "--no-such-option"]],
    [["no-such-command"]],
    [["run", "--namespace", "Not_A_Namespace"]],
    [["run", "--log-level", "loud"]],
    [["run", "--kubeconfig"]],
    [["run", "surplus"]],
  ])("%j", async (args) => {
    const { code, stdout, stderr } = await operator(...args);
    expect([code, stdout, stderr === ""]).toEqual([2, "", false]);
  });
});

describe("answers end with 0", () => {
  test.concurrent.each([
    ["--help", "Usage: sshkey-operator"],
    ["--version", "0.1.0"],
  ])("%s", async (option, says) => {
    const { code, stdout, stderr } = await operator(option);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(says);
  });

  test.concurrent("run --help, which tells every option and the exit codes", async () => {
    const { code, stdout } = await operator("run", "--help");
    expect(code).toBe(0);
    for (const text of [
      "--kubeconfig",
      "--namespace",
      "--config",
      "--log-level",
      "--log-format",
      "Exit codes",
    ]) {
      expect(stdout).toContain(text);
    }
  });
});

function operator(...args: string[]): Promise<Finished> {
  const { KUBECONFIG: _, ...env } = process.env;
  return run(process.execPath, [BUNDLE, ...args], { env: { ...env, HOME: folder } });
}
