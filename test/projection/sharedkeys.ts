import { AUTHORIZED_KEYS_ANNOTATION } from "../../src/api/names.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../../src/authorizedkeys/record.ts";
import { DEFAULT_POLICY } from "../../src/claims/policy.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import type { AuthorizedKeysTarget } from "../../src/projection/authorizedkeystarget.ts";
import type { AuthorizedKeysVerdict } from "../../src/projection/authorizedkeysverdict.ts";
import { dataOf, digestOf } from "../../src/projection/files.ts";
import { Projection } from "../../src/projection/projection.ts";
import type { LiveSecret } from "../../src/projection/secret.ts";
import type { Urgency } from "../../src/projection/target.ts";
import { authorizedKeys } from "../authorizedkeys/scene.ts";
import { type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";
import { liveSecret, NOW } from "./secrets.ts";

const ID = "bastion/bastion";

type Texts = Readonly<Record<string, string>>;

/** What the operator knows around the AuthorizedKeys `bastion` of the namespace of that name. Times are ms since the epoch. */
export class SharedKeys {
  readonly projection = new Projection(DEFAULT_POLICY, DEFAULT_SETTINGS.secrets);
  #version = 1;

  /** All SSHKeys are known and all Namespaces, of which team-a and team-b share their keys, unless it is said otherwise. */
  constructor({ unread = false, unlisted = [] as readonly string[] } = {}) {
    for (const namespace of ["bastion", "team-a", "team-b"])
      if (!unlisted.includes(namespace)) this.projection.setSynced(namespace);
    this.projection.setAuthorizedKeysSynced(undefined);
    if (!unread) this.projection.replaceNamespaces([]);
    if (!unread) for (const name of ["bastion", "team-a", "team-b"]) this.consent(name, "*");
  }

  consent(name: string, shareKeysWith: string | undefined, labels: Texts = {}): void {
    this.projection.putNamespace({ name, labels, shareKeysWith });
  }

  /** Applies the object; all of its metadata that is not said has a default. */
  ask(
    spec: object,
    metadata: Partial<StoredAuthorizedKeys["metadata"]> = {},
    facts: Partial<AuthorizedKeysRecord> = {},
  ): void {
    this.#version += 1;
    const object = authorizedKeys(spec, this.#version);
    const { namespace = "", name } = { ...object.metadata, ...metadata };
    const known = this.projection.authorizedKeys.get(namespace, name);
    const changed = { ...object, metadata: { ...object.metadata, ...metadata } };
    this.projection.authorizedKeys.put({ ...toAuthorizedKeysRecord(changed, known), ...facts });
  }

  put(facts: SSHKeyFacts): void {
    this.projection.putSSHKey(sshKeyRecord(facts), NOW);
  }

  /** The API server shows the Secret with these files. */
  hold(files: Texts, facts: Partial<LiveSecret> = {}): void {
    this.#version += 1;
    const entries = Object.entries(files);
    this.projection.putSecret(
      liveSecret("", {
        namespace: "bastion",
        name: "bastion",
        resourceVersion: String(this.#version),
        forWhom: { [AUTHORIZED_KEYS_ANNOTATION]: "bastion" },
        digest: digestOf(dataOf(new Map(entries))),
        files: new Map(entries.filter(([, text]) => text !== "")),
        emptyFiles: entries.filter(([, text]) => text === "").map(([dataKey]) => dataKey),
        ...facts,
      }),
    );
  }

  /** What the Secret should hold. */
  plan(now = NOW): Texts {
    return Object.fromEntries(this.projection.plan(this.target, now).files);
  }

  /** What the status of an object should say. */
  verdict(name = "bastion"): AuthorizedKeysVerdict | undefined {
    return this.projection.authorizedKeys.lastVerdict("bastion", name);
  }

  get target(): AuthorizedKeysTarget {
    return this.projection.target(ID) as AuthorizedKeysTarget;
  }

  /** Whether the Secret has to be looked at since this was last asked, and how soon. */
  get due(): Urgency | undefined {
    return this.projection.takeDirty().targets.get(ID);
  }
}
