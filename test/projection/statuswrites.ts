import type { Claim } from "../../src/claims/claim.ts";
import type { Policy } from "../../src/claims/policy.ts";
import { authorizedKeysStatusWrite } from "../../src/projection/authorizedkeysstatus.ts";
import { statusWrite } from "../../src/projection/status.ts";
import type { World } from "./world.ts";

/** The operator's writes of statuses, of which the answer may get lost. */
export class StatusWrites {
  /** How many there were. */
  count = 0;
  readonly #world: World;
  readonly #policy: Policy;
  readonly #due = new Set<Claim>();
  readonly #dueAuthorizedKeys = new Set<string>();

  constructor(world: World, policy: Policy) {
    this.#world = world;
    this.#policy = policy;
  }

  /** Any of the due ones. */
  get choices(): readonly (() => void)[] {
    return this.#choices(false);
  }

  add(claims: Iterable<Claim>, authorizedKeys: Iterable<string>): void {
    for (const claim of claims) this.#due.add(claim);
    for (const id of authorizedKeys) this.#dueAuthorizedKeys.add(id);
  }

  /** Another process begins, and knows nothing of what was due. */
  restart(): void {
    this.#due.clear();
    this.#dueAuthorizedKeys.clear();
  }

  /** One of the due ones is written, and the answer never comes. */
  lose(which: number): void {
    const writes = this.#choices(true);
    writes[which % Math.max(1, writes.length)]?.();
  }

  #choices(isLost: boolean): readonly (() => void)[] {
    return [
      ...[...this.#due].map((claim) => () => this.#write(claim, isLost)),
      ...[...this.#dueAuthorizedKeys].map((id) => () => this.#writeAuthorizedKeys(id, isLost)),
    ];
  }

  #write(claim: Claim, isLost: boolean): void {
    const { projection, sshKeys, operatorNow } = this.#world;
    if (!isLost) this.#due.delete(claim);
    const found = projection.lastVerdict(claim);
    const write = found && statusWrite(claim, found, this.#policy, operatorNow);
    const { namespace, name, uid } = claim.record;
    const object = sshKeys.get(`${namespace}/${name}`);
    if (write === undefined || object?.metadata.uid !== uid) {
      this.#due.delete(claim);
      return;
    }
    const foreign = Object.entries(object.status ?? {}).filter(([field]) => field === "lastUsed");
    this.count += 1;
    const stored = sshKeys.store({
      ...object,
      status: { ...Object.fromEntries(foreign), ...write.status } as object,
    });
    if (!isLost) projection.statusWritten(claim.record, write.observed, stored.metadata.resourceVersion);
    this.#world.note();
  }

  #writeAuthorizedKeys(id: string, isLost: boolean): void {
    const { projection, authorizedKeys, operatorNow } = this.#world;
    if (!isLost) this.#dueAuthorizedKeys.delete(id);
    const [namespace = "", name = ""] = id.split("/");
    const record = projection.authorizedKeys.get(namespace, name);
    const verdict = projection.authorizedKeys.lastVerdict(namespace, name);
    const write = record && verdict && authorizedKeysStatusWrite(record, verdict, operatorNow);
    const object = authorizedKeys.get(id);
    if (record === undefined || write === undefined || object?.metadata.uid !== record.uid) {
      this.#dueAuthorizedKeys.delete(id);
      return;
    }
    this.count += 1;
    const { resourceVersion } = authorizedKeys.store({ ...object, status: write.status }).metadata;
    if (!isLost) projection.authorizedKeys.statusWritten(record, write.observed, resourceVersion);
    this.#world.note();
  }
}
