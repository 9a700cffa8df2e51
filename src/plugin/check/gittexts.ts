import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { basename, isAbsolute, relative, resolve, sep } from "node:path";
import { printable } from "../../ssh/unprintable.ts";
import {
  type FileText,
  isLock,
  isManifestFile,
  MAXIMUM_FILE_BYTES,
  STDIN,
  TOO_LARGE,
  textOfBytes,
} from "../manifests/files.ts";
import { PluginError, type Session } from "../session/session.ts";
import { runProgram } from "../session/subprocess.ts";
import { ByteReader } from "./bytereader.ts";

/**
 * The manifests that these files and folders had in a commit, one at a time; as the repository stores them, and without a
 * look at the work tree. Of what the repository's configuration names nothing is run: no hook, filter or helper, and nothing
 * is fetched.
 */
export async function* gitTexts(
  session: Session,
  ref: string,
  names: readonly string[],
  recursive: boolean,
): AsyncIterable<FileText> {
  if (ref.startsWith("-"))
    throw new PluginError(`${printable(ref)} is no commit: name a folder, a file or a git ref for --base`);
  if (names.includes(STDIN))
    throw new PluginError(
      "git does not know what comes on standard input: give --base a folder or file that holds what came there before",
    );
  const top = await topOf(session);
  const commit = await commitOf(session, ref);
  const paths = names.map((name) => pathBelow(top, name));
  const entries = await entriesOf(session, commit, paths, recursive);
  if (entries.length > 0) yield* contents(session, ref, commit, entries);
}

async function topOf(session: Session): Promise<string> {
  const { code, stdout, stderr } = await git(session, ["rev-parse", "--show-toplevel"]);
  if (code === 0) return stdout.replace(/\n$/, "");
  throw new PluginError(
    `git cannot read a repository here (${firstLine(stderr)}): run this in one, or give --base a folder or file`,
  );
}

async function commitOf(session: Session, ref: string): Promise<string> {
  const { stdout } = await git(session, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
  const commit = stdout.trim();
  if (/^[0-9a-f]{40,64}$/.test(commit)) return commit;
  const name = printable(ref);
  throw new PluginError(
    `there is no folder, file or commit ${name} here: correct the name, or fetch it first, for example with \`git fetch --depth=1 origin main\``,
  );
}

/** The name as the commit has it, with slashes; empty for all of it. */
function pathBelow(top: string, name: string): string {
  const path = relative(top, existsSync(name) ? realpathSync(name) : resolve(name));
  if (path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path))
    throw new PluginError(
      `${printable(name)} is not in the repository of this folder: run this there, or give --base a folder or file`,
    );
  return path.split(sep).join("/");
}

interface Entry {
  readonly path: string;
  readonly id: string;
  readonly isLink: boolean;
}

async function entriesOf(
  session: Session,
  commit: string,
  paths: readonly string[],
  recursive: boolean,
): Promise<readonly Entry[]> {
  const limits = paths.includes("") ? [] : paths;
  const { code, stdout, stderr } = await git(session, [
    ...["ls-tree", "-r", "-z", "--full-tree", commit, "--"],
    ...limits,
  ]);
  if (code !== 0) throw new PluginError(`git cannot list the commit (${firstLine(stderr)}): fetch it anew`);
  const all = stdout.split("\0").filter(Boolean).map(toEntry);
  const taken = new Map<string, Entry>();
  for (const path of paths) {
    const prefix = path === "" ? "" : `${path}/`;
    for (const entry of all) {
      if (entry === undefined) continue;
      const isBelow = entry.path.startsWith(prefix) && isInFolder(entry, prefix.length, recursive);
      if (entry.path === path || isBelow) taken.set(entry.path, entry);
    }
  }
  return [...taken.values()];
}

/** Does a folder with so many characters in front of its files give this one, as it would on a disk? */
function isInFolder({ path, isLink }: Entry, prefix: number, recursive: boolean): boolean {
  if (!recursive && path.includes("/", prefix)) return false;
  return isManifestFile(path) && !isLock(basename(path), isLink);
}

/** Undefined for what is no file, such as another repository. */
function toEntry(line: string): Entry | undefined {
  const [, mode = "", id = "", path = ""] = /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
  return path === "" ? undefined : { path, id, isLink: mode === "120000" };
}

async function* contents(
  session: Session,
  ref: string,
  commit: string,
  entries: readonly Entry[],
): AsyncIterable<FileText> {
  // A name with a line break would be two questions.
  const asked = entries.filter(({ path, isLink }) => !(isLink && path.includes("\n")));
  const child = spawn("git", [...SAFE, "cat-file", "--batch", "--follow-symlinks"], {
    env: environment(session),
    stdio: ["pipe", "pipe", "ignore"],
    signal: session.signal,
  });
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  // Links are followed within the commit only.
  child.stdin.end(asked.map(({ id, path, isLink }) => `${isLink ? `${commit}:${path}` : id}\n`).join(""));
  const reader = new ByteReader(child.stdout);
  try {
    for (const { path } of asked) {
      const file = `${ref}:${path}`;
      // `ID KIND SIZE`, `KIND SIZE` of a link that leads nowhere, or `WHAT missing`.
      const [kind = "", size = ""] = (await reader.line()).split(" ").slice(-2);
      const length = /^\d+$/.test(size) ? Number(size) : undefined;
      if (length !== undefined && length > MAXIMUM_FILE_BYTES)
        throw new PluginError(`${printable(file)}: ${TOO_LARGE}`);
      // A line break follows.
      const bytes = length === undefined ? undefined : await reader.bytes(length + 1);
      session.signal.throwIfAborted();
      if (bytes === undefined || bytes.length !== (length ?? 0) + 1)
        throw new PluginError(`git does not have ${printable(file)} here: fetch the whole commit first`);
      if (kind === "blob") yield { file, ...textOfBytes(bytes.subarray(0, -1)) };
      else if (kind !== "tree")
        yield { file, problem: "this is a link that leads out of the commit: it is not followed" };
    }
  } finally {
    child.kill();
  }
}

/** What a repository may set up to be run is off, whether these commands would come to it or not. */
const SAFE = ["--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];

function environment({ env }: Session): NodeJS.ProcessEnv {
  return {
    ...env,
    // In a partial clone git would fetch what it lacks, with programs that the repository's configuration names.
    GIT_ALLOW_PROTOCOL: "none",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_LITERAL_PATHSPECS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
}

async function git(session: Session, args: readonly string[]): ReturnType<typeof runProgram> {
  const missing = "install it, or give --base a folder or file";
  return await runProgram(session, "git", [...SAFE, ...args], { env: environment(session), missing });
}

function firstLine(stderr: string): string {
  return printable(stderr.trim().split("\n", 1)[0] ?? "").replace(/^fatal: /, "");
}
