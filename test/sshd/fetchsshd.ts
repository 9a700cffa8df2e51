import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { onPath } from "../../controlplane/executable.ts";
import { withLock } from "../../controlplane/lock.ts";
import { type Finished, run } from "../cluster/run.ts";
import { unpackedTree } from "./unpackedtree.ts";

const TOOLS = ["apt-get", "dpkg", "dpkg-deb", "ldd"];
const PACKAGES = ["openssh-server", "libnss-wrapper"];
/** A library that lacks a library that lacks a library: no chain in any release is longer. */
const ROUNDS = 4;

/**
 * Unpacks the distribution's own sshd, nss_wrapper and the shared libraries that they lack into the folder, by
 * apt-get and dpkg-deb, as any user and without a change to the system. Says whether they are there; a folder that
 * has them is left as it is.
 */
export async function fetchSSHD(folder: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (isWhole(folder)) return true;
  if (TOOLS.some((tool) => onPath(tool, env) === undefined)) return false;
  await mkdir(dirname(folder), { recursive: true });
  const waiting = () => process.stderr.write("waiting for another process that fetches sshd\n");
  return withLock(`${folder}.lock`, waiting, async () => {
    if (isWhole(folder)) return true;
    const work = await mkdtemp(`${folder}.`);
    try {
      const debian = new Debian(work, env);
      if (!(await debian.unpackAll())) return false;
      await rm(folder, { recursive: true, force: true });
      await rename(debian.root, folder);
      return true;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

function isWhole(folder: string): boolean {
  const { sshd, nssWrapper } = unpackedTree(folder);
  return sshd !== undefined && nssWrapper !== undefined;
}

class Debian {
  readonly root: string;
  readonly #work: string;
  readonly #env: NodeJS.ProcessEnv;
  #options: readonly string[] = [];
  readonly #unpacked = new Set<string>();

  constructor(work: string, env: NodeJS.ProcessEnv) {
    this.#work = work;
    this.#env = env;
    this.root = join(work, "root");
  }

  async unpackAll(): Promise<boolean> {
    if (!(await this.#unpack(PACKAGES))) return false;
    for (let round = 0; round < ROUNDS; round++) {
      if (!(await this.#lacksLibraries())) return true;
      const wanted = await this.#libraryPackages();
      if (wanted.length === 0 || !(await this.#unpack(wanted))) return false;
    }
    return !(await this.#lacksLibraries());
  }

  /** Downloads by the package lists of the system, and by fresh ones of its own where these are empty or too old. */
  async #unpack(packages: readonly string[]): Promise<boolean> {
    process.stderr.write(`fetching ${packages.join(", ")} for the tests with a real sshd\n`);
    let { code } = await this.#apt("download", ...packages);
    if (code !== 0 && this.#options.length === 0) {
      await this.#ownLists();
      ({ code } = await this.#apt("download", ...packages));
    }
    if (code !== 0) return false;
    for (const name of (await readdir(this.#work)).filter((each) => each.endsWith(".deb"))) {
      if (this.#unpacked.has(name)) continue;
      this.#unpacked.add(name);
      if ((await this.#run("dpkg-deb", ["-x", name, this.root])).code !== 0) return false;
    }
    return true;
  }

  async #ownLists(): Promise<void> {
    const state = join(this.#work, "apt");
    await mkdir(join(state, "lists", "partial"), { recursive: true });
    await mkdir(join(state, "archives", "partial"), { recursive: true });
    this.#options = ["-o", `Dir::State=${state}`, "-o", `Dir::Cache=${state}`];
    // One source of several may fail; whether the rest is enough, the download shows.
    await this.#apt("update");
  }

  /** The user that root's apt-get would change to cannot write here, hence no sandbox. */
  #apt(command: string, ...args: readonly string[]): Promise<Finished> {
    return this.#run("apt-get", ["-q", "-o", "APT::Sandbox::User=", ...this.#options, command, ...args]);
  }

  async #lacksLibraries(): Promise<boolean> {
    const { stdout } = await this.#run("ldd", [unpackedTree(this.root).sshd ?? ""]);
    return stdout.includes("not found");
  }

  /** What the packages unpacked so far depend on, is a library, and is neither unpacked nor installed. */
  async #libraryPackages(): Promise<string[]> {
    const wanted = new Set<string>();
    for (const file of this.#unpacked) {
      const { stdout } = await this.#run("dpkg-deb", ["-f", file, "Depends"]);
      for (const [name] of stdout.matchAll(/(?<=^|, )lib[a-z0-9.+-]+/g)) wanted.add(name);
    }
    const have = new Set([...this.#unpacked].map((file) => file.replace(/_.*/, "")));
    const missing: string[] = [];
    for (const name of wanted) {
      if (have.has(name)) continue;
      const { stdout } = await this.#run("dpkg", ["-s", name]);
      if (!stdout.includes("Status: install ok installed")) missing.push(name);
    }
    return missing;
  }

  #run(command: string, args: readonly string[]): Promise<Finished> {
    const env = {
      ...this.#env,
      LC_ALL: "C",
      LD_LIBRARY_PATH: unpackedTree(this.root).libraries.join(delimiter),
    };
    const absent: Finished = { code: 127, stdout: "", stderr: "" };
    return run(command, args, { cwd: this.#work, env }).catch(() => absent);
  }
}
