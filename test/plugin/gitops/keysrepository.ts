import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { type Finished, run } from "../../cluster/run.ts";
import { BUNDLE } from "../plugin.ts";

export const EXAMPLE = "examples/gitops";

/** A fork of examples/gitops with one commit, on a machine with git, kubectl and the plugin. */
export class KeysRepository {
  /** Of the machine; `folder` is the repository in it. */
  readonly home: string;
  readonly folder: string;

  private constructor(home: string) {
    this.home = home;
    this.folder = join(home, "repository");
  }

  static async fork(kubectl: string): Promise<KeysRepository> {
    const repository = new KeysRepository(await mkdtemp(join(tmpdir(), "sshkey-gitops-")));
    cpSync(EXAMPLE, repository.folder, { recursive: true });
    repository.program("kubectl", `exec '${kubectl}' "$@"`);
    repository.program("kubectl-sshkey", `exec '${process.execPath}' '${BUNDLE}' "$@"`);
    await repository.git("init", "--quiet", "--initial-branch=main");
    await repository.git("add", "--all");
    await repository.git("commit", "--quiet", "--message=Fork");
    return repository;
  }

  /** Puts a shell script on the PATH. */
  program(name: string, script: string): void {
    const file = join(this.home, "bin", name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  remove(file: string): void {
    rmSync(join(this.folder, file));
  }

  /** Throws what git says where it fails. */
  async git(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryGit(...args);
    if (code !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  async tryGit(...args: readonly string[]): Promise<Finished> {
    return await run("git", args, { cwd: this.folder, env: this.env() });
  }

  /** Runs a script there as a CI does, and stops at the first command that fails. */
  async shell(script: string, env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return await run("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
      cwd: this.folder,
      env: { ...this.env(), ...env },
    });
  }

  async close(): Promise<void> {
    await rm(this.home, { recursive: true });
  }

  /** Nothing of the user who runs the tests. */
  env(): Record<string, string> {
    const who = { NAME: "test", EMAIL: "test@example.com" };
    const identity = Object.entries(who).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]);
    return {
      PATH: `${join(this.home, "bin")}:/usr/bin:/bin`,
      HOME: this.home,
      KUBECONFIG: "/nowhere",
      GIT_CONFIG_NOSYSTEM: "1",
      ...Object.fromEntries(identity),
    };
  }
}

/** A step of a workflow of GitHub, as far as tests run it. */
export interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

export interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly defaults: { readonly run: { readonly shell: string } };
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly if?: string;
        readonly environment?: string;
        readonly permissions?: Readonly<Record<string, string>>;
        readonly steps: readonly Step[];
      }
    >
  >;
}

export function workflowIn(text: string): Workflow {
  return parse(text);
}
