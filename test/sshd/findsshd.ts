import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { onPath } from "../../controlplane/executable.ts";
import { type Finished, run } from "../cluster/run.ts";
import { fetchSSHD } from "./fetchsshd.ts";
import { type UnpackedTree, unpackedTree } from "./unpackedtree.ts";

/** A real sshd, and what it takes to run it as an ordinary user with accounts of its own. */
export interface SSHD {
  /** Absolute path: sshd starts itself anew for each connection and accepts nothing else. */
  readonly program: string;
  /** libnss_wrapper.so, which gives a process its own user database (https://cwrap.org/nss_wrapper.html). */
  readonly nssWrapper: string;
  /** Folders with the shared libraries that this machine lacks. */
  readonly libraries: readonly string[];
  /** sshd-session (OpenSSH 9.8) and sshd-auth (10.0) where they are not where sshd was built to look. */
  readonly parts: UnpackedTree["parts"];
  readonly version: Version;
}

/** 9 and 2 of OpenSSH_9.2p1. */
export interface Version {
  readonly major: number;
  readonly minor: number;
}

/**
 * Finds sshd where `SSHD` points, else on the PATH, in the sbin folders or in the cache folder
 * `${XDG_CACHE_HOME:-~/.cache}/sshkey-operator/sshd`, which on a Debian-like system is filled first from the
 * distribution's packages, without root and without installing them. Throws an SSHDError that says what to install.
 */
export async function findSSHD(env: NodeJS.ProcessEnv = process.env): Promise<SSHD> {
  const base = env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache");
  const cache = join(base, "sshkey-operator", "sshd");
  const system = unpackedTree("/");
  const outside = {
    program: env.SSHD || onPath("sshd", env) || system.sshd,
    nssWrapper: env.NSS_WRAPPER || system.nssWrapper,
  };
  if ((outside.program === undefined || outside.nssWrapper === undefined) && !(await fetchSSHD(cache, env))) {
    throw new SSHDError(outside);
  }
  const cached = unpackedTree(cache);
  const program = outside.program ?? cached.sshd;
  const nssWrapper = outside.nssWrapper ?? cached.nssWrapper;
  const { libraries, parts } =
    outside.program === undefined ? cached : { libraries: [], parts: [] as UnpackedTree["parts"] };
  const version = program === undefined ? undefined : await versionOf(program, libraries);
  if (program === undefined || nssWrapper === undefined || version === undefined) {
    throw new SSHDError({ program, nssWrapper });
  }
  return { program, nssWrapper, libraries, parts, version };
}

/** Is this sshd of that version or newer? */
export function isAtLeast({ version }: SSHD, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

/** There is no sshd that runs, or no nss_wrapper, and no way to get it. */
export class SSHDError extends Error {
  readonly code = "SSHD_MISSING";

  constructor(found: { readonly program: string | undefined; readonly nssWrapper: string | undefined }) {
    const lacking = [
      found.program === undefined ? "install openssh-server or set SSHD to the path of an sshd" : "",
      found.nssWrapper === undefined
        ? "install libnss-wrapper or set NSS_WRAPPER to the path of libnss_wrapper.so"
        : "",
    ].filter((each) => each !== "");
    super(
      lacking.length === 0
        ? `${found.program} does not run: install openssh-server, or set SSHD to the path of one that runs`
        : `there is no ssh server to test with: ${lacking.join("; ")}`,
    );
    this.name = "SSHDError";
  }
}

/** Undefined if it does not start. Versions that know no -V print theirs with the usage. */
async function versionOf(program: string, libraries: readonly string[]): Promise<Version | undefined> {
  const env = { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) };
  const nothing: Finished = { code: null, stdout: "", stderr: "" };
  const { stdout, stderr } = await run(program, ["-V"], { env }).catch(() => nothing);
  const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec(stdout + stderr) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}
