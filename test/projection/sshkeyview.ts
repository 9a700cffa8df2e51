import type { SSHKeyRecord, StoredSSHKey } from "../../src/claims/record.ts";
import { inOrderToStore } from "../../src/claims/record.ts";
import type { Projection } from "../../src/projection/projection.ts";
import { asExamined } from "../claims/sshkeys.ts";
import { ClaimHistory } from "../oracle/claimhistory.ts";
import type { Fact } from "../oracle/oracle.ts";
import { HeldProofs } from "./heldproofs.ts";
import { idOf, type ObjectEvent, statusOf } from "./objectserver.ts";
import { factOf, groupOf, isAttested, isLookedAt } from "./storedsshkeys.ts";

/** What the operator has been shown of the SSHKeys, and since when each has had its key. */
export class SSHKeyView {
  readonly history = new ClaimHistory();
  readonly #projection: () => Projection;
  /** By the operator's clock, ms since the epoch. */
  readonly #now: () => number;
  /** The SSHKeys as the watch has shown them. */
  readonly #seen = new Map<string, StoredSSHKey>();
  /** Those of them that claim nothing, since their proof is not verified. */
  readonly #unverified = new Set<string>();
  /** What the watch has shown and the operator has not seen. */
  readonly #held = new HeldProofs((object, record) => this.#put(object, record));

  constructor(projection: () => Projection, now: () => number) {
    this.#projection = projection;
    this.#now = now;
  }

  /** Verifications that can go on now. */
  get choices(): readonly (() => void)[] {
    return this.#held.choices;
  }

  /** Of what claims a key; since when, as the history has it. */
  get claiming(): readonly Fact[] {
    return this.factsOf([...this.#seen].filter(([id]) => !this.#unverified.has(id)).map(([, seen]) => seen));
  }

  get all(): readonly StoredSSHKey[] {
    return [...this.#seen.values()];
  }

  factsOf(objects: readonly StoredSSHKey[]): readonly Fact[] {
    return objects.map((object) => {
      const { uid } = object.metadata;
      return factOf(object, this.history.knows(uid) ? this.history.get(uid) : 0);
    });
  }

  show({ object, isGone }: ObjectEvent<StoredSSHKey>): void {
    if (isGone) {
      this.#hide(object);
      return;
    }
    const { namespace = "", name } = object.metadata;
    const { claims } = this.#projection();
    this.#held.show(object, claims.read(object), claims.get(namespace, name)?.record);
  }

  /** Another process begins, and knows nothing. */
  restart(): void {
    this.#seen.clear();
    this.#unverified.clear();
    this.#held.clear();
    this.history.restarted();
  }

  /** Gives a new process what it lists; `thenSecrets` is called before anything is remembered. */
  list(listed: readonly StoredSSHKey[], thenSecrets: () => void = () => {}): void {
    const projection = this.#projection();
    const records = listed.map((object) => asExamined(projection.claims.read(object)));
    for (const record of inOrderToStore(records)) projection.putSSHKey(record, this.#now());
    thenSecrets();
    for (const object of listed) this.#seen.set(idOf(object), object);
    for (const object of listed) if (isAttested(object)) this.#recall(object);
    const edited = listed.filter((object) => !isAttested(object));
    for (const object of edited.sort((a, b) => this.#sinceOf(a) - this.#sinceOf(b))) this.#recall(object);
  }

  /** The operator sees the SSHKey. */
  #put(object: StoredSSHKey, record: SSHKeyRecord): void {
    const { namespace = "", name, uid } = object.metadata;
    const projection = this.#projection();
    const known = projection.claims.get(namespace, name)?.record;
    // An event from before what the operator knows from an own write; a newer one is on its way.
    if (known?.uid === uid && Number(known.resourceVersion) > Number(object.metadata.resourceVersion)) return;
    const before = this.#seen.get(idOf(object));
    if (before !== undefined && before.metadata.uid !== uid) this.history.gone(before.metadata.uid);
    projection.putSSHKey(record, this.#now());
    this.#seen.set(idOf(object), object);
    if (record.proof?.result === "Unverified") this.#unverified.add(idOf(object));
    else this.#unverified.delete(idOf(object));
    this.#recall(object);
  }

  /** Takes note of what an event or a list says about since when. */
  #recall(object: StoredSSHKey): void {
    const { uid, creationTimestamp = "" } = object.metadata;
    const group = groupOf(object);
    if (this.history.knows(uid)) {
      if (!this.history.isEdit(uid, group)) return;
      this.history.edited(uid, group, this.#now(), this.#sinceOf(object));
    } else if (!isAttested(object)) {
      this.history.edited(uid, group, this.#now(), this.#sinceOf(object));
    } else if (isLookedAt(object)) {
      this.history.attested(uid, group, Date.parse(String(statusOf(object).claimedSince)));
    } else this.history.made(uid, group, Date.parse(creationTimestamp));
  }

  #sinceOf({ metadata }: StoredSSHKey): number {
    const { claims } = this.#projection();
    return claims.get(metadata.namespace ?? "", metadata.name)?.since ?? Number.NaN;
  }

  #hide(object: StoredSSHKey): void {
    const { namespace = "", name, uid } = object.metadata;
    this.#held.drop(object);
    this.#projection().removeSSHKey(namespace, name);
    this.#seen.delete(idOf(object));
    this.history.gone(uid);
  }
}
