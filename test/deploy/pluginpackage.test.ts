import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findBinaries } from "../../controlplane/binaries.ts";
import { findGoTool } from "../../controlplane/gotool.ts";
import manifest from "../../package.json" with { type: "json" };
import { type Finished, run } from "../cluster/run.ts";
import { TaggedRepository } from "./taggedrepository.ts";

const { version } = manifest;

let scratch: string;
let repository: TaggedRepository;
let released: string;
let archive: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sshkey-plugin-package-"));
  repository = await TaggedRepository.make();
  released = await repository.release("release");
  archive = join(released, `kubectl-sshkey-${version}.tgz`);
});

afterAll(async () => {
  await repository?.remove();
  await rm(scratch, { recursive: true });
});

describe("the npm package of a release", () => {
  let prefix: string;

  beforeAll(async () => {
    prefix = join(scratch, "prefix");
    const flags = ["--global", "--offline", "--prefix", prefix, "--cache", join(scratch, "cache")];
    expect(await run("npm", ["install", ...flags, archive])).toMatchObject({ code: 0 });
  });

  test("is found by kubectl once npm has installed it, with no network", async () => {
    const { code, stdout } = await kubectlSSHKey(join(prefix, "bin"), "--help");
    expect([code, stdout]).toEqual([0, expect.stringContaining("Usage: kubectl sshkey")]);
  });

  test("says the version of the release", async () => {
    const { stdout } = await kubectlSSHKey(join(prefix, "bin"), "--version");
    expect(stdout).toBe(`${version}\n`);
  });

  test("brings the program that kubectl asks for completions", async () => {
    expect((await readdir(join(prefix, "bin"))).sort()).toEqual([
      "kubectl-sshkey",
      "kubectl_complete-sshkey",
    ]);
  });

  test("has the files that it needs, and no others", async () => {
    const { stdout } = await run("tar", ["-tzf", archive]);
    const files = [
      "LICENSE",
      "README.md",
      "known-keys.blocklist",
      "kubectl-sshkey.cjs",
      "kubectl_complete-sshkey.cjs",
      "package.json",
    ];
    expect(stdout.split("\n").sort()).toEqual(
      ["", "package/", ...files.map((file) => `package/${file}`)].sort(),
    );
  });

  test("is what npm itself would pack of its files", async () => {
    const folder = join(scratch, "unpacked");
    await mkdir(folder);
    await run("tar", ["-xzf", archive, "-C", folder]);
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json"], { cwd: join(folder, "package") });
    const [packed] = Object.values<{ readonly files: readonly { readonly path: string }[] }>(
      JSON.parse(stdout),
    );
    const { stdout: listed } = await run("tar", ["-tzf", archive]);
    expect(packed?.files.map(({ path }) => `package/${path}`).sort()).toEqual(
      listed
        .split("\n")
        .filter((name) => !/^$|\/$/.test(name))
        .sort(),
    );
  });

  test("names what it is, which Node it needs, and no dependency", async () => {
    const installed = join(prefix, "lib", "node_modules", "kubectl-sshkey", "package.json");
    const { homepage, repository, description, keywords, ...rest } = JSON.parse(
      await readFile(installed, "utf8"),
    );
    expect(rest).toEqual({
      name: "kubectl-sshkey",
      version,
      license: manifest.license,
      engines: manifest.engines,
      bin: {
        "kubectl-sshkey": "kubectl-sshkey.cjs",
        "kubectl_complete-sshkey": "kubectl_complete-sshkey.cjs",
      },
    });
    expect([homepage, repository.url]).toEqual([TaggedRepository.URL, `git+${TaggedRepository.URL}.git`]);
  });
});

describe("krew", () => {
  test.each([
    ["linux", "amd64"],
    ["linux", "arm64"],
    ["darwin", "amd64"],
    ["darwin", "arm64"],
  ])("installs the release for %s on %s, checksum and all, and kubectl finds it", async (os, arch) => {
    const root = join(scratch, `krew-${os}-${arch}`);
    expect(await krewInstall(root, os, arch)).toMatchObject({ code: 0 });
    const { stdout } = await kubectlSSHKey(join(root, "bin"), "--version");
    expect(stdout).toBe(`${version}\n`);
  });

  test("installs the licence beside the plugin", async () => {
    const root = join(scratch, "krew-licence");
    await krewInstall(root, "linux", "amd64");
    expect((await readdir(join(root, "store", "sshkey", `v${version}`))).sort()).toEqual([
      "LICENSE",
      "known-keys.blocklist",
      "kubectl-sshkey.cjs",
    ]);
  });

  test("says what else is needed", async () => {
    const { stderr } = await krewInstall(join(scratch, "krew-caveats"), "linux", "amd64");
    expect(stderr).toContain(`needs Node ${manifest.engines.node.replace(">=", "")} or newer`);
  });

  // Its link is named kubectl-sshkey.exe there.
  test("does not offer it on Windows, where it could not be started", async () => {
    const { code, stderr } = await krewInstall(join(scratch, "krew-windows"), "windows", "amd64");
    expect(code).not.toBe(0);
    expect(stderr).toContain("does not offer installation for this platform");
  });

  test("gets the archive from the release", async () => {
    const { spec } = parse(await readFile(join(released, "sshkey.yaml"), "utf8"));
    expect(spec.platforms.map(({ uri }: { readonly uri: string }) => uri)).toEqual([
      `${TaggedRepository.URL}/releases/download/v${version}/${basename(archive)}`,
    ]);
  });

  test("links a program for completion, where its caveats are followed", async () => {
    const root = join(scratch, "krew-completion");
    const { stderr } = await krewInstall(root, "linux", "amd64");
    const commands = [...stderr.matchAll(/^[\s|]*((?:printf|chmod) .*)$/gm)].map(([, command]) => command);
    const { code } = await run("sh", ["-c", commands.join("\n")], {
      env: { ...process.env, KREW_ROOT: root },
    });
    expect([commands.length, code]).toEqual([2, 0]);
    const written = await readFile(join(root, "bin", "kubectl_complete-sshkey"), "utf8");
    expect(written).toBe('#!/bin/sh\nexec kubectl-sshkey __complete "$@"\n');
  });
});

async function krewInstall(root: string, os: string, arch: string): Promise<Finished> {
  const krew = await findGoTool("krew", { progress: (line) => process.stderr.write(`${line}\n`) });
  const file = join(released, "sshkey.yaml");
  return await run(krew, ["install", `--manifest=${file}`, `--archive=${archive}`], {
    env: { ...process.env, KREW_ROOT: root, KREW_OS: os, KREW_ARCH: arch },
  });
}

/** As a person runs it, with that folder on the PATH. */
async function kubectlSSHKey(folder: string, ...args: string[]): Promise<Finished> {
  const kubectl = join(await findBinaries(), "kubectl");
  const env = { ...process.env, PATH: `${folder}:${dirname(process.execPath)}:/usr/bin:/bin` };
  return await run(kubectl, ["sshkey", ...args], { env });
}
