import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BADKEYS_DATA, BADKEYS_LIST } from "./badkeysdata.ts";
import { ListError } from "./listerror.ts";
import { type ReadList, readListFile } from "./readlist.ts";

/** How often it is looked whether a file has changed, in ms: a mounted ConfigMap or Secret changes by other files in its place. */
const LOOK_EVERY_MS = 2000;

/** How long a file must have been as it is before it is read, in ms: until then it may be half of what it is to be. */
const SETTLED_MS = 2000;

/** How long it is waited at the start for a list that cannot be read, in ms: it may be under way. */
const PATIENCE_MS = 10_000;

/** Of a list of 8 bytes a key, 60 million of them. */
const MOST_BYTES = 512 * 1024 * 1024;

/** A list that is in force. */
export interface FolderList extends ReadList {
  /** The file's name in the folder. */
  readonly name: string;
  /** When the file was last written, in ms since the epoch. */
  readonly modifiedAt: number;
}

export interface BlocklistFolderOptions {
  readonly folder: string;
  /** Takes all lists in force whenever one of them has changed. `hasUnread`: there is one that could never be read. */
  readonly onChange: (lists: readonly FolderList[], hasUnread: boolean) => void;
  /** A list was read in place of what was known of it, if anything was. */
  readonly onRead: (list: FolderList) => void;
  /** The folder can be read again. */
  readonly onFound: () => void;
  /** The file is not there any more, and its list, if it had one, is no longer in force. */
  readonly onGone: (name: string) => void;
  /** A file, or the folder where `name` is undefined, cannot be read. What was known of it stays in force. Told once of each version. */
  readonly onProblem: (name: string | undefined, problem: string) => void;
}

/** What was last seen of a file. */
interface Seen {
  readonly version: string;
  readonly list: FolderList | undefined;
}

/** The lists of compromised keys in a folder, read again when a file changes. Names that begin with a dot are left out. */
export class BlocklistFolder {
  readonly #o: BlocklistFolderOptions;
  readonly #seen = new Map<string, Seen>();
  /** Versions of files that were changed just now, by name. */
  readonly #unsettled = new Map<string, string>();
  /** Names that were not there at the last look: whoever writes a file anew may take it away before. */
  #absent: ReadonlySet<string> = new Set();
  #hadUnread = false;
  #problem = "";

  constructor(options: BlocklistFolderOptions) {
    this.#o = options;
  }

  /**
   * Reads all files for the first time. Where one is no list, it is looked again for ten seconds, until it is: whoever waits
   * lets nobody in meanwhile. Rejects with a ListError where the folder cannot be listed.
   */
  async load(signal: AbortSignal): Promise<void> {
    const names = await this.#names();
    if (typeof names === "string")
      throw new ListError(`the folder ${this.#o.folder} cannot be read (${names}); check blocklists`);
    await this.#look(names);
    const deadline = performance.now() + PATIENCE_MS;
    while (this.#hasUnread && performance.now() < deadline && (await pause(signal))) {
      const again = await this.#names();
      if (typeof again !== "string") await this.#look(again);
    }
  }

  /** Looks for changes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (await pause(signal)) {
      const names = await this.#names();
      if (typeof names !== "string") {
        if (this.#problem !== "") this.#o.onFound();
        this.#problem = "";
        await this.#look(names);
      } else if (names !== this.#problem) {
        this.#problem = names;
        this.#o.onProblem(undefined, `it cannot be read (${names})`);
      }
    }
  }

  async #names(): Promise<readonly string[] | string> {
    try {
      const names = await readdir(this.#o.folder);
      return names.filter((name) => !name.startsWith(".") && name !== BADKEYS_DATA);
    } catch (error) {
      return codeOf(error);
    }
  }

  async #look(names: readonly string[]): Promise<void> {
    let isChanged = false;
    for (const name of names) isChanged = (await this.#lookAt(name)) || isChanged;
    for (const name of this.#unsettled.keys()) if (!names.includes(name)) this.#unsettled.delete(name);
    const absent = [...this.#seen.keys()].filter((name) => !names.includes(name));
    for (const name of absent) {
      if (!this.#absent.has(name)) continue;
      isChanged ||= this.#seen.get(name)?.list !== undefined;
      this.#seen.delete(name);
      this.#o.onGone(name);
    }
    this.#absent = new Set(absent);
    const hasUnread = this.#hasUnread;
    if (!isChanged && hasUnread === this.#hadUnread) return;
    this.#hadUnread = hasUnread;
    this.#o.onChange(
      [...this.#seen.values()].flatMap(({ list }) => list ?? []),
      hasUnread,
    );
  }

  /** Is there a file that could never be read, or not yet? */
  get #hasUnread(): boolean {
    const isUnread = (name: string) => this.#seen.get(name)?.list === undefined;
    return [...this.#seen.keys(), ...this.#unsettled.keys()].some(isUnread);
  }

  /** Says whether another list is in force. */
  async #lookAt(name: string): Promise<boolean> {
    const known = this.#seen.get(name);
    let version = known?.version ?? "";
    try {
      const path = join(this.#o.folder, name);
      const found = await stat(path);
      // The SHA-256 of badkeys' list stands in another file, which may come before it or after it.
      const beside =
        name === BADKEYS_LIST ? await statOrNothing(join(this.#o.folder, BADKEYS_DATA)) : undefined;
      version = [found, beside].map((each) => `${each?.ino} ${each?.size} ${each?.mtimeMs}`).join();
      if (version === known?.version || !found.isFile()) return false;
      if (!this.#isSettled(name, version, found.mtimeMs)) return false;
      if (found.size > MOST_BYTES) throw new ListError(`it has more than ${MOST_BYTES} bytes`);
      const list = { ...(await readListFile(path)), name, modifiedAt: found.mtimeMs };
      this.#seen.set(name, { version, list });
      this.#o.onRead(list);
      return true;
    } catch (error) {
      const problem = error instanceof ListError ? error.message : `it cannot be read (${codeOf(error)})`;
      // What is wrong in a file lasts until another one is there; whether it can be read may change at any time.
      const seen = error instanceof ListError ? version : problem;
      if (seen !== known?.version) this.#o.onProblem(name, problem);
      this.#seen.set(name, { version: seen, list: known?.list });
      return false;
    }
  }

  /** By its time, or, since clocks differ, by having been the same at the last look. */
  #isSettled(name: string, version: string, modifiedAt: number): boolean {
    const age = Date.now() - modifiedAt;
    const isSettled = age > SETTLED_MS || this.#unsettled.get(name) === version;
    if (isSettled) this.#unsettled.delete(name);
    else this.#unsettled.set(name, version);
    return isSettled;
  }
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}

async function pause(signal: AbortSignal): Promise<boolean> {
  await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error) return String(error.code);
  throw error;
}
