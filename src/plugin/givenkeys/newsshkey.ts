import { API_VERSION, KIND } from "../../api/names.ts";
import type { KubeObject } from "../../api/object.ts";
import { objectName } from "../../api/objectname.ts";
import { sshKeysPath } from "../../api/paths.ts";
import { validateSpec, validateTitle } from "../../api/rules.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { renderOptions } from "../../ssh/options.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { printable } from "../../ssh/unprintable.ts";
import { type Cluster, ClusterError, type WriteOptions } from "../cluster/cluster.ts";
import { getSSHKey, type SSHKeyObject } from "../cluster/sshkeys.ts";
import { PluginError } from "../session/session.ts";
import { type GivenKey, lineOf } from "./keytext.ts";

/** An SSHKey that is to be made. */
export interface NewSSHKey {
  /** The key that is in it. */
  readonly key: GivenKey;
  readonly spec: SSHKeySpec;
  /** Undefined: one that is made of user, title and key. */
  readonly name: string | undefined;
}

/** How many names are tried for a key before a person has to give one. */
const MOST_NAMES = 20;

/** The spec of a key with these fields. Rejects, before anything is sent, with what the API server or the operator would not take. */
export function specOf(
  key: GivenKey,
  user: string,
  fields: Partial<Omit<SSHKeySpec, "user" | "key">>,
): SSHKeySpec {
  const spec = { user, key: lineOf(key), ...fields };
  const [error] = validateSpec(spec);
  if (error !== undefined) throw new PluginError(`${FLAGS[error.field] ?? error.field}: ${error.message}`);
  const options = renderOptions(spec.options ?? []);
  if (!options.ok) throw new PluginError(`--option: ${options.refusal.message.replace(/\.$/, "")}`);
  return spec;
}

/** What a person calls the key, where a comment does: "alice@laptop". */
export function titleFrom({ comment }: GivenKey): { readonly title?: string } {
  return comment === "" || validateTitle(comment) !== undefined ? {} : { title: comment };
}

/** The object as it is sent. */
export function manifestOf({ key, spec, name }: NewSSHKey, namespace: string | undefined, nth = 1): object {
  const { user, title } = spec;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: name ?? objectName({ user, title, blob: key.blob }, nth),
      ...(namespace === undefined ? {} : { namespace }),
    },
    spec,
  };
}

export interface Created {
  readonly object: SSHKeyObject;
  /** Was it there before, just the same? */
  readonly isKnown: boolean;
}

/**
 * Makes the SSHKey and overwrites none: where the name is taken by another key, the next name is tried, unless it was
 * given. One that is just what would be made is given back as it is.
 */
export async function createSSHKey(
  cluster: Cluster,
  made: NewSSHKey,
  { namespace = cluster.namespace, ...o }: WriteOptions & { readonly namespace?: string | undefined } = {},
): Promise<Created> {
  for (let nth = 1; nth <= MOST_NAMES; nth += 1) {
    const body = manifestOf(made, namespace, nth) as KubeObject;
    try {
      const object = await cluster.create<SSHKeyObject>(sshKeysPath(namespace), body, o);
      return { object, isKnown: false };
    } catch (error) {
      if (!(error instanceof ClusterError) || error.code !== "AlreadyExists") throw error;
      const there = await getSSHKey(cluster, body.metadata.name, namespace);
      if (isSame(there.spec, made.spec)) return { object: there, isKnown: true };
      if (made.name !== undefined) throw taken(there);
      if (isSameKey(there.spec, made.spec))
        throw new PluginError(
          `this key of ${printable(there.spec.user)} is there as SSHKey ${there.metadata.name}, with another title, options, expiry or proof: change it with kubectl edit, or delete it first`,
        );
    }
  }
  throw new PluginError(`${MOST_NAMES} names for this key are taken: give one with --name`);
}

function taken({ metadata, spec }: SSHKeyObject): PluginError {
  return new PluginError(
    `there is an SSHKey ${metadata.name} already, with another key or other fields, of user ${printable(spec.user)}: give another --name`,
  );
}

function isSameKey(one: SSHKeySpec, other: SSHKeySpec): boolean {
  const [a, b] = [parsePublicKey(one.key), parsePublicKey(other.key)];
  return one.user === other.user && a.ok && b.ok && a.value.blob.equals(b.value.blob);
}

/** Would making it change nothing? A proof that was added since stays. */
function isSame(there: SSHKeySpec, made: SSHKeySpec): boolean {
  const rest = ({ title, options = [], expiresAt, disabled = false }: SSHKeySpec) =>
    JSON.stringify([title, options, expiresAt, disabled]);
  const isProofKept = made.proof === undefined || made.proof === there.proof;
  return isSameKey(there, made) && rest(there) === rest(made) && isProofKept;
}

/** By which flag a person gave the field. */
const FLAGS: Readonly<Record<string, string>> = {
  "spec.user": "--user",
  "spec.title": "--title",
  "spec.options": "--option",
  "spec.expiresAt": "--expires-at",
  "spec.proof": "--proof",
};
