import { MANAGED_LABEL, SECRET_ANNOTATION, USER_ANNOTATION } from "../../api/names.ts";
import { secretsPath } from "../../api/paths.ts";
import type { State } from "../../api/states.ts";
import type { SecretObject } from "../../projection/secret.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { type Cluster, ClusterError, orForbidden } from "../cluster/cluster.ts";
import { blobOf, findSSHKey, idOf, listSSHKeys, type SSHKeyObject, stateOf } from "../cluster/sshkeys.ts";
import { readHeldLine } from "./heldline.ts";

/** Whose a key is. Documented field by field in the help of `who`. */
export interface KeyOwner {
  readonly user?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly title?: string;
  /**
   * The STATE of the SSHKey, or why there is none with this key: `Edited`, it has another one now; `Deleted`; `Unreadable`,
   * for this person; `Claimed`, nothing but a line says so which people of another namespace may have written; `Foreign`,
   * the line is none that the operator writes.
   */
  readonly state: State | "Unknown" | "Edited" | "Deleted" | "Unreadable" | "Claimed" | "Foreign";
  /** Where the key still stands, unless an SSHKey accounts for it. */
  readonly secrets?: readonly SecretLine[];
}

/** A line of a file in a Secret. */
export interface SecretLine {
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** All SSHKeys and managed Secrets of a namespace, or of all, as they were at one time, by the keys in them. */
export class KeyOwners {
  readonly #cluster: Cluster;
  readonly #namespace: string | undefined;
  /** By canonical base64. */
  readonly #keys = new Map<string, KeyTraces>();
  readonly #sshKeys = new Map<string, string>();
  /** By fingerprint. Of MD5 only when somebody asks for one. */
  readonly #bySHA256 = new Map<string, KeyTraces>();
  #byMD5: Map<string, KeyTraces> | undefined;

  private constructor(cluster: Cluster, namespace: string | undefined) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** `onForbidden`: the Secrets may not be listed, so nothing is known of keys without an SSHKey. */
  static async read(
    cluster: Cluster,
    namespace: string | undefined,
    onForbidden: () => void,
  ): Promise<KeyOwners> {
    const owners = new KeyOwners(cluster, namespace);
    const [sshKeys, secrets] = await Promise.all([
      listSSHKeys(cluster, namespace),
      listSecrets(cluster, namespace),
    ]);
    // Said only once the SSHKeys are known: without them nothing is found at all.
    if (secrets === undefined) onForbidden();
    for (const sshKey of sshKeys) owners.#addSSHKey(sshKey);
    for (const secret of secrets ?? []) owners.#addSecret(secret);
    for (const [base64, traces] of owners.#keys)
      owners.#bySHA256.set(fingerprintSHA256(Buffer.from(base64, "base64")), traces);
    // A status may still speak of a key that has been changed since.
    for (const sshKey of sshKeys) owners.#addFormer(sshKey);
    return owners;
  }

  /** Everyone whose key has this fingerprint, SHA256 or MD5. */
  async find(fingerprint: string): Promise<readonly KeyOwner[]> {
    const traces = fingerprint.startsWith("SHA256:")
      ? this.#bySHA256.get(fingerprint)
      : this.#md5Index().get(fingerprint);
    if (traces === undefined) return [];
    const found = new Map(traces.sshKeys.map((each) => [idOf(each), ownerOf(each)]));
    for (const each of traces.former) {
      const id = idOf(each);
      if (!found.has(id)) found.set(id, { ...ownerOf(each), state: "Edited" });
    }
    const left = new Map<string, StandingLine[]>();
    for (const line of traces.lines) {
      const owner = found.get(line.sshKey);
      // What a line says is believed where the SSHKey says it too.
      if (owner !== undefined && owner.state !== "Edited") continue;
      const id =
        line.sshKey === ""
          ? `line ${line.namespace}/${line.name} ${line.file} ${line.line}`
          : `${line.isVouched ? "" : "claim "}${line.sshKey}`;
      const same = left.get(id);
      if (same === undefined) left.set(id, [line]);
      else same.push(line);
    }
    for (const [id, lines] of left) found.set(id, await this.#ownerOfLines(lines, traces, found.get(id)));
    return [...found.values()];
  }

  #md5Index(): Map<string, KeyTraces> {
    this.#byMD5 ??= new Map(
      Array.from(this.#keys, ([base64, traces]) => [fingerprintMD5(Buffer.from(base64, "base64")), traces]),
    );
    return this.#byMD5;
  }

  #tracesOf(base64: string): KeyTraces {
    const known = this.#keys.get(base64);
    if (known !== undefined) return known;
    const traces = { base64, sshKeys: [], former: [], lines: [] };
    this.#keys.set(base64, traces);
    return traces;
  }

  #addSSHKey(sshKey: SSHKeyObject): void {
    const base64 = blobOf(sshKey);
    this.#sshKeys.set(idOf(sshKey), base64 ?? "");
    if (base64 !== undefined) this.#tracesOf(base64).sshKeys.push(sshKey);
  }

  #addFormer(sshKey: SSHKeyObject): void {
    const { fingerprint, fingerprintMD5: md5 } = sshKey.status ?? {};
    if (fingerprint === undefined || stateOf(sshKey) !== "Unknown") return;
    const traces = this.#bySHA256.get(fingerprint) ?? { base64: "", sshKeys: [], former: [], lines: [] };
    if (traces.sshKeys.includes(sshKey)) return;
    traces.former.push(sshKey);
    this.#bySHA256.set(fingerprint, traces);
    if (md5 !== undefined) this.#md5Index().set(md5, traces);
  }

  #addSecret({ metadata, data = {} }: SecretObject): void {
    const { namespace = "", name, annotations } = metadata;
    const user = annotations?.[USER_ANNOTATION];
    const isCopy = annotations?.[SECRET_ANNOTATION] !== `${namespace}/${name}`;
    for (const [file, content] of Object.entries(data)) {
      const lines = Buffer.from(content, "base64").toString("utf8").split("\n");
      for (const [index, text] of lines.entries()) {
        const key = readHeldLine(text);
        if (key === undefined) continue;
        const { sshKey } = key;
        const isVouched = !isCopy && sshKey.startsWith(`${namespace}/`);
        const line: StandingLine = {
          namespace,
          name,
          file,
          line: index + 1,
          sshKey,
          user: isVouched ? user : undefined,
          isVouched,
        };
        this.#tracesOf(key.base64).lines.push(line);
      }
    }
  }

  /** Of lines that name one SSHKey, or none, whose it is, as far as can be said. */
  async #ownerOfLines(
    lines: readonly StandingLine[],
    { base64 }: KeyTraces,
    former: KeyOwner | undefined,
  ): Promise<KeyOwner> {
    const [first] = lines;
    const secrets = lines.map(({ namespace, name, file, line }) => ({ namespace, name, file, line }));
    if (former !== undefined) return { ...former, secrets };
    const slash = first?.sshKey.indexOf("/") ?? -1;
    const user = first?.user === undefined ? {} : { user: first.user };
    if (first === undefined || slash === -1) return { state: "Foreign", secrets };
    const namespace = first.sshKey.slice(0, slash);
    const name = first.sshKey.slice(slash + 1);
    const isListed = this.#namespace === undefined || this.#namespace === namespace;
    const claimed: KeyOwner = { namespace, name, state: "Claimed", secrets };
    if (isListed) {
      if (!first.isVouched) return claimed;
      const state = this.#sshKeys.has(first.sshKey) ? "Edited" : "Deleted";
      return { ...user, namespace, name, state, secrets };
    }
    try {
      const sshKey = await findSSHKey(this.#cluster, namespace, name);
      return sshKey !== undefined && blobOf(sshKey) === base64 ? ownerOf(sshKey) : claimed;
    } catch (error) {
      if (!(error instanceof ClusterError) || error.code !== "Forbidden") throw error;
      return { ...user, namespace, name, state: "Unreadable", secrets };
    }
  }
}

/** What is seen of one key. */
interface KeyTraces {
  readonly base64: string;
  readonly sshKeys: SSHKeyObject[];
  /** SSHKeys whose status still speaks of it. */
  readonly former: SSHKeyObject[];
  readonly lines: StandingLine[];
}

interface StandingLine extends SecretLine {
  /** `namespace/name`, as the line says; "" where it says nothing of the kind. */
  readonly sshKey: string;
  /** For whom the Secret is, as it says. */
  readonly user: string | undefined;
  /**
   * Does it stand in a Secret of its SSHKey's own namespace that the operator keeps? What stands elsewhere anybody there
   * may have written, to have it look like another namespace's key.
   */
  readonly isVouched: boolean;
}

async function listSecrets(
  cluster: Cluster,
  namespace: string | undefined,
): Promise<readonly SecretObject[] | undefined> {
  const path = secretsPath(namespace);
  return await orForbidden(cluster.list<SecretObject>(path, { labelSelector: MANAGED_LABEL }));
}

function ownerOf(sshKey: SSHKeyObject): KeyOwner {
  const { metadata, spec } = sshKey;
  const { namespace = "", name } = metadata;
  const title = spec.title === undefined ? {} : { title: spec.title };
  return { user: spec.user, namespace, name, ...title, state: stateOf(sshKey) };
}
