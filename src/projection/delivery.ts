import { MANAGED_LABEL } from "../api/names.ts";
import { type FileLine, fileOf, lineIdentity, linesOf } from "./file.ts";
import { dataOf, digestOf, type Files, haveSameLines } from "./files.ts";
import { type DesiredSecret, holdsLines, isAsDesired, type LiveSecret, type SecretObject } from "./secret.ts";

/** The state of the writes to one Secret. */
export type Delivery =
  | { readonly at: "idle" }
  /** A write is in flight or its response was lost: the Secret may hold its file or the one last seen. */
  | { readonly at: "sent"; readonly blocked: Blocked | undefined }
  | Blocked;

/** Why the last write with a response did not produce the desired Secret. */
export interface Blocked {
  readonly at: "blocked";
  /**
   * - `rejected`: the API server rejects the write until a person acts.
   * - `altered`: the write was accepted, and a mutating webhook or policy changed it.
   * - `not-managed`: a Secret of this name exists and is not managed.
   * - `server-error`: 5xx; nobody can fix it here, and it may pass.
   */
  readonly reason: "rejected" | "altered" | "not-managed" | "server-error";
  /** A sentence: what is wrong and what to do. */
  readonly message: string;
  /** Of `altered`: the version that was stored instead, what had been wanted, and when, in ms since the epoch. */
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
    delivery.left.wanted === digestOf(dataOf(wanted.files)) &&
    now < delivery.left.at + ALTERED_AGAIN_MS
  );
}

export const IDLE: Delivery = { at: "idle" };

/** The block that the last write with a response left; undefined if it succeeded. A write in flight does not change it. */
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
  /** To a list by name, true as of `resourceVersion`. */
  | { readonly kind: "found"; readonly object: SecretObject | undefined; readonly resourceVersion: string }
  /** To a write. */
  | { readonly kind: "written"; readonly object: SecretObject }
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

/**
 * The state when a write of `part` has been carried out: all of `wanted`, or what of it can go without additions.
 * `before`: what blocked the write before it.
 */
export function written(
  before: Blocked | undefined,
  wanted: DesiredSecret,
  part: DesiredSecret,
  result: LiveSecret,
  now: number,
): Delivery {
  if (!isAsDesired(result, part)) {
    const left = { resourceVersion: result.resourceVersion, wanted: digestOf(dataOf(wanted.files)), at: now };
    return { at: "blocked", reason: "altered", message: alteredMessage(wanted), left };
  }
  return haveSameLines(part.files, wanted.files) ? IDLE : (before ?? IDLE);
}

/**
 * What to write, each if the one before is refused: all that is wanted, or `most` added lines of it; of it, the keys that the Secret holds already; the
 * lines that it holds already and is to keep, as they are. So neither an addition nor a changed line ever delays a removal.
 * None that the Secret holds already.
 */
export function* attempts(
  want: Files,
  live: LiveSecret | undefined,
  most?: number,
): Generator<Files, void, undefined> {
  yield most === undefined ? want : withMost(want, live, most);
  if (live === undefined) return;
  const kept = eachFile(want, live, (wanted, held) => among(wanted, held));
  const isSmaller = !haveSameLines(kept, want);
  if (isSmaller && !holdsLines(live, kept)) yield kept;
  const unchanged = eachFile(want, live, (wanted, held) => among(held, wanted));
  if (!haveSameLines(unchanged, kept) && !haveSameLines(unchanged, want) && !holdsLines(live, unchanged))
    yield unchanged;
}

/** What is wanted, with so many lines at most that the Secret does not hold. */
function withMost(want: Files, live: LiveSecret | undefined, most: number): Files {
  let left = most;
  const files = new Map<string, string>();
  for (const [dataKey, file] of want) {
    const held = new Set(linesOf(live?.files?.get(dataKey) ?? "").map(({ text }) => text));
    const lines = linesOf(file).filter(({ text }) => {
      if (held.has(text)) return true;
      left -= 1;
      return left >= 0;
    });
    files.set(dataKey, fileOf(lines.map(({ text }) => text)));
  }
  return left >= 0 ? want : files;
}

function eachFile(
  want: Files,
  live: LiveSecret,
  choose: (wanted: readonly FileLine[], held: readonly FileLine[]) => readonly FileLine[],
): Files {
  return new Map(
    Array.from(want, ([dataKey, file]) => {
      const held = live.files?.get(dataKey) ?? "";
      const lines = file === held ? undefined : choose(linesOf(file), linesOf(held));
      return [dataKey, lines === undefined ? file : fileOf(lines.map(({ text }) => text))];
    }),
  );
}

/** Those whose key is among the others. */
function among(lines: readonly FileLine[], others: readonly FileLine[]): readonly FileLine[] {
  const keys = new Set(others.map(lineIdentity));
  return lines.filter((line) => keys.has(lineIdentity(line)));
}

function alteredMessage({ name }: DesiredSecret): string {
  return `A mutating admission webhook or policy changed Secret ${name} during the write; exclude Secrets with the label ${MANAGED_LABEL} from it.`;
}
