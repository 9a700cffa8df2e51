import type { AuthorizedKeysSpec } from "../../src/api/authorizedkeys.generated.ts";
import { readConsent } from "../../src/authorizedkeys/consent.ts";
import type { Sources } from "../../src/authorizedkeys/members.ts";
import {
  type AuthorizedKeysRecord,
  type FromEntry,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../../src/authorizedkeys/record.ts";
import { type Selection, select } from "../../src/authorizedkeys/selection.ts";
import { Claims } from "../../src/claims/claims.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import { CREATED, type SSHKeyFacts, sshKeyRecord } from "../claims/sshkeys.ts";

/** When everybody looks, in ms since the epoch. */
export const NOW = (CREATED + 3600) * 1000;

/** The namespace of the AuthorizedKeys. */
export const OWN = "bastion";

export interface NamespaceFacts {
  readonly labels?: Readonly<Record<string, string>>;
  /** The annotation. */
  readonly shares?: string;
}

/** Namespaces with SSHKeys, and one AuthorizedKeys that takes from them. */
export class AuthorizedKeysScene {
  readonly namespaces: Map<string, NamespaceFacts>;
  readonly claims: Claims;
  readonly policy: Policy;

  /** Unless it is said otherwise people and contractors share their keys with everyone. */
  constructor(
    sshKeys: readonly SSHKeyFacts[],
    namespaces: Readonly<Record<string, NamespaceFacts>> = SHARED,
    policy: Partial<Policy> = {},
  ) {
    this.namespaces = new Map(Object.entries(namespaces));
    this.policy = { ...DEFAULT_POLICY, ...policy };
    this.claims = new Claims(this.policy);
    for (const facts of sshKeys) this.claims.put(sshKeyRecord({ namespace: "people", ...facts }), NOW);
    this.claims.advance(NOW);
  }

  /** What an AuthorizedKeys of the namespace OWN with this spec takes. */
  select(spec: object): Selection {
    return select(authorizedKeysRecord(spec), this.sources(), this.policy, "WithZ");
  }

  sources(): Sources {
    return {
      namespacesOf: (entry) => this.#namespacesOf(entry),
      claims: (namespace) => this.claims.all(namespace),
      isHolder: ({ isHolder }) => isHolder,
    };
  }

  #namespacesOf({ namespace, matchLabels }: FromEntry) {
    if (namespace !== undefined) return [{ namespace, isShared: this.#isShared(namespace) }];
    const wanted = Object.entries(matchLabels ?? {});
    return [...this.namespaces]
      .filter(([, { labels = {} }]) => wanted.every(([label, value]) => labels[label] === value))
      .map(([found]) => ({ namespace: found, isShared: this.#isShared(found) }))
      .sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
  }

  #isShared(namespace: string): boolean {
    return namespace === OWN || readConsent(this.namespaces.get(namespace)?.shares).allows(OWN);
  }
}

const SHARED = { people: { shares: "*" }, contractors: { shares: "*" } };

export function authorizedKeysRecord(spec: object): AuthorizedKeysRecord {
  return toAuthorizedKeysRecord(authorizedKeys(spec));
}

/** As the API server shows it. */
export function authorizedKeys(spec: object, generation = 1): StoredAuthorizedKeys {
  return {
    metadata: {
      name: "bastion",
      namespace: OWN,
      uid: "uid-of-bastion",
      resourceVersion: String(generation),
      generation,
      creationTimestamp: "2024-01-01T00:00:00Z",
    },
    spec: spec as AuthorizedKeysSpec,
  };
}

/** The SSHKeys whose lines stand in each file, as `namespace/name`. */
export function keysOf({ files }: Selection): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    [...files].map(([dataKey, text]) => [
      dataKey,
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  );
}

/** What is left out, each as `Reason namespace/user[/sshKey]`. */
export function omissionsOf({ omitted }: Selection): readonly string[] {
  return omitted.map(
    ({ reason, namespace, user, sshKey }) =>
      `${reason} ${[namespace, user, sshKey].filter((part) => part !== undefined).join("/")}`,
  );
}
