import { DATA_KEY, USER_ANNOTATION } from "../../src/api/names.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { type Fact, lineFor } from "../oracle/oracle.ts";
import { byOperator, type Write } from "./auditlog.ts";
import { factOf, type PlainSSHKey } from "./facts.ts";
import type { Gap, Stored, Version } from "./history.ts";
import { idOf, Reigns } from "./reigns.ts";
import { SharedSecrets } from "./sharedsecrets.ts";
import {
  type Line,
  linesOf,
  type Marks,
  type Moment,
  marksOf,
  momentOf,
  RETENTION_MS,
  spokenOf,
} from "./storedsecret.ts";

export interface CheckerOptions {
  /** How long a change may be unknown to the operator, in ms: the longest that a fault hides it. */
  readonly blindMs: number;
  /** In ms; 24 hours by default. */
  readonly retention?: number;
  /** Writes in these are not judged, unless they have nothing to do with the resource. */
  readonly gaps?: readonly Gap[];
}

export interface Finding {
  /** Each break of a rule, as a sentence; empty is what a test wants. */
  readonly breaches: readonly string[];
  /** How many writes of the operator were judged: a check that saw nothing shows nothing. */
  readonly secretWrites: number;
  /** Of those of AuthorizedKeys; the others are users'. */
  readonly sharedSecretWrites: number;
  /** Of SSHKeys, and of AuthorizedKeys. */
  readonly statusWrites: number;
  readonly sharedStatusWrites: number;
}

/**
 * Judges every write of the operator by what stood in the store at the moment it took effect, with the rules of the
 * design and none of the product's own code for them. `writes` as the audit log has them, of everybody; what none of
 * them made, the operator did: a write that is given up half way may be carried out, and counts as failed there.
 */
export function check(versions: readonly Version[], writes: readonly Write[], o: CheckerOptions): Finding {
  const answeredWith = Map.groupBy(writes, ({ resourceVersion }) => resourceVersion);
  // A write that changes nothing is answered with the version that somebody else made before.
  const makerOf = ({ revision, at }: Version) =>
    answeredWith.get(revision)?.find(({ receivedAt }) => receivedAt <= at);
  const deletions = writes.filter((w) => byOperator(w) && w.resource === "secrets" && w.verb === "delete");
  const collected = new Set(deletions.map(({ sent }) => (sent.preconditions as { uid?: string })?.uid));
  const { gaps = [] } = o;
  const reigns = new Reigns(o.blindMs);
  const state = new State(reigns, o);
  const shared = new SharedSecrets(reigns, o);
  let secretWrites = 0;
  let sharedSecretWrites = 0;
  let statusWrites = 0;
  let sharedStatusWrites = 0;
  for (const version of versions) {
    const { resource, isGone, revision, object } = version;
    const write = isGone ? undefined : makerOf(version);
    const isOwn = isGone ? collected.has(object.metadata.uid) : write === undefined || byOperator(write);
    const isOfUser =
      resource === "sshkeys" || (resource === "secrets" && object.metadata.name.startsWith(PREFIX));
    const isHidden = (gap: Gap) =>
      revision > gap.after && revision <= gap.upTo && (!isOfUser || OF_USERS.has(gap.resource));
    const isJudged = isOwn && !gaps.some(isHidden);
    if (resource === "authorizedkeys") {
      if (isJudged && !isGone) {
        sharedStatusWrites += 1;
        shared.judgeStatus(version, write);
      }
      shared.takeObject(version);
    } else if (resource === "namespaces") shared.takeNamespace(version);
    else if (resource === "sshkeys") {
      if (isJudged && !isGone) {
        statusWrites += 1;
        state.judgeStatus(version, write);
      }
      reigns.take(version, isOwn);
    } else if (isOfUser) {
      if (isJudged) {
        secretWrites += 1;
        state.judgeSecret(version);
      }
      state.takeSecret(version, isOwn, write);
    } else {
      if (isJudged) {
        sharedSecretWrites += 1;
        shared.judgeSecret(version);
      }
      shared.takeSecret(version, isOwn, write);
    }
  }
  const breaches = [...state.breaches, ...shared.breaches];
  return { breaches, secretWrites, sharedSecretWrites, statusWrites, sharedStatusWrites };
}

/** What decides on users' Secrets and on the statuses of SSHKeys. */
const OF_USERS: ReadonlySet<string> = new Set(["secrets", "sshkeys"]);

/** Of the names of users' Secrets; no other Secret of the operator's has it. */
const PREFIX = "sshkeys-";

/** The words of the condition `Ready` with which it is True, and those with which nothing but a person helps. */
const GOOD = new Set(["Projected", "Terminating", "Disabled", "Expired"]);
const STALLED = new Set(
  "Invalid Compromised Revoked Weak Unproven Duplicate SecretFull SecretConflict".split(" "),
);
/** Those with which a key may stand in its Secret or not. */
const BETWEEN = new Set(["Pending", "SecretConflict"]);

interface File extends Marks, Moment {
  readonly id: string;
  readonly namespace: string;
  readonly user: string;
  readonly lines: readonly Line[];
  readonly dataKeys: readonly string[];
}

class State {
  readonly breaches: string[] = [];
  readonly #blindMs: number;
  readonly #retention: number;
  /** The versions of each Secret, in order. */
  readonly #files = new Map<string, File[]>();
  /** Ids of the files by NAMESPACE/USER, as the operator's first write of each says. */
  readonly #fileOf = new Map<string, string>();
  readonly #reigns: Reigns;

  constructor(reigns: Reigns, { blindMs, retention = RETENTION_MS }: CheckerOptions) {
    this.#reigns = reigns;
    this.#blindMs = blindMs;
    this.#retention = retention;
  }

  takeSecret(version: Version, isOwn: boolean, write: Write | undefined): void {
    const file = fileOf(version, isOwn, write);
    const owner = `${file.namespace}/${file.user}`;
    if (isOwn && !this.#fileOf.has(owner)) this.#fileOf.set(owner, file.id);
    const files = this.#files.get(file.id) ?? [];
    files.push(version.isGone ? { ...file, lines: [] } : file);
    this.#files.set(file.id, files);
  }

  judgeSecret(version: Version): void {
    const after = fileOf(version, true);
    const { at, revision } = version;
    const last = this.#files.get(after.id)?.at(-1);
    const before = last?.isGone === true ? undefined : last;
    const say = (what: string) => this.breaches.push(`at ${revision} Secret ${after.id} ${what}`);
    if (before !== undefined && !before.isManaged) say("was written though it was not the operator's own");
    if (version.isGone) {
      if (before === undefined || before.lines.length > 0) say("was deleted while it held keys");
      else if (!(at - before.emptySince >= this.#retention)) say("was deleted before its retention was over");
      return;
    }
    if (!after.isManaged) say("was written without label or name");
    if (after.dataKeys.join() !== DATA_KEY) say(`was left with the data keys ${after.dataKeys}`);
    if (Number.isNaN(after.emptySince) !== after.lines.length > 0) say("says wrongly whether it is empty");
    if (!isSorted(after.lines)) say("was written out of order");
    const known = new Set(before?.lines.map(({ text }) => text));
    // A line that stays is as bad when its key has been out of force for long.
    for (const line of after.lines) {
      const isKept = known.has(line.text);
      const why = this.#whyNot(line, isKept, after, at);
      if (why !== undefined) say(`${isKept ? "kept" : "took up"} ${line.source}: ${why}`);
    }
  }

  judgeStatus({ object, revision, at }: Version, write: Write | undefined): void {
    const key = plainKey(object);
    const { status = {}, metadata, spec } = key;
    const say = (what: string) => this.breaches.push(`at ${revision} ${idOf(object)} ${what}`);
    const ready = conditionOf(status, "Ready");
    const state = ready?.reason ?? "none";
    if (status.observedGeneration !== metadata.generation) say("has a status of another spec");
    if (ready?.status !== (GOOD.has(state) ? "True" : "False"))
      say(`is ${state} with Ready=${ready?.status}`);
    if ((conditionOf(status, "Stalled")?.status === "True") !== STALLED.has(state))
      say(`is ${state} with Stalled=${conditionOf(status, "Stalled")?.status}`);
    const projected = conditionOf(status, "Projected")?.status;
    if (!BETWEEN.has(state) && (projected === "True") !== (state === "Projected"))
      say(`is ${state} with Projected=${projected}`);
    const proven = conditionOf(status, "Proven")?.status;
    if (proven !== provenOf(key)) say(`says that Proven is ${proven}`);
    this.#judgeClaim(key, say);
    const files = this.#files.get(this.#fileOf.get(`${metadata.namespace}/${spec.user}`) ?? "") ?? [];
    const last = files.at(-1);
    // What somebody else has done to a Secret a moment ago is not known to the operator yet; nor is ever what is in one
    // that is not its own.
    if (last?.isOwn === false && (!last.isManaged || at - last.at <= this.#blindMs)) return;
    // Nor is it known when a write was sent that was given up, and carried out all the same.
    if (write === undefined) return;
    const lies = spokenOf(files, write.receivedAt, this.#blindMs).map((file) => lieOf(key, file));
    if (lies.every((lie) => lie !== undefined)) say(`was said to be ${state} while ${lies.at(-1)}`);
  }

  /** Whether the claim begins when the key came in, or was said to before. */
  #judgeClaim(key: PlainSSHKey, say: (what: string) => void): void {
    const { status = {}, metadata } = key;
    const last = this.#reigns.last(`${metadata.namespace}/${metadata.name}`);
    if (status.claimedSince === undefined || last === undefined || last.fact.uid !== metadata.uid) return;
    const claimed = Date.parse(status.claimedSince);
    if (last.attested !== undefined && last.attested !== claimed)
      say(
        `claims its key since ${status.claimedSince}, and did so since ${new Date(last.attested).toJSON()}`,
      );
    if (claimed < last.earliest) say(`claims its key since ${status.claimedSince}, before it had it`);
  }

  /** Why no state of the SSHKey that the operator could believe in allows the line. */
  #whyNot(line: Line, isKept: boolean, { namespace, user }: File, at: number): string | undefined {
    if (!line.source.startsWith(`${namespace}/`)) return "it is of another namespace";
    // What is refused leaves lines as they were, with the options they had.
    const fits = (fact: Fact) =>
      fact.user === user && fact.base64 === line.base64 && (isKept || lineFor(fact, "WithZ") === line.text);
    const found = this.#reigns.inForce(line.source, fits, at);
    return typeof found === "string" ? found : undefined;
  }
}

/** What the status says of the Secret and is not so. */
function lieOf(key: PlainSSHKey, file: File | undefined): string | undefined {
  const fact = factOf(key, 0);
  const state = conditionOf(key.status ?? {}, "Ready")?.reason ?? "";
  const lines = file?.lines.filter(({ source }) => source === `${fact.namespace}/${fact.name}`) ?? [];
  const isHeld = lines.some(({ text }) => fact.base64 !== "" && text === lineFor(fact, "WithZ"));
  const isThere = BETWEEN.has(state) ? lines.length > 0 : isHeld;
  const isGone = BETWEEN.has(state) ? !isHeld : lines.length === 0;
  switch (conditionOf(key.status ?? {}, "Projected")?.status) {
    case "True":
      return isThere ? undefined : "it did not stand in its Secret";
    case "False":
      return isGone ? undefined : "it stood in its Secret";
    default:
      return undefined;
  }
}

/** The status of the condition `Proven`, with the policy that is built in: none without a proof. */
function provenOf(key: PlainSSHKey): string | undefined {
  const { findings, proven } = factOf(key, 0);
  if (key.spec.proof === undefined) return undefined;
  if (findings.includes("Invalid")) return "Unknown";
  return proven ? "True" : "False";
}

function conditionOf(status: SSHKeyStatus, type: string) {
  return status.conditions?.find((condition) => condition.type === type);
}

function isSorted(lines: readonly Line[]): boolean {
  return lines.every(({ source }, i) => i === 0 || (lines[i - 1]?.source ?? "") < source);
}

function plainKey(object: Stored): PlainSSHKey {
  return object as unknown as PlainSSHKey;
}

function fileOf(version: Version, isOwn: boolean, write?: Write): File {
  const { object } = version;
  const { namespace = "", annotations } = object.metadata;
  const { data = {} } = object as { data?: Readonly<Record<string, string>> };
  return {
    id: idOf(object),
    namespace,
    user: annotations?.[USER_ANNOTATION] ?? "",
    lines: linesOf(data[DATA_KEY]),
    dataKeys: Object.keys(data),
    ...marksOf(object),
    ...momentOf(version, isOwn, write),
  };
}
