import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const NAMESPACES = ["--mount", "--net", "--pid"];

/** Namespaces of its own, for root on Linux. They and all in them end with the process that started them. */
export class Sandbox {
  readonly #unshare: ChildProcess;
  readonly #pid: string;

  private constructor(unshare: ChildProcess, pid: string) {
    this.#unshare = unshare;
    this.#pid = pid;
  }

  /** Throws when the kernel or the machine does not allow it. */
  static async start(): Promise<Sandbox> {
    const script = join(import.meta.dirname, "sandbox.sh");
    const options = ["--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
    const unshare = spawn("unshare", [...NAMESPACES, ...options, "/bin/sh", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [said] = await Promise.race([once(unshare.stdout, "data"), once(unshare, "exit")]);
    if (String(said).trim() !== "ready") {
      throw new Error("the namespaces of the cluster cannot be made; unshare says why above");
    }
    const [pid = ""] = readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, "utf8").split(" ");
    return new Sandbox(unshare, pid);
  }

  /** The command line that runs a command in here, in the folder where it would have run outside. */
  within(command: readonly string[]): string[] {
    return ["nsenter", "--target", this.#pid, ...NAMESPACES, "env", `--chdir=${process.cwd()}`, ...command];
  }

  async close(): Promise<void> {
    const exited = once(this.#unshare, "exit");
    this.#unshare.stdin?.end();
    await exited;
    removeControlGroups();
  }
}

/** Control groups have no namespace that ends them: those that podman made stay, and are empty. */
function removeControlGroups(): void {
  for (const hierarchy of ["", ...readdirSync(CONTROL_GROUPS)]) {
    removeFolders(join(CONTROL_GROUPS, hierarchy, "libpod_parent"));
  }
}

/** A control group is removed as a folder, although it shows files. One that is in use stays. */
function removeFolders(folder: string): void {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    for (const entry of entries.filter((each) => each.isDirectory())) removeFolders(join(folder, entry.name));
    rmdirSync(folder);
  } catch (error) {
    if (!["ENOENT", "ENOTDIR", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

const CONTROL_GROUPS = "/sys/fs/cgroup";
