import { chmod, chown, copyFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { type Child, spawnChild } from "../../controlplane/child.ts";
import { eventually } from "../cluster/eventually.ts";
import { isAtLeast, type SSHD } from "./findsshd.ts";
import { ed25519 } from "./keypair.ts";
import { openFolder } from "./secretvolume.ts";

/** A real sshd on a loopback port, run by an ordinary user, with accounts that only it knows. */
export interface SSHDProcess {
  readonly port: number;
  /** A known_hosts file with its host key. */
  readonly knownHosts: string;
  /** All that it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

export interface SSHDOptions {
  readonly sshd: SSHD;
  /** Text of sshd_config, without Port and HostKey. */
  readonly config: string;
  readonly accounts: readonly Account[];
  /** The group of the accounts; nogroup if not given. */
  readonly group?: string;
  /** As in TZ; the machine's own if not given. */
  readonly timeZone?: string;
}

export interface Account {
  readonly name: string;
  /** Absolute path; /bin/sh if not given. */
  readonly shell?: string;
  /** The password field of passwd(5); "*", which is no password, if not given. */
  readonly password?: string;
  /** Is the account in another group than the others? */
  readonly isApart?: boolean;
}

/** Uid and gid for root to change to: those of nobody on every distribution. */
const NOBODY = 65_534;
const APART = 65_533;
const PORTS_TRIED = 5;

/**
 * Starts sshd and waits until it listens. All accounts share one uid, that of the user who runs the tests or
 * nobody's, so that nothing needs root. Ends with this process, however it ends.
 */
export async function startSSHD(o: SSHDOptions): Promise<SSHDProcess> {
  const folder = await openFolder();
  try {
    const { command, env } = await prepare(folder, o);
    for (let tried = 0; tried < PORTS_TRIED; tried++) {
      const port = await freePort();
      const args = [...command.slice(1), "-D", "-e", "-f", join(folder, "sshd_config"), "-p", `${port}`];
      const logFile = join(folder, "sshd.log");
      const child = spawnChild({ name: "sshd", command: command[0] ?? "", args, env, logFile });
      if (!(await listens(child, port))) continue;
      const knownHosts = join(folder, "known_hosts");
      const hostKey = await readFile(join(folder, "hostkey.pub"), "utf8");
      await writeFile(knownHosts, `[127.0.0.1]:${port} ${hostKey}`);
      const stop = async () => {
        await child.stop();
        await rm(folder, { recursive: true });
      };
      return { port, knownHosts, log: () => child.output(), stop };
    }
    throw new Error(`sshd found none of ${PORTS_TRIED} ports free: run the tests again`);
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
}

async function prepare(folder: string, { sshd, config, accounts, group = "nogroup", timeZone }: SSHDOptions) {
  // Copies, since nobody may not enter the home folder of root, where the originals may be.
  const program = await copy(sshd.program, folder);
  const nssWrapper = await copy(sshd.nssWrapper, folder);
  await mkdir(join(folder, "lib"));
  for (const library of sshd.libraries)
    await cp(library, join(folder, "lib"), { recursive: true, dereference: true });
  const uid = process.getuid?.() || NOBODY;
  const gid = process.getgid?.() || NOBODY;
  const home = join(folder, "home");
  await mkdir(home);
  const entry = ({ name, shell = "/bin/sh", password = "*", isApart = false }: Account) =>
    `${name}:${password}:${uid}:${isApart ? APART : gid}::${home}:${shell}\n`;
  const nobody = { name: "nobody", shell: "/usr/sbin/nologin" };
  await writeFile(join(folder, "passwd"), [nobody, ...accounts].map(entry).join(""));
  await writeFile(join(folder, "group"), `${group}:x:${gid}:\napart:x:${APART}:\n`);
  const hostKey = await ed25519(folder, "hostkey");
  const lines = [
    `HostKey ${hostKey.file}`,
    "ListenAddress 127.0.0.1",
    "PidFile none",
    "LogLevel VERBOSE",
    // A first wrong key would have all later logins from the loopback address wait (OpenSSH 9.8).
    ...(isAtLeast(sshd, 9, 8) ? ["PerSourcePenalties no"] : []),
    ...(await Promise.all(
      sshd.parts.map(async (part) => `${part.keyword} ${await copy(part.program, folder)}`),
    )),
    config,
  ];
  await writeFile(join(folder, "sshd_config"), `${lines.join("\n")}\n`);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const file of [home, hostKey.file]) await chown(file, uid, gid);
  const asNobody = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const env = {
    PATH: process.env.PATH,
    LD_LIBRARY_PATH: join(folder, "lib"),
    NSS_WRAPPER_PASSWD: join(folder, "passwd"),
    NSS_WRAPPER_GROUP: join(folder, "group"),
    ...(timeZone === undefined ? {} : { TZ: timeZone }),
  };
  // Set for sshd alone: what starts it need not be wrapped.
  const wrapped = ["env", `LD_PRELOAD=${nssWrapper}`, program];
  return { command: isRoot ? [...asNobody, ...wrapped] : wrapped, env };
}

async function copy(program: string, folder: string): Promise<string> {
  const target = join(folder, basename(program));
  await copyFile(program, target);
  await chmod(target, 0o755);
  return target;
}

/** False if another process has taken the port. */
async function listens(child: Child, port: number): Promise<boolean> {
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  const isListening = () => child.output().includes(`Server listening on 127.0.0.1 port ${port}.`);
  await eventually("sshd listens", () => ended || isListening());
  if (isListening() && !ended) return true;
  if (child.output().includes("Address already in use")) return false;
  throw new Error(`sshd did not start: ${child.output().trim()}`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("the OS named no free port");
  return address.port;
}
