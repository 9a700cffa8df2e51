import { MANAGED_LABEL, SECRET_ANNOTATION } from "../api/names.ts";
import type { Claims } from "../claims/claims.ts";
import { type Blocked, type Delivery, IDLE, lastBlock } from "./delivery.ts";
import type { FileLine } from "./file.ts";
import type { Files } from "./files.ts";
import type { RejectionSearch } from "./rejectionsearch.ts";
import type { DesiredSecret, LiveSecret } from "./secret.ts";

export const URGENCIES = ["removal", "normal", "creation"] as const;

/**
 * How soon a target has to be reconciled. `removal`: a key may have to leave its Secret. `creation`: nothing but new
 * SSHKeys, which others of the user may follow closely.
 */
export type Urgency = (typeof URGENCIES)[number];

/** Of nearly every target nearly always. */
export const NOBODY: ReadonlySet<string> = new Set();

/** Whose a line is. Where many users have keys in one Secret: also of which namespace and user, and whose login the file is. */
export interface LineNames {
  /** Name of the SSHKey. */
  readonly sshKey: string;
  readonly sshKeyNamespace?: string;
  readonly user?: string;
  readonly login?: string;
}

/** One Secret that the operator keeps. */
export abstract class Target {
  readonly namespace: string;
  readonly secretName: string;
  readonly id: string;
  /** What the API server last showed; undefined while there is no Secret of the name, as far as is known. */
  live: LiveSecret | undefined;
  delivery: Delivery = IDLE;
  /** May a Secret of this name exist without our label, so that the watch does not show it? */
  mayExistUnlabelled = true;
  /** The files up to which AccessChanged was logged; undefined before the first reconcile. */
  loggedFiles: Files | undefined;
  /** Has another client changed or deleted the Secret since it was last written? */
  isChangedByOthers = false;
  /** Did the Secret hold, when it was last written, what is not the operator's? */
  hadForeignData = false;
  /** Since when the Secret has been out of sync with the plan, in ms since the epoch. */
  outOfSyncSince: number | undefined;
  /** The namespaces that have caused what is to be written since the last write: they pay for it. None: its own. */
  causes: ReadonlySet<string> = NOBODY;
  /** Why the next write has to wait, if known; the message of `Pending`. */
  pendingReason = "";

  /** Where lines are left out with which the API server rejects the Secret. */
  readonly search: RejectionSearch | undefined = undefined;

  constructor(namespace: string, secretName: string) {
    this.namespace = namespace;
    this.secretName = secretName;
    this.id = targetId(namespace, secretName);
  }

  /** Does any object of the API ask for this Secret? */
  abstract get isNamed(): boolean;

  /** Is anything known that belongs to it, beside the Secret? */
  get isInUse(): boolean {
    return this.isNamed;
  }

  /** When time alone changes what it should hold, in ms since the epoch. */
  get changesAt(): number | undefined {
    return undefined;
  }

  /** For whom it is, as log lines say it. */
  abstract get owner(): Readonly<Record<string, string | undefined>>;

  /** Should any key that it might hold be out? */
  abstract isAnyOut(desired: DesiredSecret): boolean;

  /** Is there an SSHKey that the line may stem from? */
  abstract isOfSSHKey(line: FileLine, claims: Claims): boolean;

  /** Whose the line is, as log lines say it. */
  namesOf({ name }: FileLine, _dataKey: string, _claims: Claims): LineNames {
    return { sshKey: name };
  }

  /** Why the line is not in the Secret any more: the reason word of AccessChanged. */
  abstract whyRemoved(line: FileLine, claims: Claims): string;

  /** Why the Secret cannot be written: what the last attempt met, or what the Secret shows. */
  blockedBy(): Blocked | undefined {
    const { live, delivery } = this;
    if (live === undefined || live.ownership === "managed") return lastBlock(delivery);
    return { at: "blocked", reason: "not-managed", message: notManagedMessage(live) };
  }

  /** This namespace has caused something to be written. */
  addCause(namespace: string): void {
    if (!this.causes.has(namespace)) this.causes = new Set([...this.causes, namespace]);
  }

  /** Before the first reconcile the live files count as logged: the previous leader did. */
  initLoggedFiles(): void {
    this.loggedFiles ??= (this.live?.ownership === "managed" ? this.live.files : undefined) ?? new Map();
  }
}

export function targetId(namespace: string, secretName: string): string {
  return `${namespace}/${secretName}`;
}

function notManagedMessage({ namespace, name, ownership }: LiveSecret): string {
  const what =
    ownership === "copy"
      ? `has no annotation ${SECRET_ANNOTATION} with its own namespace and name, so it is treated as a copy`
      : `exists without this operator's label ${MANAGED_LABEL}`;
  return `Secret ${name} ${what} and is not written. If nothing else needs it, run: kubectl delete secret -n ${namespace} ${name}; the operator recreates it within seconds.`;
}

/** The sooner of two times, of which one may not be. */
export function soonest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
