import type { Command } from "commander";
import { NAMESPACES_PATH, sshKeysPath } from "../../api/paths.ts";
import { firstUnprintable } from "../../ssh/unprintable.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { ClusterFlags } from "../cluster/clusterflags.ts";
import type { Source } from "../command.ts";
import { EXIT, type ExitCode, type Session } from "../session/session.ts";
import { candidateLine, completionTimeout } from "./complete.ts";
import { type Candidate, type Point, pointOf } from "./point.ts";

/** Nobody reads more of them. */
const MOST = 500;

/**
 * How many the API server is asked for. The first page comes out of its memory, 10,000 lines in 0.1 s; each further one it reads
 * from etcd, which takes ten times as long.
 */
const LIMIT = 20_000;

/** Prints the candidates for the last word that stand in the kubeconfig or the cluster. Rejects where they are not to be had. */
export async function find(session: Session, root: Command, words: readonly string[]): Promise<ExitCode> {
  const point = pointOf(root, words);
  const candidates = typeof point.wanted === "string" ? await candidatesOf(session, point.wanted, point) : [];
  await session.print(shortened(candidates).map(candidateLine).join("\n"));
  return EXIT.ok;
}

/** With the last one: shells go on as far as all candidates are the same, and that is as far as the first and the last are. */
function shortened(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.length <= MOST ? candidates : [...candidates.slice(0, MOST - 1), ...candidates.slice(-1)];
}

async function candidatesOf(session: Session, source: Source, point: Point): Promise<readonly Candidate[]> {
  const options: ClusterFlags = point.options;
  const { begun, args } = point;
  const isMeant = (value: string) => value.startsWith(begun) && isHarmless(value);
  if (source === "contexts" || source === "clusters") {
    const { kubeConfigNames } = await import("../../kube/clientconfig.ts");
    return kubeConfigNames(options)
      [source].filter(isMeant)
      .sort()
      .map((value) => ({ value }));
  }
  const ms = Math.ceil(completionTimeout(session));
  const cluster = await Cluster.open(session, { ...options, requestTimeout: `${ms}ms` });
  try {
    if (source === "namespaces") {
      const rows = await rowsOf(cluster, NAMESPACES_PATH, begun);
      return rows.flatMap(({ Name: value = "" }) => (isMeant(value) ? [{ value }] : []));
    }
    const isEverywhere = source === "users" && options.allNamespaces === true;
    const path = sshKeysPath(isEverywhere ? undefined : cluster.namespace);
    if (source === "users") {
      const users = (await rowsOf(cluster, path)).map(({ User = "" }) => User);
      return [...new Set(users)]
        .filter(isMeant)
        .sort()
        .map((value) => ({ value }));
    }
    const rows = await rowsOf(cluster, path, begun);
    return rows.flatMap(({ Name: value = "", User = "", State = "" }) => {
      const meaning = [User, State].filter(isHarmless).join(" ");
      return isMeant(value) && !args.includes(value) ? [{ value, meaning }] : [];
    });
  } finally {
    cluster.close();
  }
}

/**
 * Is it one word to every shell, and nothing that a terminal obeys? Whoever may write SSHKeys chooses the names of users, and
 * scripts of shells put a candidate into the command line as it comes.
 */
export function isHarmless(text: string): boolean {
  return HARMLESS.test(text) && firstUnprintable(text) === undefined;
}

const HARMLESS = /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}@._+:/-]{0,252}$/u;

/** A line of a table as kubectl prints it, by the titles of its columns. */
type Row = Readonly<Record<string, string | undefined>>;

interface Table {
  readonly metadata?: { readonly continue?: string };
  readonly columnDefinitions?: readonly { readonly name: string }[];
  readonly rows?: readonly { readonly cells: readonly unknown[] }[] | null;
}

/**
 * The lines of the table that kubectl would print of a collection, without the objects: a hundredth of their size. None where
 * there are more than can be read in time, unless they are past what begins with `begun`.
 */
async function rowsOf(cluster: Cluster, path: string, begun?: string): Promise<readonly Row[]> {
  const {
    metadata,
    columnDefinitions = [],
    rows,
  }: Table = await cluster.request({
    method: "GET",
    path,
    query: { limit: String(LIMIT), includeObject: "None" },
    accept: "application/json;as=Table;g=meta.k8s.io;v=v1",
  });
  const lines: readonly Row[] = (rows ?? []).map(({ cells }) =>
    Object.fromEntries(columnDefinitions.map(({ name }, i) => [name, textOf(cells[i])])),
  );
  return !metadata?.continue || isPast(lines.at(-1)?.Name ?? "", begun) ? lines : [];
}

/** Does nothing that comes behind this name begin so? Without `begun` anything may. API servers list by name. */
export function isPast(name: string, begun: string | undefined): boolean {
  return begun !== undefined && name > begun && !name.startsWith(begun);
}

function textOf(cell: unknown): string {
  return typeof cell === "string" ? cell : "";
}
