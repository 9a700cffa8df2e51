import type { SSHKeyStatus } from "../../src/api/sshkey.ts";
import { areRivals } from "../../src/keyring/duplicategroup.ts";
import type { Policy } from "../../src/keyring/policy.ts";
import { type KeyRecord, readKey, type StoredSSHKey } from "../../src/keyring/record.ts";
import {
  DATA_KEY,
  EMPTY_SINCE_ANNOTATION,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  USER_ANNOTATION,
} from "../../src/keyring/secret.ts";
import { secretName } from "../../src/keyring/secretname.ts";
import { isEligible } from "../../src/keyring/verdict.ts";
import { byOperator, type Write } from "../cluster/auditlog.ts";
import type { Gap, Stored, Version } from "./history.ts";

export interface CheckerOptions {
  readonly policy: Policy;
  /** How long a change of an SSHKey may be unknown to the operator, in ms: the longest that a fault hides it. */
  readonly blindMs: number;
  /** In ms. */
  readonly retention: number;
  /** Writes in these are not judged. */
  readonly gaps?: readonly Gap[];
}

export interface Finding {
  readonly breaches: readonly string[];
  /** How many writes of the operator were judged. */
  readonly secretWrites: number;
  readonly statusWrites: number;
}

/** Judges every write of the operator by what stood in the store at the moment it took effect. */
export function check(versions: readonly Version[], writes: readonly Write[], o: CheckerOptions): Finding {
  const own = new Set(writes.filter(byOperator).map(({ resourceVersion }) => resourceVersion));
  const deletions = writes.filter((w) => byOperator(w) && w.resource === "secrets" && w.verb === "delete");
  const collected = new Set(deletions.map(({ sent }) => (sent.preconditions as { uid?: string })?.uid));
  const { gaps = [] } = o;
  const state = new State(o);
  let secretWrites = 0;
  let statusWrites = 0;
  for (const version of versions) {
    const isOwn = own.has(version.revision);
    const isKnown = !gaps.some(([after, upTo]) => version.revision > after && version.revision <= upTo);
    if (version.resource === "secrets") {
      const isCollected = version.isGone && collected.has(version.object.metadata.uid);
      if (isKnown && (isOwn || isCollected)) {
        secretWrites += 1;
        state.judgeSecret(version, isCollected);
      }
      state.takeSecret(version, isOwn || isCollected);
    } else {
      if (isKnown && isOwn && !version.isGone) {
        statusWrites += 1;
        state.judgeStatus(version);
      }
      state.takeKey(version);
    }
  }
  return { breaches: state.breaches, secretWrites, statusWrites };
}

/** Clocks of the API server and of this process are one; this is for scheduling. */
const CLOCK_SLACK_MS = 500;

interface Line {
  readonly base64: string;
  readonly source: string;
}

interface File {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  readonly lines: readonly Line[];
  readonly isManaged: boolean;
  /** Did the operator make the last write? */
  readonly isOwn: boolean;
  readonly emptySince: number;
  readonly isGone: boolean;
}

/** An SSHKey as it stood from one moment to another, ms since the epoch. */
interface Reign {
  readonly record: KeyRecord;
  readonly from: number;
  until: number;
}

class State {
  readonly breaches: string[] = [];
  readonly #o: CheckerOptions;
  readonly #files = new Map<string, File>();
  readonly #reigns = new Map<string, Reign[]>();

  constructor(options: CheckerOptions) {
    this.#o = options;
  }

  takeKey({ object, isGone, at }: Version): void {
    const id = idOf(object);
    const reigns = this.#reigns.get(id) ?? [];
    this.#reigns.set(id, reigns);
    const last = reigns.at(-1);
    if (last !== undefined) last.until = Math.min(last.until, at);
    if (isGone) return;
    const record = readKey(object as StoredSSHKey, this.#o.policy);
    reigns.push({ record, from: at, until: Number.POSITIVE_INFINITY });
  }

  takeSecret({ object, isGone }: Version, isOwn: boolean): void {
    const file = fileOf(object, isOwn);
    this.#files.set(idOf(object), isGone ? { ...file, lines: [], isGone } : file);
  }

  judgeSecret({ object, revision, at }: Version, isCollected: boolean): void {
    const id = idOf(object);
    const last = this.#files.get(id);
    const before = last?.isGone === true ? undefined : last;
    const say = (what: string) => this.breaches.push(`at ${revision} Secret ${id} ${what}`);
    if (before !== undefined && !before.isManaged) say("was written without being managed");
    if (isCollected) {
      if (before === undefined || before.lines.length > 0) say("was deleted while it held keys");
      else if (!(at - before.emptySince >= this.#o.retention))
        say("was deleted before its retention was over");
      return;
    }
    const after = fileOf(object, true);
    if (!after.isManaged) say("was written without the label");
    const known = new Set(before?.lines.map(textOf));
    for (const line of after.lines.filter((each) => !known.has(textOf(each)))) {
      const why = this.#whyNot(line, after, at);
      if (why !== undefined) say(`took up ${line.source}: ${why}`);
      const rival = this.#rivalOf(line, after);
      if (rival !== undefined) say(`took up ${line.source} while ${rival} held the same key`);
    }
    // A line that stays is as bad when its key has been out of force for long.
    for (const line of after.lines.filter((each) => known.has(textOf(each)))) {
      const why = this.#whyNot(line, after, at);
      if (why !== undefined) say(`kept ${line.source}: ${why}`);
    }
  }

  judgeStatus({ object, revision }: Version): void {
    const id = idOf(object);
    const { spec, status } = object as unknown as { spec: { user: string }; status?: SSHKeyStatus };
    const reason = status?.conditions?.find(({ type }) => type === "Ready")?.reason ?? "";
    const file = this.#files.get(`${object.metadata.namespace}/${secretName("sshkeys-", spec.user)}`);
    // What somebody else has done to a Secret a moment ago is not known to the operator yet.
    if (file?.isOwn === false || reason === "SecretConflict") return;
    const { key } = readKey(object as unknown as StoredSSHKey, this.#o.policy);
    // The status of an older spec is allowed to speak of the older key.
    if (status?.observedGeneration !== object.metadata.generation) return;
    const isHeld = file?.lines.some(({ base64, source }) => source === id && base64 === key?.base64) ?? false;
    if (isHeld !== (reason === "Projected")) {
      const place = isHeld ? "stood" : "did not stand";
      this.breaches.push(`at ${revision} ${id} was said to be ${reason} while it ${place} in its Secret`);
    }
  }

  /** Why no state of the SSHKey that the operator could believe in allows the line. */
  #whyNot({ base64, source }: Line, { namespace, user }: File, at: number): string | undefined {
    if (!source.startsWith(`${namespace}/`)) return "it is of another namespace";
    const believable = (this.#reigns.get(source) ?? []).filter(({ until }) => until >= at - this.#o.blindMs);
    if (believable.length === 0) return "there was no such SSHKey any more";
    const fits = believable.filter(({ record }) => record.key?.base64 === base64 && record.user === user);
    if (fits.length === 0) return "no SSHKey of that name had this key and user";
    const inForce = fits.some(({ record }) => isEligible(record, at - CLOCK_SLACK_MS));
    return inForce ? undefined : "it was refused, disabled or expired";
  }

  #rivalOf({ base64 }: Line, file: File): string | undefined {
    for (const other of this.#files.values()) {
      const isSame = other.namespace === file.namespace && other.name === file.name;
      if (isSame || !other.isManaged || !areRivals(file, other, this.#o.policy.duplicateScope)) continue;
      if (other.isOwn && other.lines.some((line) => line.base64 === base64)) {
        return `${other.namespace}/${other.name}`;
      }
    }
    return undefined;
  }
}

function idOf({ metadata }: Stored): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function textOf({ base64, source }: Line): string {
  return `${base64} ${source}`;
}

function fileOf(object: Stored, isOwn: boolean): File {
  const { namespace, name, labels, annotations } = object.metadata;
  const { data } = object as { data?: Readonly<Record<string, string>> };
  const text = Buffer.from(data?.[DATA_KEY] ?? "", "base64").toString("utf8");
  const words = text.split("\n").map((line) => line.split(" "));
  return {
    namespace,
    name,
    user: annotations?.[USER_ANNOTATION] ?? "",
    lines: words
      .filter((each) => each.length > 1)
      .map((each) => ({ base64: each.at(-2) ?? "", source: each.at(-1) ?? "" })),
    isManaged: labels?.[MANAGED_BY_LABEL] === MANAGED_BY,
    isOwn,
    emptySince: Date.parse(annotations?.[EMPTY_SINCE_ANNOTATION] ?? ""),
    isGone: false,
  };
}
