import { KIND } from "../../api/names.ts";
import type { KubeObject } from "../../api/object.ts";
import { type FieldPath, fieldName } from "../../api/schema.ts";
import { type StoredAuthorizedKeys, toAuthorizedKeysRecord } from "../../authorizedkeys/record.ts";
import type { Claim } from "../../claims/claim.ts";
import { Claims } from "../../claims/claims.ts";
import { examined } from "../../claims/examination.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import { newKeyCommand } from "../../claims/policy.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import type { Settings } from "../../config/settings.ts";
import { adviceText } from "../../ssh/weakness/advice.ts";
import { refusals } from "../foresight/admission.ts";
import { idOf, stored } from "../foresight/plannedobjects.ts";
import type { Position } from "../manifests/document.ts";
import { isOurs, kindFault, type Manifest } from "../manifests/objects.ts";
import type { Base } from "./base.ts";
import type { Finding } from "./finding.ts";

/** Where an object stands. */
interface Place extends Position {
  readonly file: string;
}

/**
 * Judges objects as the API server and the operator would, one after the other, and all of them together: which ones claim
 * one key, which have one name. An earlier one counts as the older.
 */
export class Judge {
  /** How many objects of the product it was given. */
  judged = 0;
  readonly #settings: Settings;
  readonly #now: number;
  readonly #claims: Claims;
  readonly #primeProducts: readonly bigint[] | undefined;
  /** By kind, namespace and name. */
  readonly #names = new Map<string, Place>();
  /** By namespace and name of the Secret. */
  readonly #secrets = new Map<string, Place>();
  readonly #base: Base | undefined;
  /** Kind and id of all that were given. */
  readonly #seen = new Set<string>();
  readonly #places = new Map<Claim, { readonly file: string; readonly key: Position }>();

  /** `base`: what these objects are put over; it is older than all that is new. */
  constructor(settings: Settings, now: number, knowledge: Knowledge, base?: Base) {
    this.#settings = settings;
    this.#now = now;
    this.#claims = new Claims(settings.policy);
    this.#claims.setKnowledge(knowledge);
    this.#primeProducts = knowledge.primeProducts;
    this.#base = base;
    for (const object of base?.sshKeys ?? []) this.#put(object);
  }

  /** What is wrong with the object by itself, or unusual, and with its name; nothing for an object of somebody else's. */
  judge(file: string, manifest: Manifest): readonly Finding[] {
    if (!isOurs(manifest)) return [];
    this.judged += 1;
    const { object } = manifest;
    const find = (path: FieldPath, code: string, message: string, field = fieldName(path)): Finding => ({
      file,
      ...manifest.locate(path, code === "UnknownField" ? "key" : "value"),
      code,
      field,
      message,
      object: describe(object),
    });
    const fault = kindFault(manifest);
    if (fault !== undefined) return [find([fault.field], "UnknownKind", fault.message)];
    const kind = String(object.kind);
    const id = idOf(object, "");
    this.#seen.add(`${kind} ${id}`);
    const before = this.#base?.find(kind, id);
    const refused = refusals(object, before && { ...before }).map(({ path, code, message, field }) =>
      find(path, code, message, field),
    );
    const twin = this.#twin(file, manifest);
    if (twin !== undefined) {
      const message = `the object of this name at ${placeText(twin, file)} is overwritten by this one: rename one of the two`;
      refused.push(find(["metadata", "name"], "SameName", message));
    }
    if (refused.length > 0) return refused;
    return object.kind === KIND ? this.#sshKey(file, manifest, find) : this.#target(file, manifest, find);
  }

  /** What is wrong with SSHKeys beside others. */
  *together(): Iterable<Finding> {
    for (const { metadata } of this.#base?.sshKeys ?? []) {
      const { namespace = "", name } = metadata;
      if (!this.#seen.has(`${KIND} ${namespace}/${name}`)) this.#claims.remove(namespace, name);
    }
    const counts = new Map<string, number>();
    const { maximumKeysPerUser } = this.#settings.policy;
    for (const [claim, { file, key }] of this.#places) {
      const { namespace, name, user } = claim.record;
      const finding = { file, ...key, object: describe({ kind: KIND, metadata: { namespace, name } }) };
      const standing = this.#claims.standing(claim);
      if (standing.state === "Duplicate") {
        yield {
          ...finding,
          code: "Duplicate",
          field: "spec.key",
          message: this.#duplicateMessage(claim, file),
        };
      } else if (standing.state === "InForce") {
        const id = JSON.stringify([namespace, user]);
        const count = (counts.get(id) ?? 0) + 1;
        counts.set(id, count);
        if (count <= maximumKeysPerUser) continue;
        const message = `The user has ${maximumKeysPerUser} keys before this one, the most allowed (maximumKeysPerUser); delete one of them.`;
        yield { ...finding, code: "SecretFull", field: "spec.user", message };
      }
    }
  }

  #duplicateMessage(claim: Claim, file: string): string {
    const standing = this.#claims.standing(claim);
    if (standing.state !== "Duplicate") return "";
    const { duplicateOf } = standing;
    const holder = duplicateOf && this.#claims.get(duplicateOf.namespace, duplicateOf.name);
    const place = holder && this.#places.get(holder);
    if (place === undefined) return standing.message;
    // At its end stands a command, to be copied.
    const named = `SSHKey ${duplicateOf?.name}`;
    const where = `${named} (${placeText({ ...place.key, file: place.file }, file)})`;
    return standing.message.replace(named, () => where);
  }

  /** Remembers the name; gives back where it was given before. */
  #twin(file: string, { object, locate }: Manifest): Place | undefined {
    const { name, namespace } = metadataOf(object);
    if (typeof name !== "string" || name === "") return undefined;
    const id = [object.kind, namespace ?? "", name].join("\0");
    const twin = this.#names.get(id);
    this.#names.set(id, { file, ...locate(["metadata", "name"]) });
    return twin;
  }

  #sshKey(file: string, manifest: Manifest, find: Find): readonly Finding[] {
    const claim = this.#put(this.#stored(manifest) as StoredSSHKey);
    if (claim === undefined) return [];
    this.#places.set(claim, { file, key: manifest.locate(["spec", "key"]) });
    const found = claim.findings.map(({ code, message }) => find(placeOf(code, message), code, message));
    const command = newKeyCommand(this.#settings.policy);
    const advice = claim.advice.map(
      (code): Finding => ({ ...find(["spec", "key"], code, adviceText([code], command)), isAdvice: true }),
    );
    return [...found, ...advice];
  }

  #put(object: StoredSSHKey): Claim | undefined {
    return this.#claims.put(examined(this.#claims.read(object), this.#primeProducts), this.#now)?.claim;
  }

  #target(file: string, manifest: Manifest, find: Find): readonly Finding[] {
    const record = toAuthorizedKeysRecord(this.#stored(manifest) as StoredAuthorizedKeys);
    const found = record.faults.map(({ message }) => {
      const [, field] = /^(spec(?:\.[a-z]+)+)/i.exec(message) ?? [];
      return find(field?.split(".") ?? optionPath(message), "InvalidOptions", message);
    });
    const { namespace, secretName } = record;
    const isDefault = metadataOf(manifest.object).name === secretName;
    const path = isDefault ? ["metadata", "name"] : ["spec", "secretName"];
    const { namePrefix } = this.#settings.secrets;
    if (secretName.startsWith(namePrefix)) {
      const message = `Names that begin with ${namePrefix} are those of users' Secrets; give another spec.secretName.`;
      found.push(find(path, "SecretConflict", message));
    }
    const id = JSON.stringify([namespace, secretName]);
    const twin = this.#secrets.get(id);
    if (twin === undefined) this.#secrets.set(id, { file, ...manifest.locate(path) });
    else {
      const message = `The AuthorizedKeys at ${placeText(twin, file)} writes the Secret of this name; give another spec.secretName.`;
      found.push(find(path, "SecretConflict", message));
    }
    return found;
  }

  /** The object as the API server would have stored it just now over that of the base. */
  #stored({ object }: Manifest): KubeObject {
    const { name, generateName, namespace } = metadataOf(object);
    const id = idOf(object, "");
    const before = this.#base?.find(String(object.kind), id);
    const hasName = before !== undefined || (typeof name === "string" && name !== "");
    // A name that is made up by the API server is no other's.
    const count = String(this.judged).padStart(10, "0");
    const own = hasName ? id : `${String(namespace ?? "")}/${String(generateName)}${count}`;
    return stored(object, own, before, this.#now, this.judged);
  }
}

type Find = (path: FieldPath, code: string, message: string) => Finding;

function metadataOf({ metadata }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return typeof metadata === "object" && metadata !== null ? (metadata as Record<string, unknown>) : {};
}

/** The field that a finding of the operator is about. */
function placeOf(code: string, message: string): FieldPath {
  if (OPTION_CODES.has(code) || message.startsWith("Option ")) return optionPath(message);
  if (code === "InvalidUser") return ["spec", "user"];
  if (code === "InvalidExpiresAt" || code === "LifetimeTooLong") return ["spec", "expiresAt"];
  return ["spec", code.startsWith("Proof") || code === "UserVerificationMissing" ? "proof" : "key"];
}

const OPTION_CODES = new Set([
  "BadOption",
  "UnknownOption",
  "BadOptionValue",
  "SeveralOptions",
  "DuplicateOption",
  "ForbiddenOption",
]);

function optionPath(message: string): FieldPath {
  const [, number] = /^Option (\d+)/.exec(message) ?? [];
  return number === undefined ? ["spec", "options"] : ["spec", "options", Number(number) - 1];
}

function describe(object: Readonly<Record<string, unknown>>): string {
  const { name, generateName, namespace } = metadataOf(object);
  const named = [namespace, name ?? generateName].filter((part) => typeof part === "string" && part !== "");
  return `${typeof object.kind === "string" ? object.kind : "object"} ${named.join("/")}`.trim();
}

function placeText({ file, line }: Place, from: string): string {
  return file === from ? `line ${line}` : `${file}:${line}`;
}
