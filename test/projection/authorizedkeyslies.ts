import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import type { SelectionOutcome } from "../oracle/selection.ts";
import {
  boundsOf,
  isFaulty,
  isRefusedName,
  isTerminating,
  type Known,
  keyOf,
  ownerOf,
  secretOf,
} from "./authorizedkeystruth.ts";
import { PREFIX } from "./installation.ts";
import { conditionOf, idOf, reasonOf, statusOf } from "./objectserver.ts";
import { filesOf, linesIn, type StoredSecret } from "./secretserver.ts";
import type { World } from "./world.ts";

type Files = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The files with lines of the Secrets of AuthorizedKeys, as the oracle says. Those of a faulty object are left out. */
export function expectedFiles(world: World): Files {
  const { truth } = world;
  const files: Record<string, Readonly<Record<string, string>>> = {};
  for (const object of truth.objects) {
    const secret = secretOf(object);
    if (isRefusedName(secret) || isFaulty(object) || ownerOf(secret, truth.objects) !== object) continue;
    files[secret] = withLines(outcomeOf(world, object, truth).files);
  }
  return files;
}

/** The same as has been reached. */
export function reachedFiles(world: World): Files {
  const { objects } = world.truth;
  const files: Record<string, Readonly<Record<string, string>>> = {};
  for (const secret of world.server.all()) {
    const { namespace, name } = secret.metadata;
    const id = `${namespace}/${name}`;
    const owner = ownerOf(id, objects);
    if (name.startsWith(PREFIX) || (owner !== undefined && isFaulty(owner))) continue;
    const held = withLines(filesOf(secret));
    // What nobody asks for any more is empty until it is collected.
    if (owner !== undefined || Object.keys(held).length > 0) files[id] = held;
  }
  return files;
}

function withLines(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).filter(([, text]) => text !== ""));
}

function outcomeOf(world: World, object: StoredAuthorizedKeys, truth: Known): SelectionOutcome {
  return boundsOf(object, truth, world.rules.expiryTimeFormat).certain;
}

/** Statuses of AuthorizedKeys that do not say how it stands. None at rest. */
export function authorizedKeysLies(world: World): readonly string[] {
  const { truth } = world;
  return truth.objects.flatMap((object) => {
    const id = idOf(object);
    const said = reasonOf(object, "Ready") ?? "nothing";
    const status = statusOf(object);
    const wrong: string[] = [];
    const is = (what: string, one: unknown, other: unknown) => {
      if (JSON.stringify(one) !== JSON.stringify(other))
        wrong.push(`${id}: ${what} is ${one} and not ${other}`);
    };
    is("observedGeneration", status.observedGeneration, object.metadata.generation);
    const allowed = trueStates(world, object, truth);
    if (!allowed.includes(said)) wrong.push(`${id} says ${said} and not ${allowed.join(" or ")}`);
    const secretId = secretOf(object);
    const isOwner = !isRefusedName(secretId) && ownerOf(secretId, truth.objects) === object;
    const secret = world.server.get(secretId);
    const isHeld = isOwner || isLeft(world, object, truth);
    const isThere = isHeld && secret !== undefined && world.isOwn(secret);
    is("secretName", status.secretName, isThere ? secretId.split("/")[1] : undefined);
    is("keyCount", status.keyCount, isThere ? operatorLines(secret).length : 0);
    if (!isOwner || isFaulty(object)) return wrong;
    const { userCount, files, ...outcome } = outcomeOf(world, object, truth);
    const omitted = [...outcome.omitted, ...rejectedIn(status.omitted)].sort();
    is("omitted", omissions(status.omitted).join(), omitted.join());
    is("omittedCount", status.omittedCount, omitted.length);
    is("Complete", conditionOf(object, "Complete"), omitted.length === 0 ? "True" : "False");
    if (said === "Projected") is("userCount", status.userCount, userCount);
    if (isThere) is("blockedRemovals", status.blockedRemovals, leaving(secret, files).length);
    if (isThere && leaving(secret, files).length > 0 && canRemove(world, secretId, secret, files))
      wrong.push(`${secretId} holds what could be taken out`);
    return wrong;
  });
}

/** Whether these are at fault is judged by what the Secret holds. */
function rejectedIn(omitted: unknown): readonly string[] {
  return omissions(omitted).filter((each) => each.startsWith("Rejected"));
}

function omissions(omitted: unknown): readonly string[] {
  const all = omitted as
    | readonly { reason: string; namespace: string; user?: string; sshKey?: string }[]
    | undefined;
  return (all ?? [])
    .map(
      ({ reason, namespace, user, sshKey }) =>
        `${reason} ${[namespace, user, sshKey].filter((part) => part !== undefined).join("/")}`,
    )
    .sort();
}

function trueStates(world: World, object: StoredAuthorizedKeys, truth: Known): readonly string[] {
  const secretId = secretOf(object);
  const owner = ownerOf(secretId, truth.objects);
  const secret = world.server.get(secretId);
  const obstacles = obstaclesOf(world, secretId, secret);
  if (isTerminating(object)) {
    if (!isLeft(world, object, truth)) return ["Terminating"];
    // What the Secret holds that is not the operator's own need not be known.
    return secret !== undefined && world.isOwn(secret) ? obstacles : ["Terminating", ...obstacles];
  }
  if (isRefusedName(secretId) || owner !== object) return ["SecretConflict"];
  if (isFaulty(object)) return ["InvalidOptions"];
  if (secret === undefined || !world.isOwn(secret)) return obstacles;
  const rejected = rejectedIn(statusOf(object).omitted).map((each) =>
    each.replace(/^Rejected (.*)\/.*\/(.*)$/, " $1/$2"),
  );
  const holding = world.server.refusals.get(secretId)?.holding;
  const isAccepted = (line: string) =>
    holding === undefined || !line.includes(holding) || !rejected.some((id) => line.endsWith(id));
  const [held, wanted] = [filesOf(secret), outcomeOf(world, object, truth).files].map((files) =>
    JSON.stringify(
      Object.entries(files)
        .map(
          ([dataKey, text]) =>
            [dataKey, operatorLines({ data: { it: btoa(text) } }).filter(isAccepted)] as const,
        )
        .filter(([, lines]) => lines.length > 0)
        .sort(),
    ),
  );
  const isExact = held === wanted;
  return isExact ? ["Projected", ...obstacles] : obstacles;
}

/** Is it being deleted, and its Secret not empty yet? */
function isLeft(world: World, object: StoredAuthorizedKeys, truth: Known): boolean {
  const id = secretOf(object);
  if (!isTerminating(object) || isRefusedName(id) || ownerOf(id, truth.objects) !== undefined) return false;
  return operatorLines(world.server.get(id) ?? {}).length > 0;
}

/** What a status may say of an obstacle that is there. */
function obstaclesOf(world: World, id: string, secret: StoredSecret | undefined): readonly string[] {
  const states = new Set<string>();
  if (secret !== undefined && (!world.isOwn(secret) || secret.immutable)) states.add("SecretConflict");
  const refusal = world.server.refusals.get(id);
  if (refusal !== undefined) states.add(refusal.reason === "server-error" ? "Pending" : "SecretConflict");
  if (world.server.webhooks.has(id)) states.add("SecretConflict");
  // What waits for its turn has not been refused yet, or was when it was last tried.
  if (world.broke.has(id)) states.add("Pending").add("SecretConflict");
  return [...states];
}

function canRemove(
  world: World,
  id: string,
  secret: StoredSecret,
  wanted: Readonly<Record<string, string>>,
): boolean {
  if (secret.immutable || world.server.webhooks.has(id)) return false;
  const leave = new Set(leaving(secret, wanted));
  const kept = operatorLines(secret).filter((line) => !leave.has(line));
  const refusal = world.server.refusals.get(id);
  return refusal === undefined || !kept.join("\n").includes(refusal.holding);
}

/** The lines that should not be there. */
function leaving(secret: StoredSecret, wanted: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(filesOf(secret)).flatMap(([dataKey, text]) => {
    const staying = linesIn({ data: { it: btoa(wanted[dataKey] ?? "") } }).map(keyOf);
    return operatorLines({ data: { it: btoa(text) } }).filter((line) => !staying.includes(keyOf(line)));
  });
}

function operatorLines(secret: Pick<StoredSecret, "data">): readonly string[] {
  return linesIn(secret).filter((line) => / AAAA[^ ]+ [^ ]+\/[^ ]+$/.test(line));
}
