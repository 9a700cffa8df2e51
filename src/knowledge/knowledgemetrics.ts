import { Gauge, type Registry } from "prom-client";
import { keyCount } from "../blocklist/blocklist.ts";
import type { FolderList } from "../blocklist/folder.ts";

/** Of the files that say which keys are refused: what was read of each, and whether it can be. */
export class KnowledgeMetrics {
  readonly #keys: Gauge<"list">;
  readonly #badLines: Gauge<"list">;
  readonly #modified: Gauge<"list">;
  readonly #unreadable: Gauge<"list">;
  readonly #revokedUnreadable: Gauge;

  /** All names begin with `prefix`, as in `sshkey_operator`. */
  constructor(registry: Registry, prefix: string) {
    const gauge = (name: string, help: string) =>
      new Gauge({ name: `${prefix}_${name}`, help, labelNames: ["list"], registers: [registry] });
    this.#keys = gauge("blocklist_keys", "Keys of each list of compromised keys in force.");
    this.#badLines = gauge(
      "blocklist_bad_lines",
      "Lines of each list of compromised keys in force that are neither a fingerprint nor a public key.",
    );
    this.#modified = gauge(
      "blocklist_modified_timestamp_seconds",
      "When the file of each list of compromised keys in force was written.",
    );
    this.#unreadable = gauge(
      "blocklist_unreadable",
      "1 for each list of compromised keys whose file cannot be read.",
    );
    this.#revokedUnreadable = new Gauge({
      name: `${prefix}_revoked_keys_unreadable`,
      help: "1 while the file of revoked keys, or a line of it, cannot be read.",
      registers: [registry],
    });
  }

  blocklistRead({ name: list, sections, strayCount, modifiedAt }: FolderList): void {
    this.#keys.set({ list }, keyCount(sections));
    this.#badLines.set({ list }, strayCount);
    this.#modified.set({ list }, modifiedAt / 1000);
    this.#unreadable.set({ list }, 0);
  }

  blocklistUnreadable(list: string): void {
    this.#unreadable.set({ list }, 1);
  }

  /** Of the folder of all lists, which has neither keys nor a time of its own. */
  blocklistReadable(folder: string): void {
    this.#unreadable.remove({ list: folder });
  }

  blocklistGone(list: string): void {
    for (const gauge of [this.#keys, this.#badLines, this.#modified, this.#unreadable])
      gauge.remove({ list });
  }

  revokedKeysUnreadable(isUnreadable: boolean): void {
    this.#revokedUnreadable.set(Number(isUnreadable));
  }
}
