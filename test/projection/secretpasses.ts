import type { Answer } from "../../src/projection/delivery.ts";
import {
  type ReconcileResult,
  reconcile,
  type SecretRequest,
  type TakeBudget,
} from "../../src/projection/reconcile.ts";
import type { StoredSecret } from "./secretserver.ts";
import type { World } from "./world.ts";
import { WriteGuard } from "./writeguard.ts";

/** The operator's passes over targets, a request at a time: answers come late, or get lost. */
export class SecretPasses {
  readonly #world: World;
  readonly #guard: WriteGuard;
  readonly #due = new Set<string>();
  readonly #retries = new Set<string>();
  readonly #running = new Map<string, Running>();
  readonly #timers = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.#guard = new WriteGuard(world);
  }

  /** What can go on now. */
  get choices(): readonly (() => void)[] {
    return [
      ...[...this.#running.keys()].map((id) => () => this.#carryOn(id)),
      ...[...this.#due].filter((id) => !this.#running.has(id)).map((id) => () => this.#begin(id)),
    ];
  }

  /** Other attempts, which come after a pause: all else goes on meanwhile. */
  get retries(): readonly (() => void)[] {
    return [...this.#retries].map((id) => () => this.#begin(id));
  }

  add(id: string): void {
    this.#due.add(id);
  }

  /** Another process begins, and knows nothing of any pass. */
  restart(): void {
    for (const each of [this.#due, this.#retries, this.#running, this.#timers]) each.clear();
  }

  /** All requests under way reach the API server. */
  arriveAll(): void {
    for (const id of this.#running.keys()) this.#arrive(id);
  }

  /** What was put off until now is due. */
  wake(): void {
    for (const [id, at] of this.#timers) {
      if (at > this.#world.operatorNow) continue;
      this.#timers.delete(id);
      this.#due.add(id);
    }
  }

  /** The answer never comes, whether or not the request arrived. */
  lose(id: string): void {
    const running = this.#running.get(id);
    if (running !== undefined) this.#next(id, running, running.generator.next({ kind: "lost" }));
  }

  #begin(id: string): void {
    if (this.#running.has(id)) return;
    this.#due.delete(id);
    this.#retries.delete(id);
    this.#timers.delete(id);
    const { projection, broke } = this.#world;
    if (!projection.isTargetSynced(id)) return;
    const takeBudget: TakeBudget = (_, isRemoval) => {
      if (isRemoval || !broke.has(id)) return undefined;
      // What comes next is less than all that is wanted.
      running.writes += 1;
      return { ms: 5000, reason: "It waits for its turn." };
    };
    const generator = reconcile(projection, id, () => this.#world.operatorNow, takeBudget);
    const running: Running = { generator, request: undefined, answer: undefined, writes: 0 };
    this.#running.set(id, running);
    this.#next(id, running, generator.next());
  }

  /** The request under way reaches the API server, or its answer the operator. */
  #carryOn(id: string): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    if (running.answer === undefined) this.#arrive(id);
    else this.#next(id, running, running.generator.next(running.answer));
  }

  #arrive(id: string): void {
    const running = this.#running.get(id);
    if (running?.request !== undefined) running.answer ??= this.#execute(running.request);
  }

  #next(id: string, running: Running, step: IteratorResult<SecretRequest, ReconcileResult>): void {
    if (step.done) {
      this.#running.delete(id);
      this.#end(id, step.value);
    } else {
      running.request = step.value;
      running.answer = undefined;
      if (step.value.kind === "create" || step.value.kind === "update") {
        running.writes += 1;
        this.#guard.sent(step.value, running.writes === 1);
      }
    }
    this.#world.note();
  }

  #end(id: string, pass: ReconcileResult): void {
    const { operatorNow } = this.#world;
    if (pass.kind === "retry" || (pass.kind === "requeue" && pass.afterMs <= 1)) this.#retries.add(id);
    else if (pass.kind === "requeue") this.#timers.set(id, operatorNow + pass.afterMs);
    else if (pass.kind === "blocked" && !pass.isWatched) this.#timers.set(id, operatorNow + 60_000);
    else if (pass.kind === "done" && pass.requeueAt !== undefined) this.#timers.set(id, pass.requeueAt);
  }

  #execute(request: SecretRequest): Answer {
    const { server, version } = this.#world;
    const present = server.get(`${request.namespace}/${request.name}`);
    if (request.kind === "listManaged" || request.kind === "listMetadata") {
      const isAskedFor =
        present !== undefined && (request.kind === "listMetadata" || server.isLabelled(present));
      const { data: _, ...bare } = present ?? { data: undefined };
      const shown = request.kind === "listMetadata" ? (bare as StoredSecret) : present;
      return { kind: "found", object: isAskedFor ? shown : undefined, resourceVersion: version };
    }
    const answer = server.write(request);
    if (answer.kind === "written" || answer.kind === "deleted") this.#guard.taken(request, present);
    if (answer.kind === "conflict") return { kind: present === undefined ? "missing" : "void" };
    return answer.kind === "written" ? { kind: "written", object: answer.secret } : answer;
  }
}

interface Running {
  readonly generator: Generator<SecretRequest, ReconcileResult, Answer>;
  request: SecretRequest | undefined;
  answer: Answer | undefined;
  writes: number;
}
