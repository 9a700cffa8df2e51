import type { SecretObject, SecretWrite } from "../../src/projection/secret.ts";

/** What is stored of a Secret. */
export interface StoredSecret extends SecretObject {
  readonly metadata: SecretObject["metadata"] & { readonly namespace: string };
}

/** What the watch of all Secrets with the installation's label shows. */
export interface SecretEvent {
  readonly secret: StoredSecret;
  /** Is it not among them any more? */
  readonly isGone: boolean;
  readonly resourceVersion: string;
}

export type ServerAnswer =
  | { readonly kind: "written"; readonly secret: StoredSecret }
  | { readonly kind: "deleted"; readonly resourceVersion: string }
  | { readonly kind: "refused"; readonly reason: "rejected" | "server-error"; readonly message: string }
  | { readonly kind: "exists" }
  | { readonly kind: "conflict" };

/** Why a write of one Secret is refused: whatever it holds, or when it holds this text. */
export interface Refusal {
  readonly reason: "rejected" | "server-error";
  readonly holding: string;
}

/** The part of an API server that serves Secrets. Knows of the product only the label that the watch selects. */
export class SecretServer {
  readonly events: SecretEvent[] = [];
  /** By `NAMESPACE/NAME`. */
  readonly refusals = new Map<string, Refusal>();
  /** Mutating admission, by `NAMESPACE/NAME`. */
  readonly webhooks = new Map<string, (secret: StoredSecret) => StoredSecret>();
  readonly #label: string;
  readonly #installation: string;
  readonly #secrets = new Map<string, StoredSecret>();
  readonly #nextVersion: () => string;
  /** How many writes of the operator were taken. */
  writes = 0;
  now = 0;

  constructor(label: string, installation: string, nextVersion: () => string) {
    this.#label = label;
    this.#installation = installation;
    this.#nextVersion = nextVersion;
  }

  get(id: string): StoredSecret | undefined {
    return this.#secrets.get(id);
  }

  all(): readonly StoredSecret[] {
    return [...this.#secrets.values()];
  }

  list(): readonly StoredSecret[] {
    return this.all().filter((secret) => this.isLabelled(secret));
  }

  isLabelled({ metadata }: StoredSecret): boolean {
    return metadata.labels?.[this.#label] === this.#installation;
  }

  /** Carries out a write of the operator. */
  write(write: SecretWrite): ServerAnswer {
    const id = `${write.namespace}/${write.name}`;
    const present = this.#secrets.get(id);
    if (write.kind === "create") {
      if (present !== undefined) return { kind: "exists" };
      return this.#admit(id, write.object as StoredSecret);
    }
    if (present === undefined) return { kind: "conflict" };
    if (write.kind === "delete") {
      const { uid, resourceVersion } = write.preconditions;
      if (present.metadata.uid !== uid || present.metadata.resourceVersion !== resourceVersion)
        return { kind: "conflict" };
      this.writes += 1;
      return { kind: "deleted", resourceVersion: this.remove(id) };
    }
    const patched = written(write, present);
    if (patched.metadata.resourceVersion !== present.metadata.resourceVersion) return { kind: "conflict" };
    if (present.immutable && JSON.stringify(patched.data) !== JSON.stringify(present.data))
      return { kind: "refused", reason: "rejected", message: "It is immutable." };
    return this.#admit(id, patched);
  }

  /** Somebody else changes a Secret, or makes it. */
  put(secret: Omit<StoredSecret, "metadata"> & { readonly metadata: object }): void {
    const { name, namespace } = secret.metadata as StoredSecret["metadata"];
    this.#store(`${namespace}/${name}`, secret as StoredSecret);
  }

  /** Gives the version of the deletion. */
  remove(id: string): string {
    const resourceVersion = this.#nextVersion();
    const secret = this.#secrets.get(id);
    this.#secrets.delete(id);
    if (secret !== undefined && this.isLabelled(secret))
      this.events.push({ secret, isGone: true, resourceVersion });
    return resourceVersion;
  }

  #admit(id: string, sent: StoredSecret): ServerAnswer {
    const refusal = this.refusals.get(id);
    if (refusal !== undefined && linesIn(sent).join("\n").includes(refusal.holding))
      return { kind: "refused", reason: refusal.reason, message: "It is refused." };
    this.writes += 1;
    return { kind: "written", secret: this.#store(id, this.webhooks.get(id)?.(sent) ?? sent) };
  }

  #store(id: string, secret: StoredSecret): StoredSecret {
    const before = this.#secrets.get(id);
    const resourceVersion = this.#nextVersion();
    const stored: StoredSecret = {
      ...secret,
      metadata: {
        ...secret.metadata,
        uid: before?.metadata.uid ?? `uid-${resourceVersion}`,
        resourceVersion,
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date(this.now).toISOString(),
      },
    };
    this.#secrets.set(id, stored);
    const isShown = this.isLabelled(stored);
    if (isShown || (before !== undefined && this.isLabelled(before)))
      this.events.push({ secret: stored, isGone: !isShown, resourceVersion });
    return stored;
  }
}

/** What stands under the one data key of a user's Secret that matters. */
export function textOf(secret: Pick<SecretObject, "data"> | undefined): string {
  return filesOf(secret).authorized_keys ?? "";
}

/** What stands under each data key. */
export function filesOf(secret: Pick<SecretObject, "data"> | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([dataKey, text]) => [
      dataKey,
      Buffer.from(text, "base64").toString("utf8"),
    ]),
  );
}

/** The lines under all data keys. */
export function linesIn(secret: Pick<SecretObject, "data"> | undefined): readonly string[] {
  return Object.values(filesOf(secret)).flatMap(linesOf);
}

export function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** What a write makes of the Secret. */
export function written(write: Exclude<SecretWrite, { kind: "delete" }>, secret: SecretObject | undefined) {
  if (write.kind === "create") return write.object as StoredSecret;
  const { metadata, data } = write.patch;
  return {
    ...secret,
    metadata: {
      ...secret?.metadata,
      resourceVersion: metadata.resourceVersion,
      annotations: merged(secret?.metadata.annotations, metadata.annotations),
    },
    data: merged(secret?.data, data),
  } as StoredSecret;
}

/** A strategic merge patch of a map: null takes a key out, and `$patch: replace` all that are not named. */
function merged(
  present: Readonly<Record<string, string>> = {},
  { $patch, ...patch }: Readonly<Record<string, string | null>> = {},
): Readonly<Record<string, string>> {
  const result = { ...($patch === "replace" ? {} : present), ...patch };
  const entries = Object.entries(result).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(entries);
}
