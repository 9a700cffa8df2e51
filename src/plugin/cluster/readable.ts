import type { KubeObject } from "../../api/object.ts";
import { type Cluster, orForbidden } from "./cluster.ts";

/** What of a collection the person may list. */
export interface Readable<T> {
  readonly items: readonly T[];
  /** Those of the namespaces that were asked for in which it may be listed; undefined where all may be. */
  readonly namespaces: readonly string[] | undefined;
}

/** Lists all namespaces or, where that is forbidden, each of these that may be listed; asked for only then. */
export async function listReadable<T extends KubeObject>(
  cluster: Cluster,
  pathIn: (namespace?: string) => string,
  namespaces: Iterable<string> | (() => Promise<Iterable<string>>),
  query: Readonly<Record<string, string>> = {},
): Promise<Readable<T>> {
  const all = await orForbidden(cluster.list<T>(pathIn(), query));
  if (all !== undefined) return { items: all, namespaces: undefined };
  const asked = typeof namespaces === "function" ? await namespaces() : namespaces;
  const lists = await Promise.all(
    Array.from(asked, async (namespace) => ({
      namespace,
      items: await orForbidden(cluster.list<T>(pathIn(namespace), query)),
    })),
  );
  return {
    items: lists.flatMap(({ items = [] }) => items),
    namespaces: lists.filter(({ items }) => items !== undefined).map(({ namespace }) => namespace),
  };
}
