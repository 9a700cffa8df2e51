import { secretsPath, sshKeysPath } from "../src/api/paths.ts";
import type { SecretObject } from "../src/projection/secret.ts";
import type { NewSSHKey } from "./keyset.ts";
import type { Site } from "./site.ts";

/** How long a change took, in ms: until the API server had answered it, and until a Secret that shows it was seen. */
export interface Took {
  readonly answered: number;
  readonly seen: number;
}

/** Sees from outside which SSHKeys of a namespace stand in which Secret, and when that came about. */
export class FileWatch {
  readonly #site: Site;
  readonly #namespace: string;
  /** Names of SSHKeys in the file, by Secret. */
  readonly #files = new Map<string, ReadonlySet<string>>();
  readonly #waiting = new Set<{ isSo(): boolean; resolve(at: number): void }>();
  stop = () => {};

  private constructor(site: Site, namespace: string) {
    this.#site = site;
    this.#namespace = namespace;
  }

  static async start(site: Site, namespace: string): Promise<FileWatch> {
    const watch = new FileWatch(site, namespace);
    const path = secretsPath(namespace);
    const { items, resourceVersion } = await site.client.list<SecretObject>(path);
    for (const secret of items) watch.#show(secret, 0);
    watch.stop = await site.client.watch<SecretObject>(path, resourceVersion, ({ object }, at) =>
      watch.#show(object, at),
    );
    return watch;
  }

  /** Waits until a Secret holds the SSHKey. */
  async until(name: string): Promise<void> {
    await this.#when(() => this.#isHeld(name));
  }

  /** The POST of a new SSHKey, until a Secret holds it. */
  async add(key: NewSSHKey): Promise<Took> {
    const { name } = key.metadata;
    const sent = performance.now();
    await this.#site.client.json("POST", sshKeysPath(this.#namespace), key);
    const answered = performance.now() - sent;
    return { answered, seen: (await this.#when(() => this.#isHeld(name))) - sent };
  }

  /** The DELETE of an SSHKey, until no Secret holds it. */
  async revoke(name: string): Promise<Took> {
    const sent = performance.now();
    await this.#site.client.json("DELETE", `${sshKeysPath(this.#namespace)}/${name}`);
    const answered = performance.now() - sent;
    return { answered, seen: (await this.#when(() => !this.#isHeld(name))) - sent };
  }

  #isHeld(name: string): boolean {
    for (const names of this.#files.values()) if (names.has(name)) return true;
    return false;
  }

  #when(isSo: () => boolean): Promise<number> {
    if (isSo()) return Promise.resolve(performance.now());
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.add({ isSo, resolve });
    return promise;
  }

  #show({ metadata, data }: SecretObject, at: number): void {
    const file = Buffer.from(data?.authorized_keys ?? "", "base64").toString("utf8");
    this.#files.set(metadata.name, new Set(Array.from(file.matchAll(/\/(\S+)$/gm), ([, name = ""]) => name)));
    for (const waiting of this.#waiting) {
      if (!waiting.isSo()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(at);
    }
  }
}
