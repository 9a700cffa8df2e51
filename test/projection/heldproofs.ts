import type { SSHKeyRecord, StoredSSHKey } from "../../src/claims/record.ts";
import { patienceFor } from "../../src/operator/examinationqueue.ts";
import { asExamined } from "../claims/sshkeys.ts";

interface Held {
  readonly object: StoredSSHKey;
  readonly record: SSHKeyRecord;
}

/**
 * What the watch has shown and the operator does not see before a proof is verified. As the queue that does that, but a
 * step at a time: anything may happen between the beginning and the end of a verification.
 */
export class HeldProofs {
  readonly #onSeen: (object: StoredSSHKey, record: SSHKeyRecord) => void;
  readonly #held = new Map<string, Held>();
  readonly #verifying = new Map<string, Held>();
  /** Those that may become overdue. */
  readonly #ticking = new Set<string>();

  constructor(onSeen: (object: StoredSSHKey, record: SSHKeyRecord) => void) {
    this.#onSeen = onSeen;
  }

  /** `known`: what the operator knows of the SSHKey. */
  show(object: StoredSSHKey, record: SSHKeyRecord, known: SSHKeyRecord | undefined): void {
    if (record.proof?.result === "Unverified") {
      const id = idOf(object);
      this.#held.set(id, { object, record });
      const patience = patienceFor(record, known);
      if (patience === 0 || patience === Number.POSITIVE_INFINITY) this.#ticking.delete(id);
      else this.#ticking.add(id);
      if (patience === 0) this.#onSeen(object, record);
    } else {
      this.drop(object);
      this.#onSeen(object, record);
    }
  }

  drop(object: StoredSSHKey): void {
    this.#held.delete(idOf(object));
    this.#ticking.delete(idOf(object));
  }

  clear(): void {
    this.#held.clear();
    this.#ticking.clear();
    this.#verifying.clear();
  }

  /** Everything that can go on now. */
  get choices(): readonly (() => void)[] {
    return [
      ...Array.from(this.#ticking, (id) => () => this.#expire(id)),
      ...Array.from(
        this.#verifying,
        ([id, begun]) =>
          () =>
            this.#end(id, begun),
      ),
      ...[...this.#held]
        .filter(([id]) => !this.#verifying.has(id))
        .map(
          ([id, held]) =>
            () =>
              void this.#verifying.set(id, held),
        ),
    ];
  }

  #expire(id: string): void {
    this.#ticking.delete(id);
    const held = this.#held.get(id);
    if (held !== undefined) this.#onSeen(held.object, held.record);
  }

  #end(id: string, begun: Held): void {
    this.#verifying.delete(id);
    const latest = this.#held.get(id);
    if (latest?.record.uid !== begun.record.uid) return;
    const isLatest = latest.record.proof?.digest === begun.record.proof?.digest;
    if (isLatest) this.drop(latest.object);
    const { object, record } = isLatest ? latest : begun;
    this.#onSeen(object, asExamined(record));
  }
}

function idOf({ metadata }: StoredSSHKey): string {
  return `${metadata.namespace}/${metadata.name}`;
}
