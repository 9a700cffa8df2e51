import type { KubeObject } from "../api/object.ts";
import { type Cluster, orForbidden } from "./cluster.ts";

/** What of a collection the person may list. */
export interface Readable<T> {
  readonly items: readonly T[];
  /** Those of the namespaces that were asked for in which it may be listed; undefined where all may be. */
  readonly namespaces: readonly string[] | undefined;
}

/** Lists all namespaces or, where that is forbidden, each of these that may be listed. */
export async function listReadable<T extends KubeObject>(
  cluster: Cluster,
  pathIn: (namespace?: string) => string,
  namespaces: Iterable<string>,
  query: Readonly<Record<string, string>> = {},
): Promise<Readable<T>> {
  const all = await orForbidden(cluster.list<T>(pathIn(), query));
  if (all !== undefined) return { items: all, namespaces: undefined };
  const lists = await Promise.all(
    Array.from(namespaces, async (namespace) => ({
      namespace,
      items: await orForbidden(cluster.list<T>(pathIn(namespace), query)),
    })),
  );
  return {
    items: lists.flatMap(({ items = [] }) => items),
    namespaces: lists.filter(({ items }) => items !== undefined).map(({ namespace }) => namespace),
  };
}
