import type { SSHKeyRecord, StoredSSHKey } from "../../src/claims/record.ts";
import { withVerifiedProof } from "../claims/sshkeys.ts";

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

  constructor(onSeen: (object: StoredSSHKey, record: SSHKeyRecord) => void) {
    this.#onSeen = onSeen;
  }

  show(object: StoredSSHKey, record: SSHKeyRecord): void {
    if (record.proof?.result === "Unverified") {
      this.#held.set(idOf(object), { object, record });
    } else {
      this.drop(object);
      this.#onSeen(object, record);
    }
  }

  drop(object: StoredSSHKey): void {
    this.#held.delete(idOf(object));
  }

  clear(): void {
    this.#held.clear();
    this.#verifying.clear();
  }

  /** Everything that can go on now. */
  get choices(): readonly (() => void)[] {
    return [
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

  #end(id: string, begun: Held): void {
    this.#verifying.delete(id);
    const latest = this.#held.get(id);
    if (latest?.record.uid !== begun.record.uid) return;
    const isLatest = latest.record.proof?.digest === begun.record.proof?.digest;
    if (isLatest) this.#held.delete(id);
    const { object, record } = isLatest ? latest : begun;
    this.#onSeen(object, withVerifiedProof(record));
  }
}

function idOf({ metadata }: StoredSSHKey): string {
  return `${metadata.namespace}/${metadata.name}`;
}
