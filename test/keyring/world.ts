import type { State } from "../../src/api/sshkey.ts";
import type { Affected } from "../../src/keyring/affected.ts";
import { areRivals } from "../../src/keyring/duplicategroup.ts";
import { Keyring } from "../../src/keyring/keyring.ts";
import type { Plan } from "../../src/keyring/plan.ts";
import type { Policy } from "../../src/keyring/policy.ts";
import { type KeyRecord, readKey, type StoredSSHKey } from "../../src/keyring/record.ts";
import { isToLose, retreats } from "../../src/keyring/retreats.ts";
import { type DesiredSecret, fileDigest, keysOf, type SecretRecord } from "../../src/keyring/secret.ts";
import type { Verdict } from "../../src/keyring/verdict.ts";
import { isExpired } from "../../src/keyring/verdict.ts";
import type { Outcome } from "./model.ts";
import { ed25519 } from "./sshkeys.ts";

const REFUSED = "It cannot be written.";

/**
 * A keyring with the Secrets that its plans lead to: one unit is brought to its plan at a time, in whatever order
 * the test asks for, and every write is held against the guarantees at the moment it is made.
 */
export class World {
  readonly keyring: Keyring;
  readonly #policy: Policy;
  readonly #due = new Set<string>();
  /** What the API server refuses in the unit's Secret: a key, or everything (""). */
  readonly #refusing = new Map<string, string>();
  /** The files of the writes under way, and what the API server answers to them, by unit. */
  readonly #writing = new Map<string, { file: string; answer: () => void }>();
  /** What the statuses say, by namespace/name. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly #files = new Map<string, { namespace: string; user: string; lines: string[] }>();
  #resourceVersion = 1;
  now = 1_700_000_000_000;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.keyring = new Keyring(policy, "sshkeys-");
  }

  put(object: StoredSSHKey): void {
    this.#note(this.keyring.putKey(readKey(object, this.#policy), this.now));
  }

  remove(namespace: string, name: string): void {
    this.#note(this.keyring.removeKey(namespace, name));
  }

  /** Lets time pass, and tells the keyring so. */
  pass(ms: number): void {
    this.now += ms;
    this.#note(this.keyring.advance(this.now));
  }

  /** From now on the API server refuses every write of the unit's Secret, as it does when that is immutable. */
  refuse(id: string): void {
    this.#refusing.set(id, "");
  }

  /** From now on the API server refuses a Secret of the unit that holds the key, as an admission policy may. */
  refuseKey(id: string, key: number): void {
    this.#refusing.set(id, blobOf(ed25519(key)));
  }

  /** The unit's Secret can be written again, and is tried again. */
  allow(id: string): void {
    if (this.#refusing.delete(id)) this.#due.add(id);
  }

  /** Somebody edits what of the unit's Secret is not the operator's. */
  touchSecret(id: string): void {
    const secret = this.keyring.secretOf(id);
    if (secret === undefined) throw new Error(`${id} has no Secret`);
    this.#resourceVersion += 1;
    this.#note(this.keyring.putSecret({ ...secret, resourceVersion: String(this.#resourceVersion) }));
  }

  /** The units whose Secret cannot be written. */
  get refusing(): readonly string[] {
    return [...this.#refusing.keys()];
  }

  /** The units that wait, in the order in which they came up. */
  get due(): readonly string[] {
    return [...this.#due];
  }

  /** The units whose Secret is being written. */
  get writing(): readonly string[] {
    return [...this.#writing.keys()];
  }

  /** Plans one unit and sends the write that it needs, as a worker does; never two at a time for one unit. */
  work(id: string): void {
    if (this.#writing.has(id)) return;
    this.#due.delete(id);
    this.#note(this.keyring.advance(this.now));
    const plan = this.keyring.plan(id, this.now);
    if (plan === undefined) return;
    const { file } = plan.secret;
    const live = this.keyring.secretOf(id);
    if (live === undefined ? file === "" : live.fileDigest === fileDigest(file)) {
      this.#bringStatuses(plan);
      return;
    }
    this.#begin(id, plan.secret, (isRefused) => {
      if (isRefused) this.#refused(id, file);
      else this.#bringStatuses(plan);
    });
  }

  /** The write under way is answered. */
  land(id: string): void {
    const write = this.#writing.get(id);
    this.#writing.delete(id);
    write?.answer();
  }

  /** The API server fails to carry out the write under way; it will be tried again. */
  fail(id: string): void {
    const write = this.#writing.get(id);
    if (write === undefined) throw new Error(`${id} is not being written`);
    this.#writing.delete(id);
    this.#note(this.keyring.writeFailed(id, write.file, this.now));
    this.#note(this.keyring.writeEnds(id));
    this.#due.add(id);
  }

  /** Works until nothing is due. `pick` chooses the next of that many units. */
  settle(pick: (count: number) => number = () => 0): void {
    for (let turns = 0; this.#due.size + this.#writing.size > 0; turns += 1) {
      if (turns > 10_000) throw new Error("the units never come to rest");
      const next = [...this.due, ...this.writing];
      const id = next[pick(next.length) % next.length] ?? "";
      if (this.#writing.has(id)) this.land(id);
      else this.work(id);
    }
  }

  /** What the status of the SSHKey says, undefined while it has none. */
  said(namespace: string, name: string): Verdict | undefined {
    return this.#verdicts.get(`${namespace}/${name}`);
  }

  /** The statuses that do not say how it stands with the key; none when nothing is due. */
  lies(): readonly string[] {
    return [...this.keyring.keys()].flatMap((record) => {
      const state = this.said(record.namespace, record.name)?.state;
      const isHeld = this.#files.get(record.unitId)?.lines.some((line) => isLineOf(line, record)) ?? false;
      const isTrue = isHeld ? state === "Projected" || state === "SecretConflict" : state !== "Projected";
      if (isTrue && state !== undefined) return [];
      return `${record.namespace}/${record.name} says ${state} and is ${isHeld ? "" : "not "}in its Secret`;
    });
  }

  outcome(): Outcome {
    const states: Record<string, State> = {};
    for (const { id } of this.keyring.units()) {
      for (const { record, verdict } of this.keyring.plan(id, this.now)?.keys ?? []) {
        const key = `${record.namespace}/${record.name}`;
        const written = this.said(record.namespace, record.name);
        if (JSON.stringify(written) !== JSON.stringify(verdict))
          throw new Error(`the status of ${key} is stale`);
        if (written !== undefined) states[key] = written.state;
      }
    }
    const files: Record<string, string[]> = {};
    for (const { namespace, user, lines } of this.#files.values()) {
      if (lines.length > 0) files[`${namespace}/${user}`] = lines.map(nameOf);
    }
    return { states, files };
  }

  #note(affected: Affected): void {
    for (const id of affected.keys()) this.#due.add(id);
  }

  #begin(id: string, desired: DesiredSecret, answered: (isRefused: boolean) => void): void {
    const live = this.keyring.secretOf(id);
    this.keyring.writeBegins(id, desired.file);
    this.#checkForce(linesOf(desired.file));
    const answer = () => {
      const unwanted = this.#refusing.get(id);
      const isRefused = unwanted === "" || keysOf(desired.file).some((key) => key === unwanted);
      if (!isRefused) this.#written(id, desired, live);
      this.#note(this.keyring.writeEnds(id));
      answered(isRefused);
    };
    this.#writing.set(id, { file: desired.file, answer });
  }

  #written(id: string, desired: DesiredSecret, live: SecretRecord | undefined): void {
    const { namespace, name, user = "", file } = desired;
    const lines = linesOf(file);
    this.#files.set(id, { namespace, user, lines });
    this.#checkRivals();
    this.#resourceVersion += 1;
    const secret: SecretRecord = {
      namespace,
      name,
      uid: live?.uid ?? `uid-${this.#resourceVersion}`,
      resourceVersion: String(this.#resourceVersion),
      createdAt: 0,
      user,
      fileDigest: fileDigest(file),
      keys: lines.map(blobOf),
      strayData: [],
      emptySince: file === "" ? this.now : undefined,
    };
    this.#note(this.keyring.putSecret(secret));
  }

  /** Sends what can go without the keys that would come in, if that is anything, and says how it stands. */
  #refused(id: string, file: string): void {
    const { secret } = this.keyring.plan(id, this.now, REFUSED) ?? {};
    const live = this.keyring.secretOf(id);
    const held = this.#files
      .get(id)
      ?.lines.map((line) => `${line}\n`)
      .join("");
    const steps =
      secret === undefined ? [] : retreats(secret, live, isToLose(secret, live) ? held : undefined);
    this.#retreat(id, file, steps);
  }

  /** Sends the first of these that is taken; `refused` is the file that was not. */
  #retreat(id: string, refused: string, [step, ...others]: readonly DesiredSecret[]): void {
    const live = this.keyring.secretOf(id);
    if (step === undefined || live === undefined || live.fileDigest === fileDigest(step.file)) {
      this.#tellRefusal(id, refused);
      return;
    }
    this.#begin(id, step, (isRefused) => {
      if (isRefused) this.#retreat(id, step.file, others);
      else this.#tellRefusal(id, undefined);
    });
  }

  #tellRefusal(id: string, file: string | undefined): void {
    if (file !== undefined) this.#note(this.keyring.writeRefused(id, file));
    const plan = this.keyring.plan(id, this.now, REFUSED);
    if (plan !== undefined) this.#bringStatuses(plan);
  }

  #bringStatuses({ keys }: Plan): void {
    for (const { record, verdict } of keys) {
      const { namespace, name } = record;
      const isCurrent = this.keyring.key(namespace, name) === record;
      if (verdict !== undefined && isCurrent) this.#verdicts.set(`${namespace}/${name}`, verdict);
    }
  }

  /** Guarantee 1, at the moment of a decision. */
  #checkForce(written: readonly string[]): void {
    for (const line of written) {
      const [namespace = "", name = ""] = line.split(" ").at(-1)?.split("/") ?? [];
      const record = this.keyring.key(namespace, name);
      if (
        record === undefined ||
        record.refusal !== undefined ||
        record.disabled ||
        isExpired(record, this.now)
      ) {
        throw new Error(`${namespace}/${name} is refused or gone and was written into a file`);
      }
    }
  }

  /** Guarantee 1, whenever a write takes effect. */
  #checkRivals(): void {
    const all = [...this.#files.values()].flatMap(({ namespace, user, lines }) =>
      lines.map((line) => ({ namespace, user, blob: blobOf(line) })),
    );
    for (const [i, a] of all.entries()) {
      for (const b of all.slice(i + 1)) {
        if (a.blob === b.blob && areRivals(a, b, this.#policy.duplicateScope)) {
          throw new Error(
            `${a.namespace}/${a.user} and ${b.namespace}/${b.user} hold one key at the same time`,
          );
        }
      }
    }
  }
}

function linesOf(file: string): string[] {
  return file.split("\n").slice(0, -1);
}

function isLineOf(line: string, { namespace, name, key }: KeyRecord): boolean {
  return line.endsWith(` ${key?.base64} ${namespace}/${name}`);
}

function blobOf(line: string): string {
  return line.split(" ").at(-2) ?? "";
}

function nameOf(line: string): string {
  return line.split("/").at(-1) ?? "";
}
