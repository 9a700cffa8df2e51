import type { KubeObject, ObjectRef } from "../../../src/api/object.ts";
import type { ReflectorSink } from "../../../src/kube/reflector.ts";

/** What a reflector has told so far: a sink that keeps the identity of each object by name. */
export class ObjectStore implements ReflectorSink<KubeObject> {
  readonly objects = new Map<string, KubeObject>();
  readonly calls: string[] = [];
  /** Called after each change. */
  check: () => void = () => {};

  replace(items: KubeObject[]): void {
    this.objects.clear();
    for (const item of items) {
      this.objects.set(item.metadata.name, item);
    }
    this.#done(`replace ${items.length}`);
  }

  reset(): void {
    this.#done("reset");
  }

  upsert(item: KubeObject): void {
    this.objects.set(item.metadata.name, item);
    this.#done(`upsert ${item.metadata.name}`);
  }

  remove(ref: ObjectRef): void {
    if (this.objects.get(ref.name)?.metadata.uid === ref.uid) {
      this.objects.delete(ref.name);
    }
    this.#done(`remove ${ref.name}`);
  }

  /** Name, uid and version of each object, sorted. */
  get summary(): string[] {
    return summaryOf([...this.objects.values()]);
  }

  #done(call: string): void {
    this.calls.push(call);
    this.check();
  }
}

/** Name, uid and version of each object, sorted. */
export function summaryOf(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`).sort();
}
