import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";

export interface KeyFile {
  /** Of the private key. */
  readonly file: string;
  readonly publicFile: string;
  /** The line of the .pub file. */
  readonly publicKey: string;
}

/** A person's home with a .ssh folder and an ssh-agent, as `env` for a program. */
export class OpenSSH {
  readonly folder: string;
  readonly #agent: ReturnType<typeof spawn>;

  private constructor(folder: string) {
    this.folder = folder;
    this.#agent = spawn("ssh-agent", ["-D", "-a", join(folder, "agent")], { stdio: "ignore" });
  }

  static async open(): Promise<OpenSSH> {
    const openssh = new OpenSSH(await mkdtemp(join(tmpdir(), "sshkey-plugin-")));
    await mkdir(join(openssh.folder, ".ssh"));
    // 1: it answers, and holds no keys.
    await eventually("the agent answers", async () => (await openssh.#run("ssh-add", "-l")).code === 1);
    return openssh;
  }

  get env(): Readonly<Record<string, string>> {
    return { HOME: this.folder, SSH_AUTH_SOCK: join(this.folder, "agent") };
  }

  /** A fresh key pair of this name in the folder, or in `.ssh` of it. */
  async newKey(name: string, comment: string): Promise<KeyFile> {
    const file = join(this.folder, name);
    const args = ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file];
    const { code, stderr } = await this.#run("ssh-keygen", ...args);
    if (code !== 0) throw new Error(stderr);
    const publicFile = `${file}.pub`;
    return { file, publicFile, publicKey: (await readFile(publicFile, "utf8")).trim() };
  }

  async addToAgent({ file }: KeyFile): Promise<void> {
    const { code, stderr } = await this.#run("ssh-add", "-q", file);
    if (code !== 0) throw new Error(stderr);
  }

  async close(): Promise<void> {
    const ended = once(this.#agent, "close");
    this.#agent.kill();
    await ended;
    await rm(this.folder, { recursive: true });
  }

  async #run(program: string, ...args: readonly string[]) {
    return await run(program, args, { env: { ...process.env, ...this.env } });
  }
}
