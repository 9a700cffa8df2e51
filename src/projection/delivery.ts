import { MANAGED_LABEL } from "../api/names.ts";
import { fileOf, keyOf, linesOf } from "./file.ts";
import { type DesiredSecret, fileDigest, holdsFile, isAsDesired, type LiveSecret } from "./secret.ts";

/** The state of the writes to one Secret. */
export type Delivery =
  | { readonly at: "idle" }
  /** A write is under way, or its answer was lost: the Secret may hold its file as well as the one last seen. */
  | { readonly at: "sent"; readonly blocked: Blocked | undefined }
  | Blocked;

/** The last write that was answered did not bring about what it should have. */
export interface Blocked {
  readonly at: "blocked";
  /**
   * - `rejected`: the API server refuses it until a person acts.
   * - `altered`: it was taken, and something else was made of it.
   * - `not-ours`: the name is taken by a Secret that is not the operator's own.
   * - `server-error`: the API server fails; that is nobody's to mend here, and may pass.
   */
  readonly reason: "rejected" | "altered" | "not-ours" | "server-error";
  /** A sentence: what is wrong and what to do. */
  readonly message: string;
  /** ms since the epoch. */
  readonly since: number;
  /** Of `altered`: the version that was made of it, what had been wanted, and when, in ms since the epoch. */
  readonly left?: { readonly resourceVersion: string; readonly wanted: string; readonly at: number };
}

/** How soon what is altered is written again, in ms, while nothing else has changed. */
const ALTERED_AGAIN_MS = 3500;

/** Would another attempt only be altered in the same way? The watch event of the last one is no reason to try again. */
export function wouldBeAlteredAgain(
  delivery: Delivery,
  wanted: DesiredSecret,
  live: LiveSecret,
  now: number,
): boolean {
  return (
    delivery.at === "blocked" &&
    delivery.left?.resourceVersion === live.resourceVersion &&
    delivery.left.wanted === fileDigest(wanted.file) &&
    now < delivery.left.at + ALTERED_AGAIN_MS
  );
}

export const IDLE: Delivery = { at: "idle" };

/** What the last answered write met; undefined if it succeeded. A write under way changes nothing about that. */
export function lastBlock(delivery: Delivery): Blocked | undefined {
  if (delivery.at === "blocked") return delivery;
  return delivery.at === "sent" ? delivery.blocked : undefined;
}

/** Does it stay blocked until a person acts (condition `Stalled`)? Server errors do not: they may pass. */
export function isStalled({ reason }: Blocked): boolean {
  return reason !== "server-error";
}

/** How a request was answered. */
export type Answer =
  /** To `read` and `look`, true as of `resourceVersion`. */
  | { readonly kind: "found"; readonly secret: LiveSecret | undefined; readonly resourceVersion: string }
  /** To a write. */
  | { readonly kind: "written"; readonly secret: LiveSecret }
  | { readonly kind: "deleted" }
  | { readonly kind: "refused"; readonly reason: "rejected" | "server-error"; readonly message: string }
  /** There is no Secret of this name. */
  | { readonly kind: "missing" }
  /** There is a Secret of this name already. */
  | { readonly kind: "exists" }
  /** The namespace is going away. */
  | { readonly kind: "namespace-gone" }
  /** Nothing happened: what the write was decided on has changed, or it was never sent. */
  | { readonly kind: "void" }
  /** To any request: no answer came, so nobody knows what happened. */
  | { readonly kind: "lost" };

/** The state when a write of `part` has been answered: all of `wanted`, or what of it can go without additions. */
export function answered(
  delivery: Delivery,
  wanted: DesiredSecret,
  part: DesiredSecret,
  answer: Answer,
  now: number,
): Delivery {
  const before = lastBlock(delivery);
  switch (answer.kind) {
    case "written":
      if (!isAsDesired(answer.secret, part)) {
        const { resourceVersion } = answer.secret;
        const left = { resourceVersion, wanted: fileDigest(wanted.file), at: now };
        return { ...blocked(before, "altered", alteredMessage(wanted), now), left };
      }
      return part.file === wanted.file ? IDLE : (before ?? IDLE);
    case "refused":
      return blocked(before, answer.reason, answer.message, now);
    default:
      return before ?? IDLE;
  }
}

function blocked(
  before: Blocked | undefined,
  reason: Blocked["reason"],
  message: string,
  now: number,
): Blocked {
  return { at: "blocked", reason, message, since: before?.reason === reason ? before.since : now };
}

/**
 * The files to write, each one if the one before is refused: all that is wanted; of it, the keys that the Secret holds
 * already; the lines that it holds already and is to keep, as they are. So neither an addition nor a changed line ever
 * delays a removal. None that the Secret holds already.
 */
export function attempts(want: string, live: LiveSecret | undefined): readonly string[] {
  if (live === undefined) return want === "" ? [] : [want];
  const wanted = linesOf(want);
  const held = linesOf(live.file ?? "");
  const heldKeys = new Set(held.map(keyOf));
  const wantedKeys = new Set(wanted.map(keyOf));
  const files = [
    want,
    fileOf(wanted.filter((line) => heldKeys.has(keyOf(line))).map(({ text }) => text)),
    fileOf(held.filter((line) => wantedKeys.has(keyOf(line))).map(({ text }) => text)),
  ];
  return files.filter((file, i) => files.indexOf(file) === i && (i === 0 || !holdsFile(live, file)));
}

function alteredMessage({ name }: DesiredSecret): string {
  return `A mutating admission webhook or policy changed Secret ${name} during the write; exclude Secrets with the label ${MANAGED_LABEL} from it.`;
}
