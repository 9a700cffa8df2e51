import type { StoredSSHKey } from "../../src/claims/record.ts";
import { type Outcome, oracle } from "../oracle/oracle.ts";
import { keyOf } from "./authorizedkeystruth.ts";
import { OWN_NAME, PREFIX, USER } from "./installation.ts";
import { conditionOf, idOf, reasonOf, statusOf } from "./objectserver.ts";
import { linesIn, linesOf, type StoredSecret, textOf } from "./secretserver.ts";
import { fingerprint, isKey, isProven } from "./storedsshkeys.ts";
import type { World } from "./world.ts";

/** What the oracle says of the SSHKeys as the API server holds them. */
export function expected(world: World): Outcome {
  return oracle(world.view.factsOf(world.sshKeys.all()), world.rules, world.operatorNow);
}

/** The same of what has been reached. */
export function reached(world: World): Outcome {
  const states: Record<string, Outcome["states"][string]> = {};
  const holders: Record<string, string> = {};
  const uniqueness: Record<string, Outcome["uniqueness"][string]> = {};
  const files: Record<string, readonly string[]> = {};
  for (const object of world.sshKeys.all()) {
    const id = idOf(object);
    states[id] = reasonOf(object, "Ready") as Outcome["states"][string];
    uniqueness[id] = reasonOf(object, "Unique") as Outcome["uniqueness"][string];
    const holder = statusOf(object).duplicateOf as { readonly name: string } | undefined;
    if (holder !== undefined) holders[id] = holder.name;
  }
  for (const secret of world.server.all().filter(isOfUser)) {
    const { namespace, annotations } = secret.metadata;
    const lines = linesOf(textOf(secret));
    if (lines.length > 0) files[`${namespace}/${annotations?.[USER]}`] = lines;
  }
  return { states, holders, uniqueness, files };
}

function isOfUser({ metadata }: StoredSecret): boolean {
  return metadata.name.startsWith(PREFIX);
}

/** Statuses of SSHKeys that do not say how it stands, by the table of the design. None at rest. */
export function lies(world: World): readonly string[] {
  const outcome = expected(world);
  return world.sshKeys.all().flatMap((object) => {
    const id = idOf(object);
    const said = reasonOf(object, "Ready") ?? "nothing";
    const allowed = trueStates(world, object, outcome);
    const lies = allowed.includes(said) ? [] : [`${id} says ${said} and not ${allowed.join(" or ")}`];
    return [...lies, ...wrongFacts(world, object, said)];
  });
}

function trueStates(world: World, object: StoredSSHKey, outcome: Outcome): readonly string[] {
  const { server } = world;
  const { namespace = "", name } = object.metadata;
  const own = outcome.states[idOf(object)] ?? "";
  const target = world.targetOf(object);
  const secret = server.get(target);
  const lines = linesIn(secret);
  const line = outcome.files[`${namespace}/${object.spec?.user}`]?.find((each) =>
    each.endsWith(` ${namespace}/${name}`),
  );
  const isOwn = secret === undefined || world.isOwn(secret);
  const held = lines.some((each) => each.endsWith(` ${namespace}/${name}`));
  if (!isOwn && own === "Projected")
    // While a creation waits for its turn, nobody has found out that the name is taken.
    return world.broke.has(target) ? ["SecretConflict", "Pending"] : ["SecretConflict"];
  // What the Secret holds that is not the operator's own need not be known.
  if (!isOwn)
    return held && secret.metadata.annotations?.[OWN_NAME] === target
      ? ["SecretConflict"]
      : ["SecretConflict", own];
  if (own === "Projected" && line !== undefined && lines.includes(line)) return ["Projected"];
  if (own !== "Projected" && !held) return [own];
  if (own !== "Projected" && canRemove(world, target, outcome)) return [own];
  if (secret?.immutable) return ["SecretConflict"];
  const reason = server.refusals.get(target)?.reason;
  const first = reason === "server-error" ? "Pending" : "SecretConflict";
  // What waits for its turn has not been refused yet, or was when it was last tried; that this has ended since, nobody
  // can know before the next attempt.
  const waiting = ["Pending", "SecretConflict"];
  // A key whose line only waits to be written in another format has never been out.
  const hasOther = line !== undefined && lines.some((each) => withoutZ(each) === withoutZ(line));
  if (world.broke.has(target)) return hasOther ? [...waiting, "Projected"] : waiting;
  return [first];
}

/** Does nothing hinder a write that only takes out what should not be there? */
function canRemove(world: World, target: string, outcome: Outcome): boolean {
  const secret = world.server.get(target);
  if (secret === undefined || secret.immutable || world.server.webhooks.has(target)) return false;
  const [namespace = ""] = target.split("/");
  // For whom the Secret is, its annotation says only until somebody edits it.
  const user = world.userOf(target, world.sshKeys.all());
  const wanted = (outcome.files[`${namespace}/${user}`] ?? []).map(keyOf);
  const kept = linesIn(secret).filter((line) => wanted.includes(keyOf(line)));
  const refusal = world.server.refusals.get(target);
  return refusal === undefined || !kept.join("\n").includes(refusal.holding);
}

function wrongFacts(world: World, object: StoredSSHKey, said: string): readonly string[] {
  const id = idOf(object);
  const status = statusOf(object);
  const [type, base64 = ""] = (object.spec?.key ?? "").split(" ");
  const wrong: string[] = [];
  if (status.observedGeneration !== object.metadata.generation) wrong.push(`${id} has an old generation`);
  if (isKey(object) && status.fingerprint !== fingerprint(base64)) wrong.push(`${id} has an old fingerprint`);
  if (isKey(object) && status.type !== type) wrong.push(`${id} has an old type`);
  if (said === "Projected" && conditionOf(object, "Projected") !== "True")
    wrong.push(`${id} is not Projected`);
  const proven = conditionOf(object, "Proven");
  if (proven !== provenOf(world, object)) wrong.push(`${id} says that Proven is ${proven}`);
  const since = Date.parse(String(status.claimedSince));
  if (isKey(object) && since !== world.view.history.get(object.metadata.uid))
    wrong.push(`${id} claims since ${status.claimedSince}`);
  return wrong;
}

/** The status of the condition `Proven`; none where there is no proof and none is required. */
function provenOf({ rules }: World, object: StoredSSHKey): string | undefined {
  if (object.spec?.proof === undefined && rules.proofs === "Optional") return undefined;
  if (!isKey(object)) return "Unknown";
  return isProven(object) ? "True" : "False";
}

function withoutZ(line: string): string {
  return line.replace(/(expiry-time="\d+)Z"/, '$1"');
}
