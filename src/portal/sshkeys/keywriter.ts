import { randomInt } from "node:crypto";
import { API_VERSION, KIND, REQUESTED_BY_ANNOTATION } from "../../api/names.ts";
import { objectName } from "../../api/objectname.ts";
import { sshKeysPath } from "../../api/paths.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { isApiError } from "../../kube/apierror.ts";
import type { Requests } from "../../kube/transport.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import type { Person } from "../people/person.ts";
import type { KeyStore, OwnWrite } from "./keystore.ts";
import { type PortalKey, type SSHKeyObject, toPortalKey } from "./portalkey.ts";

export interface KeyWriterOptions {
  readonly requests: Requests;
  readonly store: KeyStore;
}

/** Who writes, for the annotation, and where. */
export interface Requester {
  readonly person: Person;
  readonly namespace: string;
}

const FIELD_MANAGER = "sshkey-portal";
const WRITE = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" } as const;

/** The user has this key already: it came in at the same moment. */
export class AlreadyThere extends Error {
  override readonly name = "AlreadyThere";
  readonly key: PortalKey;

  constructor(key: PortalKey) {
    super(`the user has this key already, as ${key.name}`);
    this.key = key;
  }
}

/** The SSHKey that was to be changed is not there any more. */
export class Gone extends Error {
  override readonly name = "Gone";
}

/** How long a page waits for the API server to say what became of its reader's write, in ms. */
const REFRESH_LIMIT_MS = 2000;

/** How many names that follow from user, title and key are tried; then one that nobody can have taken on purpose. */
const FORESEEABLE_NAMES = 5;

/** How many names are tried for a key. */
const MOST_NAMES = 8;

/** Of the numbers that end names at random. */
const MOST_NUMBER = 2 ** 40;

/**
 * Makes, changes and deletes SSHKeys on the API server, for a person who may. What it has written is in the store when a
 * promise resolves. Rejects with the ApiError of the API server's answer.
 */
export class KeyWriter {
  readonly #o: KeyWriterOptions;

  constructor(options: KeyWriterOptions) {
    this.#o = options;
  }

  /**
   * A new SSHKey, named after user, title and key; none is ever overwritten. Rejects with an AlreadyThere when the name shows
   * that the same was sent twice at once.
   */
  async create(spec: SSHKeySpec, { person, namespace }: Requester): Promise<PortalKey> {
    const parsed = parsePublicKey(spec.key);
    const blob = parsed.ok ? parsed.value.blob : Buffer.from(spec.key);
    for (let nth = 1; ; nth += 1) {
      const { user, title } = spec;
      const name =
        nth <= FORESEEABLE_NAMES
          ? objectName({ user, title, blob }, nth)
          : // Its number takes the place of the title: together they would be too long.
            objectName({ user, title: undefined, blob }, randomInt(FORESEEABLE_NAMES + 1, MOST_NUMBER));
      try {
        const object = await this.#o.requests.request<SSHKeyObject>({
          method: "POST",
          path: sshKeysPath(namespace),
          query: WRITE,
          body: {
            apiVersion: API_VERSION,
            kind: KIND,
            metadata: {
              name,
              annotations: { [REQUESTED_BY_ANNOTATION]: person.user },
            },
            spec,
          },
        });
        return this.#seen(object);
      } catch (error) {
        if (!isApiError(error, "AlreadyExists") || nth === MOST_NAMES) throw error;
        await this.#refuseAgain(name, spec.user, blob, namespace);
      }
    }
  }

  /** Takes the key out of force, or puts it back. Rejects with a Gone when it has been deleted meanwhile. */
  async setDisabled(key: PortalKey, disabled: boolean): Promise<PortalKey> {
    try {
      const object = await this.#o.requests.request<SSHKeyObject>({
        method: "PATCH",
        path: pathOf(key),
        query: WRITE,
        // With the uid, nothing is changed that took its name meanwhile.
        body: { metadata: { uid: key.uid }, spec: { disabled } },
      });
      return this.#seen(object);
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
      this.#o.store.deleted(key);
      throw new Gone(`${key.name} has been deleted`);
    }
  }

  /**
   * Gives it a proof of possession, in place of the one that it has. Rejects with a Conflict when the SSHKey has changed since
   * it was read: then the proof may be worth nothing.
   */
  async setProof({ uid, resourceVersion, ...key }: PortalKey, proof: string): Promise<PortalKey> {
    const object = await this.#o.requests.request<SSHKeyObject>({
      method: "PATCH",
      path: pathOf(key),
      query: WRITE,
      body: { metadata: { uid, resourceVersion }, spec: { proof } },
    });
    return this.#seen(object);
  }

  /** Deletes this very SSHKey; one that is gone already is no error. */
  async delete(key: PortalKey): Promise<void> {
    try {
      await this.#o.requests.request({
        method: "DELETE",
        path: pathOf(key),
        body: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: key.uid } },
      });
    } catch (error) {
      if (!isApiError(error, "NotFound", "Conflict")) throw error;
    }
    this.#o.store.deleted(key);
  }

  /**
   * Puts into the store what the API server has of the SSHKeys of these writes, for a watch that is late. Resolves when it is
   * there, or the API server could not say.
   */
  async refresh(writes: readonly OwnWrite[]): Promise<void> {
    await Promise.all(writes.map((write) => this.#refreshOne(write)));
  }

  async #refreshOne(write: OwnWrite): Promise<void> {
    const request = { method: "GET", path: pathOf(write), deadlineMs: REFRESH_LIMIT_MS } as const;
    try {
      const key = this.#seen(await this.#o.requests.request<SSHKeyObject>(request));
      // Something else has taken its name meanwhile.
      if (key.uid !== write.uid) this.#o.store.deleted(write);
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.code === "NotFound") this.#o.store.deleted(write);
    }
  }

  async #refuseAgain(name: string, user: string, blob: Buffer, namespace: string): Promise<void> {
    const path = pathOf({ namespace, name });
    const found = await this.#o.requests
      .request<SSHKeyObject>({ method: "GET", path })
      .catch((error: unknown) => {
        if (!isApiError(error, "NotFound")) throw error;
      });
    const key = found && this.#seen(found);
    if (key === undefined) return;
    if (key.user === user && !key.isTerminating && key.facts?.blob.equals(blob)) throw new AlreadyThere(key);
  }

  #seen(object: SSHKeyObject): PortalKey {
    const key = toPortalKey(object);
    this.#o.store.put(key);
    return key;
  }
}

/** How whoever made the write finds it again. */
export function writeOf({ namespace, name, uid, resourceVersion }: PortalKey): OwnWrite {
  return { namespace, name, uid, resourceVersion };
}

function pathOf({ namespace, name }: Pick<PortalKey, "namespace" | "name">): string {
  return `${sshKeysPath(namespace)}/${encodeURIComponent(name)}`;
}
