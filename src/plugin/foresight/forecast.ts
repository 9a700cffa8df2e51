import { namespacedName } from "../../api/object.ts";
import type { StoredAuthorizedKeys } from "../../authorizedkeys/record.ts";
import { toAuthorizedKeysRecord } from "../../authorizedkeys/record.ts";
import { examined } from "../../claims/examination.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import { type StoredSSHKey, toSSHKeyRecord } from "../../claims/record.ts";
import type { Settings } from "../../config/settings.ts";
import { AuthorizedKeysTarget } from "../../projection/authorizedkeystarget.ts";
import { linesOf } from "../../projection/file.ts";
import type { Files } from "../../projection/files.ts";
import { areEmpty } from "../../projection/files.ts";
import type { NamespaceFacts } from "../../projection/namespaces.ts";
import { Projection } from "../../projection/projection.ts";
import { buildCreate, type DesiredSecret, type SecretObject } from "../../projection/secret.ts";
import type { Target } from "../../projection/target.ts";
import { fingerprintSHA256 } from "../../ssh/fingerprint.ts";

/** One line of a file: who can log in with which key. */
export interface Access {
  /** `namespace/name` of the Secret. */
  readonly secret: string;
  /** `namespace/name` of the AuthorizedKeys whose Secret it is; undefined for a user's own. */
  readonly authorizedKeys: string | undefined;
  /** The data key. */
  readonly file: string;
  /** `namespace/name`. */
  readonly sshKey: string;
  readonly user: string;
  readonly title: string | undefined;
  readonly fingerprint: string;
  /** The line itself, options and all. */
  readonly line: string;
}

/** How an object stands. */
export interface Stand {
  readonly state: string;
  readonly message: string;
}

/** What a cluster comes to once the operator has done all that it has to. */
export interface Outcome {
  readonly access: readonly Access[];
  /** By `namespace/name`. */
  readonly sshKeys: ReadonlyMap<string, Stand>;
  readonly authorizedKeys: ReadonlyMap<string, Stand>;
}

/** Passes over all Secrets after which nothing is left to do: the first brings them about, the second judges them. */
const MOST_PASSES = 10;

/**
 * What the operator would make of objects, by its own claims and projection, without a cluster. `now` in ms since the
 * epoch.
 */
export class Forecast {
  readonly #projection: Projection;
  readonly #settings: Settings;
  readonly #now: number;
  readonly #primeProducts: readonly bigint[] | undefined;
  readonly #objects = new Map<string, StoredSSHKey>();
  #versions = 0n;

  constructor(settings: Settings, knowledge: Knowledge, namespaces: readonly NamespaceFacts[], now: number) {
    this.#settings = settings;
    this.#now = now;
    this.#projection = new Projection(settings.policy, settings.secrets);
    this.#projection.claims.setKnowledge(knowledge);
    this.#primeProducts = knowledge.primeProducts;
    this.#projection.setSynced(undefined);
    this.#projection.setAuthorizedKeysSynced(undefined);
    this.#projection.replaceNamespaces(namespaces);
  }

  /** Stores an SSHKey that is new or changed. */
  putSSHKey(object: StoredSSHKey): void {
    const record = toSSHKeyRecord(object, undefined, this.#settings.policy.proofNamespace);
    this.#objects.set(namespacedName(record), object);
    this.#projection.putSSHKey(examined(record, this.#primeProducts), this.#now);
  }

  removeSSHKey(namespace: string, name: string): void {
    this.#objects.delete(`${namespace}/${name}`);
    this.#projection.removeSSHKey(namespace, name);
  }

  /** Stores what a Namespace says. */
  putNamespace(facts: NamespaceFacts): void {
    this.#projection.putNamespace(facts);
  }

  /** Stores an AuthorizedKeys that is new or changed. */
  putAuthorizedKeys(object: StoredAuthorizedKeys): void {
    this.#projection.authorizedKeys.put(toAuthorizedKeysRecord(object));
  }

  removeAuthorizedKeys(namespace: string, name: string): void {
    this.#projection.authorizedKeys.remove(namespace, name);
  }

  /** What these objects come to. */
  outcome(): Outcome {
    this.#projection.advance(this.#now);
    this.#bringAbout();
    return { access: this.#access(), sshKeys: this.#sshKeys(), authorizedKeys: this.#authorizedKeys() };
  }

  #bringAbout(): void {
    const projection = this.#projection;
    let due = [...projection.takeDirty().targets.keys()];
    for (let pass = 0; due.length > 0 && pass < MOST_PASSES; pass += 1) {
      for (const id of due) {
        const target = projection.target(id);
        if (target !== undefined) this.#write(target, projection.plan(target, this.#now));
      }
      due = [...projection.takeDirty().targets.keys()];
    }
  }

  /** As if the API server took it. */
  #write(target: Target, desired: DesiredSecret): void {
    if (target.live === undefined && desired.isOptional && areEmpty(desired.files)) return;
    const write = buildCreate(desired, this.#settings.secrets.installation, this.#now);
    if (write.kind !== "create") return;
    this.#versions += 1n;
    const { metadata, ...rest } = write.object as SecretObject;
    const uid = `forecast-${target.id}`;
    const stored = { ...rest, metadata: { ...metadata, uid, resourceVersion: String(this.#versions) } };
    this.#projection.applyResponse(target, this.#projection.toLiveSecret(stored));
    this.#projection.plan(target, this.#now);
  }

  #access(): readonly Access[] {
    return [...this.#projection.targets()].flatMap((target) => this.#accessBy(target));
  }

  #accessBy(target: Target): readonly Access[] {
    const files: Files = target.live?.files ?? new Map();
    const record = target instanceof AuthorizedKeysTarget ? target.record : undefined;
    return [...files].flatMap(([file, text]) =>
      linesOf(text).map(({ text: line, base64, namespace, name }) => {
        const sshKey = `${namespace}/${name}`;
        const { spec } = this.#objects.get(sshKey) ?? {};
        return {
          secret: target.id,
          authorizedKeys: record && namespacedName(record),
          file,
          sshKey,
          user: spec?.user ?? "",
          title: spec?.title,
          fingerprint: fingerprintSHA256(Buffer.from(base64, "base64")),
          line,
        };
      }),
    );
  }

  #sshKeys(): ReadonlyMap<string, Stand> {
    const stands = new Map<string, Stand>();
    for (const claim of this.#projection.claims.all()) {
      const verdict = this.#projection.lastVerdict(claim);
      if (verdict !== undefined) stands.set(namespacedName(claim.record), verdict);
    }
    return stands;
  }

  #authorizedKeys(): ReadonlyMap<string, Stand> {
    const stands = new Map<string, Stand>();
    for (const { namespace, name } of this.#projection.authorizedKeys.all()) {
      const verdict = this.#projection.authorizedKeys.lastVerdict(namespace, name);
      if (verdict !== undefined) stands.set(`${namespace}/${name}`, verdict);
    }
    return stands;
  }
}
