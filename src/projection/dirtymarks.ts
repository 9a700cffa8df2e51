import type { Claim } from "../claims/claim.ts";
import type { MalformedConsent } from "./namespaces.ts";
import type { LiveSecret } from "./secret.ts";
import { type Target, URGENCIES, type Urgency } from "./target.ts";

/** What is to be enqueued or told since the last time. */
export interface Dirty {
  /** Ids of targets whose Secret may have to be written. */
  readonly targets: ReadonlyMap<string, Urgency>;
  /** SSHKeys whose status may have to be written. */
  readonly statuses: ReadonlySet<Claim>;
  /** The same of AuthorizedKeys, as `namespace/name`. */
  readonly authorizedKeys: ReadonlySet<string>;
  /** Secrets that have been found to be copies. */
  readonly copies: readonly LiveSecret[];
  /** Namespaces that have been found to share their keys in words that mean nobody. */
  readonly malformedConsents: readonly MalformedConsent[];
}

/** Gathers it until it is taken. */
export class DirtyMarks {
  #targets = new Map<string, Urgency>();
  #statuses = new Set<Claim>();
  #copies: LiveSecret[] = [];
  #malformedConsents: MalformedConsent[] = [];

  /** The more urgent of two marks stands. */
  target({ id }: Target, urgency: Urgency): void {
    const known = this.#targets.get(id);
    if (known === undefined || URGENCIES.indexOf(urgency) < URGENCIES.indexOf(known))
      this.#targets.set(id, urgency);
  }

  status(claim: Claim): void {
    this.#statuses.add(claim);
  }

  copy(secret: LiveSecret): void {
    this.#copies.push(secret);
  }

  malformedConsent(consent: MalformedConsent): void {
    this.#malformedConsents.push(consent);
  }

  /** These are all that are to be told, whatever was to be told before. */
  setMalformedConsents(all: Iterable<MalformedConsent>): void {
    this.#malformedConsents = [...all];
  }

  take(): Omit<Dirty, "authorizedKeys"> {
    const taken = {
      targets: this.#targets,
      statuses: this.#statuses,
      copies: this.#copies,
      malformedConsents: this.#malformedConsents,
    };
    this.#targets = new Map();
    this.#statuses = new Set();
    this.#copies = [];
    this.#malformedConsents = [];
    return taken;
  }
}
