import type { AuthorizedKeys } from "../../src/api/authorizedkeys.generated.ts";
import { authorizedKeysPath, namespacePath } from "../../src/api/paths.ts";
import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import { claimedSince, factOf } from "../cluster/facts.ts";
import type { PlainSecret, Tenant } from "../operator/tenant.ts";
import { type KeyFact, type NamespaceFact, selection } from "../oracle/selection.ts";
import {
  isFaulty,
  isRefusedName,
  isStillGood,
  keyFacts,
  ownerOf,
  secretOf,
  targetFact,
} from "../projection/authorizedkeystruth.ts";
import { namespaceFact } from "../projection/authorizedkeysview.ts";
import type { StoredObject } from "../projection/objectserver.ts";
import { linesOf } from "../projection/secretserver.ts";
import { RULES } from "./comparison.ts";

const LIMITS = { bytes: 1_000_000, emptyFiles: 1000 };
/** Of what is left out a status tells this many. */
const MOST_TOLD = 50;

/**
 * How the Secrets and statuses of the AuthorizedKeys of these namespaces differ from what the oracle makes of them, of the
 * SSHKeys and of the consent of these namespaces; empty when they do not.
 */
export async function sharedDifferences(tenants: readonly Tenant[]): Promise<readonly string[]> {
  const sshKeys = (await Promise.all(tenants.map((tenant) => tenant.list()))).flat();
  const facts = sshKeys.map((object) => factOf(object, claimedSince(object)));
  const keys = keyFacts(facts, facts, RULES, Date.now());
  const namespaces = await Promise.all(
    tenants.map(async (tenant) =>
      namespaceFact((await tenant.send("GET", namespacePath(tenant.namespace))) as StoredObject),
    ),
  );
  const found = await Promise.all(tenants.map((tenant) => differencesIn(tenant, keys, namespaces)));
  return found.flat();
}

async function differencesIn(
  tenant: Tenant,
  keys: readonly KeyFact[],
  namespaces: readonly NamespaceFact[],
): Promise<readonly string[]> {
  const { items: objects } = (await tenant.send("GET", authorizedKeysPath(tenant.namespace))) as {
    items: readonly (AuthorizedKeys & StoredAuthorizedKeys)[];
  };
  const secrets = new Map(
    (await tenant.secrets()).map((secret) => [`${tenant.namespace}/${secret.metadata.name}`, secret]),
  );
  const found: string[] = [];
  for (const object of objects) {
    const id = secretOf(object);
    const isOwner = !isRefusedName(id) && ownerOf(id, objects) === object;
    const secret = isOwner ? secrets.get(id) : undefined;
    const differ = (what: string) =>
      found.push(`AuthorizedKeys ${tenant.namespace}/${object.metadata.name} ${what}`);
    const is = (what: string, one: unknown, other: unknown) => {
      if (one !== other) differ(`has ${what} ${one} and not ${other}`);
    };
    const { status = {}, metadata } = object;
    const conditionOf = (type: string) => status.conditions?.find((each) => each.type === type);
    is("observedGeneration", status.observedGeneration, metadata.generation);
    is(
      "STATE",
      conditionOf("Ready")?.reason,
      isOwner ? (isFaulty(object) ? "InvalidOptions" : "Projected") : "SecretConflict",
    );
    is("secretName", status.secretName, secret?.metadata.name);
    is("keyCount", status.keyCount, Object.values(secret?.data ?? {}).flatMap(linesOf).length);
    is("blockedRemovals", status.blockedRemovals, 0);
    if (!isOwner) continue;
    if (isFaulty(object)) {
      const known = { objects, keys, namespaces, areAllRead: true, unread: [], unlisted: [] };
      const lines = Object.values(secret?.data ?? {}).flatMap(linesOf);
      for (const line of lines.filter((each) => !isStillGood(each, tenant.namespace, known)))
        differ(`keeps [${line}]`);
      continue;
    }
    const { files, userCount, omitted } = selection(targetFact(object), namespaces, keys, LIMITS);
    for (const what of fileDifferences(secret, files)) differ(what);
    is("userCount", status.userCount, userCount);
    is("omittedCount", status.omittedCount, omitted.length);
    is("Complete", conditionOf("Complete")?.status, omitted.length === 0 ? "True" : "False");
    const told = (status.omitted ?? []).map(
      ({ reason, namespace, user, sshKey }) =>
        `${reason} ${[namespace, user, sshKey].filter((part) => part !== undefined).join("/")}`,
    );
    is("told omissions", new Set(told).size, Math.min(omitted.length, MOST_TOLD));
    for (const each of told.filter((one) => !omitted.includes(one))) differ(`says ${each}, and it is not`);
  }
  for (const [id, { data }] of secrets) {
    const isLeft = !isRefusedName(id) && ownerOf(id, objects) === undefined;
    if (isLeft && Object.values(data).some((text) => text !== ""))
      found.push(`Secret ${id}, which nobody asks for, holds ${JSON.stringify(data)}`);
  }
  return found;
}

/** Files that nobody asks for any more are empty until they go. */
function fileDifferences(
  secret: PlainSecret | undefined,
  wanted: Readonly<Record<string, string>>,
): readonly string[] {
  if (secret === undefined) return ["has no Secret"];
  return [...new Set([...Object.keys(secret.data), ...Object.keys(wanted)])].flatMap((dataKey) => {
    const [held, file] = [secret.data[dataKey], wanted[dataKey]];
    return held === (file ?? "") ? [] : [`has in ${dataKey} [${held}], and not [${file}]`];
  });
}
