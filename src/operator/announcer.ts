import { type Log, logEvent } from "../api/logevent.ts";
import {
  API_VERSION,
  AUTHORIZED_KEYS_KIND,
  KIND,
  MANAGED_LABEL,
  SECRET_ANNOTATION,
  SHARE_KEYS_ANNOTATION,
} from "../api/names.ts";
import { AUTHORIZED_KEYS_STATES } from "../api/omissions.ts";
import { STATES, type State } from "../api/states.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import type { Claim } from "../claims/claim.ts";
import type { EventRecorder, Regarding } from "../kube/eventrecorder.ts";
import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { AccessChange } from "../projection/accesschanges.ts";
import type { AuthorizedKeysVerdict } from "../projection/authorizedkeysverdict.ts";
import type { MalformedConsent } from "../projection/namespaces.ts";
import type { LiveSecret } from "../projection/secret.ts";
import type { Target } from "../projection/target.ts";
import type { Verdict } from "../projection/verdict.ts";

/** A message may say what a key of another format is as an OpenSSH line; key text has no place in a log. */
const KEY_TEXT = /AAAA[A-Za-z0-9+/]+/g;

/** Most keys to log of those that another client put into a Secret at once. */
const MAXIMUM_NAMED = 50;

/** How often the same thing about one Secret is reported, in ms. */
const REPEAT_MS = 60_000;

/** Reports changes as Events and log lines, in the words of the statuses. */
export class Announcer {
  readonly #recorder: EventRecorder;
  readonly #log: Log;
  readonly #repeats = new TokenBuckets({ burst: 1, refillMs: REPEAT_MS, now: () => performance.now() });

  constructor(recorder: EventRecorder, log: Log) {
    this.#recorder = recorder;
    this.#log = log;
  }

  /** The STATE of an SSHKey has changed, and its status says so. */
  stateChanged({ record, findings }: Claim, { state, message }: Verdict, previousState: State | ""): void {
    const { namespace, name, uid, user } = record;
    const codes = findings.map(({ code }) => code);
    this.#tellState(
      { apiVersion: API_VERSION, kind: KIND, namespace, name, uid },
      STATES[state].eventType,
      message,
      {
        name,
        user,
        state,
        ...(previousState === "" ? {} : { previousState }),
        ...(codes.length === 0 ? {} : { codes }),
      },
    );
  }

  /** The STATE of an AuthorizedKeys has changed, and its status says so. */
  authorizedKeysStateChanged(
    { namespace, name, uid, observed }: AuthorizedKeysRecord,
    { state, message }: AuthorizedKeysVerdict,
  ): void {
    const previous = observed.state === "" ? {} : { previousState: observed.state };
    this.#tellState(
      { apiVersion: API_VERSION, kind: AUTHORIZED_KEYS_KIND, namespace, name, uid },
      AUTHORIZED_KEYS_STATES[state].eventType,
      message,
      { authorizedKeys: name, state, ...previous },
    );
  }

  #tellState(
    regarding: Regarding,
    type: "Normal" | "Warning",
    note: string,
    fields: Readonly<Record<string, unknown>> & { readonly state: string },
  ): void {
    this.#recorder.record({ regarding, type, reason: fields.state, action: "Reconcile", note });
    const line = { event: "StateChanged", namespace: regarding.namespace, ...fields };
    const text = note.replace(KEY_TEXT, "…");
    if (type === "Normal") this.#log.info(line, text);
    else this.#log.warn(line, text);
  }

  /**
   * Logs who gained or lost access. `isChangedByOthers`: another client changed the Secret and may have added any number of
   * lines, so at most MAXIMUM_NAMED keys are logged.
   */
  accessChanged(
    { namespace, secretName: secret, owner }: Target,
    changes: Iterable<AccessChange>,
    isChangedByOthers: boolean,
  ): void {
    let named = 0;
    for (const { change, ...rest } of changes) {
      if (isChangedByOthers && named >= MAXIMUM_NAMED) {
        const line = { event: "AccessChanged", namespace, secret, ...owner, change: "more" };
        this.#log.warn(
          line,
          "Another client changed more keys of the Secret than are named here; see the audit log for the rest.",
        );
        return;
      }
      named += 1;
      logEvent(
        this.#log,
        "AccessChanged",
        { namespace, secret, ...owner, change, ...rest },
        change === "added" ? "The key was added to the Secret." : "The key was removed from the Secret.",
      );
    }
  }

  /** Another client changed or deleted a managed Secret, and it was restored. */
  secretRestored({ namespace, secretName: name, live }: Target): void {
    if (live === undefined || !this.#repeats.take(`restored ${namespace}/${name}`)) return;
    const note = `Another client changed or deleted Secret ${name}; it was restored. See the audit log and metadata.managedFields for who did.`;
    this.#recorder.record({
      regarding: { apiVersion: "v1", kind: "Secret", namespace, name, uid: live.uid },
      type: "Warning",
      reason: "SecretRestored",
      action: "Restore",
      note,
    });
    logEvent(this.#log, "SecretRestored", { namespace, secret: name }, note);
  }

  /** A Secret has the installation's label, but its annotation names another Secret or none. */
  copyFound({ namespace, name, uid }: LiveSecret): void {
    if (!this.#repeats.take(`copied ${namespace}/${name}`)) return;
    const note = `Secret ${name} has the label ${MANAGED_LABEL}, but no annotation ${SECRET_ANNOTATION} with its own namespace and name, so it is treated as a copy of a managed Secret and never written. Delete it.`;
    this.#recorder.record({
      regarding: { apiVersion: "v1", kind: "Secret", namespace, name, uid },
      type: "Warning",
      reason: "SecretCopied",
      action: "Ignore",
      note,
    });
    logEvent(this.#log, "SecretCopied", { namespace, secret: name }, note);
  }

  /** A Namespace says with whom it shares its keys in words of which some can match no namespace. */
  consentMalformed({ name, uid, parts }: MalformedConsent): void {
    if (!this.#repeats.take(`consent ${name}`)) return;
    const what = parts.map((part) => JSON.stringify(part)).join(", ");
    const note = `The annotation ${SHARE_KEYS_ANNOTATION} of Namespace ${name} has parts that match no namespace: ${what}. Write names of namespaces, or patterns of a-z, 0-9, - and *, with commas between.`;
    this.#recorder.record({
      regarding: { apiVersion: "v1", kind: "Namespace", namespace: "", name, uid },
      type: "Warning",
      reason: "ConsentMalformed",
      action: "Ignore",
      note,
    });
    logEvent(this.#log, "ConsentMalformed", { namespace: name }, note);
  }

  /** A Secret of a user without SSHKeys may still hold keys, and cannot be emptied. */
  revocationBlocked({ namespace, secretName: name }: Target, reason: string): void {
    if (!this.#repeats.take(`blocked ${namespace}/${name}`)) return;
    logEvent(this.#log, "RevocationBlocked", { namespace, secret: name }, reason);
  }
}
