import type { SecretWrite } from "../../src/projection/secret.ts";
import { oracle } from "../oracle/oracle.ts";
import { boundsOf, isFaulty, isStillGood, knownFiles, ownerOf } from "./authorizedkeystruth.ts";
import { PREFIX, RETENTION_MS } from "./installation.ts";
import { filesOf, linesIn, linesOf, type StoredSecret, written } from "./secretserver.ts";
import type { World } from "./world.ts";

type Texts = Readonly<Record<string, string>>;

/** Holds every write of a Secret against the guarantees, as far as the operator has been told. */
export class WriteGuard {
  readonly #world: World;
  /** Since when each Secret has been empty. */
  readonly #emptySince = new Map<string, number>();
  /** Since when each of its files has been. */
  readonly #filesEmptySince = new Map<string, ReadonlyMap<string, number>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Guarantee 1: only good keys go in, and all of them in the first attempt. */
  sent(write: SecretWrite, isFirst: boolean): void {
    const id = idOf(write);
    if (write.name.startsWith(PREFIX)) this.#sentToUser(id, write, isFirst);
    else this.#sentToAuthorizedKeys(id, write, isFirst);
  }

  #sentToUser(id: string, write: SecretWrite, isFirst: boolean): void {
    const { view, rules, operatorNow, server } = this.#world;
    const known = this.#knownFiles(write);
    // It was decided on what is not there any more, so it will be refused.
    if (known === undefined) return;
    const sent = linesOf(filesIn(write, server.get(id)).authorized_keys ?? "");
    const user = this.#world.userOf(id, view.all);
    const good = oracle(view.claiming, rules, operatorNow).files[`${write.namespace}/${user}`] ?? [];
    if (isFirst && sent.join("\n") !== good.join("\n"))
      throw new Error(`${id} is sent ${JSON.stringify(sent)} and should be ${JSON.stringify(good)}`);
    const present = linesIn(server.get(id));
    const bad = sent.find((line) => !good.includes(line) && !present.includes(line));
    if (bad !== undefined) throw new Error(`${id} is sent the bad key ${bad}`);
  }

  #sentToAuthorizedKeys(id: string, write: SecretWrite, isFirst: boolean): void {
    const known = this.#world.known;
    const owner = ownerOf(id, known.objects);
    const sent = filesIn(write, this.#world.server.get(id));
    const present = this.#knownFiles(write);
    // It was decided on what is not there any more, so it will be refused.
    if (present === undefined) return;
    if (owner === undefined || isFaulty(owner)) {
      const isGood = (line: string) => owner !== undefined && isStillGood(line, write.namespace, known);
      expectSame(id, isFirst ? filtered(present, isGood) : among(sent, present), sent);
      return;
    }
    const wanted = knownFiles(owner, known, this.#world.rules.expiryTimeFormat, present);
    const bad = linesOfAll(without(without(sent, present), wanted));
    if (bad.length > 0) throw new Error(`${id} is sent the bad keys ${bad.join("; ")}`);
    const search = this.#world.projection.target(id)?.search;
    // While lines are looked for with which the API server rejects the Secret, less is tried.
    if (!isFirst || search?.hasRejected || search?.most !== undefined) return;
    expectSame(id, wanted, sent);
    const { certain } = boundsOf(owner, known, this.#world.rules.expiryTimeFormat, present);
    const missing = Object.keys(certain.files).filter((dataKey) => sent[dataKey] === undefined);
    if (missing.length > 0) throw new Error(`${id} lacks the files ${missing}`);
  }

  /** The files that the write is decided on; undefined if others are stored by now. */
  #knownFiles(write: SecretWrite): Texts | undefined {
    const present = this.#world.server.get(idOf(write));
    if (write.kind === "create") return present === undefined ? {} : undefined;
    const version =
      write.kind === "delete" ? write.preconditions.resourceVersion : write.patch.metadata.resourceVersion;
    return present?.metadata.resourceVersion === version ? filesOf(present) : undefined;
  }

  /** Guarantees 2 and 4, whenever a write takes effect. */
  taken(write: SecretWrite, before: StoredSecret | undefined): void {
    const id = idOf(write);
    const { now } = this.#world;
    if (write.kind !== "create" && (before === undefined || !this.#world.isOwn(before)))
      throw new Error(`${id} is not the operator's own and was written`);
    this.#checkFiles(id, write, before);
    if (write.kind === "delete") {
      const emptied = this.#emptySince.get(id) ?? now;
      if (linesIn(before).length > 0 || now - emptied < RETENTION_MS - 1000)
        throw new Error(`${id} was deleted too early`);
      this.#emptySince.delete(id);
    } else if (linesOfAll(filesIn(write, before)).length > 0) this.#emptySince.delete(id);
    else if (!this.#emptySince.has(id)) this.#emptySince.set(id, now);
  }

  /** A file is taken away only when it has been empty for the retention: whoever mounts it sees it empty first. */
  #checkFiles(id: string, write: SecretWrite, before: StoredSecret | undefined): void {
    const { now } = this.#world;
    const known = this.#filesEmptySince.get(id);
    const held = filesOf(before);
    const sent = filesIn(write, before);
    for (const [dataKey, text] of Object.entries(held)) {
      if (write.kind === "delete" || sent[dataKey] !== undefined || !isOperatorsFile(text)) continue;
      const since = known?.get(dataKey) ?? now;
      if (text !== "" || now - since < RETENTION_MS - 1000)
        throw new Error(`${id} loses the file ${dataKey} too early`);
    }
    const empty = Object.keys(sent).filter((dataKey) => sent[dataKey] === "");
    this.#filesEmptySince.set(
      id,
      new Map(empty.map((dataKey) => [dataKey, (held[dataKey] === "" && known?.get(dataKey)) || now])),
    );
  }
}

/** What stands there is not what somebody else has written. */
function isOperatorsFile(text: string): boolean {
  return text === "" || text.startsWith("ssh-") || text.includes(" ssh-");
}

function idOf({ namespace, name }: SecretWrite): string {
  return `${namespace}/${name}`;
}

/** What the Secret holds after the write of this one. */
function filesIn(write: SecretWrite, before: StoredSecret | undefined): Texts {
  return write.kind === "delete" ? {} : filesOf(written(write, before));
}

/** Those of the lines of each file that the same file there does not have. */
function without(files: Texts, others: Texts): Texts {
  return mapped(files, (lines, dataKey) => {
    const there = linesOf(others[dataKey] ?? "");
    return lines.filter((line) => !there.includes(line));
  });
}

function among(files: Texts, others: Texts): Texts {
  return without(files, without(files, others));
}

function filtered(files: Texts, isKept: (line: string) => boolean): Texts {
  return mapped(files, (lines) => lines.filter(isKept));
}

function mapped(
  files: Texts,
  choose: (lines: readonly string[], dataKey: string) => readonly string[],
): Texts {
  return Object.fromEntries(
    Object.entries(files).map(([dataKey, text]) => [
      dataKey,
      choose(linesOf(text), dataKey)
        .map((line) => `${line}\n`)
        .join(""),
    ]),
  );
}

function linesOfAll(files: Texts): readonly string[] {
  return Object.values(files).flatMap(linesOf);
}

function expectSame(id: string, wanted: Texts, sent: Texts): void {
  const [one, other] = [wanted, sent].map((files) =>
    JSON.stringify(
      Object.entries(files)
        .filter(([, text]) => text !== "")
        .sort(),
    ),
  );
  if (one !== other) throw new Error(`${id} is sent ${other} and should be ${one}`);
}
