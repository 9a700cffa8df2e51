import { createHash, hash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EncryptJWT, errors, jwtDecrypt } from "jose";
import { ConfigError, unreadable } from "../config/settings.ts";

/** What a sealed text is for; one that was sealed for something else does not open. */
export type Purpose = "session" | "attempt" | "draft" | "form" | "recent";

const ALGORITHM = { alg: "dir", enc: "A256GCM" } as const;
const LEAST_KEY_BYTES = 32;

/** How often the folder is read again, in ms. */
const REREAD_MS = 10_000;

/**
 * How long a key that has come while the portal runs only opens, in ms: until then another replica may not have it. A kubelet
 * brings a changed Secret after 36 s on average, 86 s at worst.
 */
const SETTLE_MS = 120_000;

/** Of at most 4 KB each. */
const MOST_OPENED = 1000;

interface Opened {
  readonly content: object;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

interface SealingKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

/**
 * Seals what a browser keeps for the portal, so that nobody else reads or changes it (JWE, RFC 7516). The keys are files of a
 * folder, which may be rotated while the portal runs: the last by name seals, all open. Without a folder the key is this
 * process' own, so everybody signs in anew after a restart.
 */
export class Sealer {
  readonly #folder: string | undefined;
  /** When each key was first seen; those of the start are not in here. */
  #seen = new Map<string, number>();
  #keys: readonly SealingKey[];
  readonly #now: () => number;
  #readAt: number;
  /** Sessions that were opened of late, by their digest: one comes with every request, and opening it took half of a page's time. */
  readonly #opened = new Map<string, Opened>();

  /** Throws a ConfigError when the folder holds no usable key. `now` is in monotonic ms. */
  constructor(folder: string | undefined, now = () => performance.now()) {
    this.#folder = folder;
    this.#now = now;
    this.#readAt = now();
    this.#keys = folder === undefined ? [sealingKey(randomBytes(LEAST_KEY_BYTES))] : readKeys(folder);
  }

  /** Opens for `lifetimeMs` from now. */
  async seal(purpose: Purpose, content: object, lifetimeMs: number): Promise<string> {
    const { id, secret } = this.#sealing();
    return await new EncryptJWT({ content })
      .setProtectedHeader({ ...ALGORITHM, kid: id })
      .setAudience(purpose)
      .setExpirationTime(new Date(Date.now() + lifetimeMs))
      .encrypt(secret);
  }

  /** What was sealed for this purpose; undefined when it was not, or is over. */
  async open<T extends object>(purpose: Purpose, sealed: string): Promise<T | undefined> {
    const keys = this.#current();
    const digest = purpose === "session" ? hash("sha256", sealed, "base64") : "";
    const opened = this.#opened.get(digest);
    if (opened !== undefined && opened.expiresAt > Date.now()) return opened.content as T;
    try {
      const { payload } = await jwtDecrypt(
        sealed,
        ({ kid }) => {
          const key = keys.find(({ id }) => id === kid);
          if (key === undefined) throw new errors.JWKSNoMatchingKey();
          return key.secret;
        },
        {
          audience: purpose,
          keyManagementAlgorithms: [ALGORITHM.alg],
          contentEncryptionAlgorithms: [ALGORITHM.enc],
          requiredClaims: ["exp"],
        },
      );
      const content = payload.content as T;
      if (digest !== "") this.#remember(digest, { content, expiresAt: (payload.exp ?? 0) * 1000 });
      return content;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  #remember(digest: string, opened: Opened): void {
    this.#opened.set(digest, opened);
    const [oldest = ""] = this.#opened.keys();
    if (this.#opened.size > MOST_OPENED) this.#opened.delete(oldest);
  }

  #current(): readonly SealingKey[] {
    if (this.#folder === undefined || this.#now() - this.#readAt < REREAD_MS) return this.#keys;
    this.#readAt = this.#now();
    try {
      const known = this.#keys;
      this.#keys = readKeys(this.#folder);
      this.#noteNew(known);
      // One of them may be gone, and with it what it sealed.
      this.#opened.clear();
    } catch (error) {
      // Half way through a rotation: the keys that were good still are.
      if (!(error instanceof ConfigError)) throw error;
    }
    return this.#keys;
  }

  /** The last that all replicas have; where each of them is new, as after all were replaced, the last. */
  #sealing(): SealingKey {
    const keys = this.#current();
    const isSettled = ({ id }: SealingKey) =>
      this.#now() - (this.#seen.get(id) ?? Number.NEGATIVE_INFINITY) >= SETTLE_MS;
    return keys.findLast(isSettled) ?? (keys.at(-1) as SealingKey);
  }

  #noteNew(known: readonly SealingKey[]): void {
    for (const { id } of this.#keys)
      if (!known.some((each) => each.id === id)) this.#seen.set(id, this.#readAt);
  }
}

function readKeys(folder: string): readonly SealingKey[] {
  let keys: SealingKey[];
  try {
    // Kubelet's own entries in a mounted Secret begin with two dots.
    const names = readdirSync(folder).filter((name) => !name.startsWith("."));
    keys = names.sort().map((name) => sealingKey(readFileSync(join(folder, name))));
  } catch (error) {
    throw unreadable(`the session keys in ${folder}`, error, "mount the Secret there");
  }
  if (keys.length === 0 || keys.some(({ secret }) => secret.length < LEAST_KEY_BYTES)) {
    const advice = "openssl rand 32 makes one";
    throw new ConfigError(
      `${folder} must hold session keys of at least ${LEAST_KEY_BYTES} bytes each; ${advice}`,
    );
  }
  return keys;
}

/** Whatever its length, it becomes 256 bits. */
function sealingKey(bytes: Buffer): SealingKey {
  const secret = bytes.length < LEAST_KEY_BYTES ? bytes : createHash("sha256").update(bytes).digest();
  return { id: createHash("sha256").update("id").update(secret).digest("base64url").slice(0, 8), secret };
}
