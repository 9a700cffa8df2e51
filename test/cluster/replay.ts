import { byOperator, type Write } from "./auditlog.ts";

/** What a replay found. */
export interface Replay {
  /** Each break of a rule, as a sentence; empty is what a test wants. */
  readonly breaches: readonly string[];
  /** How many statuses and Secrets were looked at: a replay that saw nothing shows nothing. */
  readonly statuses: number;
  readonly secrets: number;
}

export type Rivalry = (a: Holder, b: Holder) => boolean;

export interface Holder {
  readonly namespace: string;
  readonly user: string;
}

/**
 * Replays writes in the order in which they took effect and holds the operator to three rules: a status that says
 * Projected is written while the Secret it names holds the line; one that says anything else while no Secret does;
 * and no two Secrets hold one key at the same time where `areRivals` forbids it.
 */
export function replay(writes: readonly Write[], areRivals: Rivalry): Replay {
  const state = new State(areRivals);
  let statuses = 0;
  let secrets = 0;
  for (const write of writes) {
    if (write.resource === "secrets" && write.resourceVersion > 0) {
      secrets += 1;
      state.takeSecret(write);
    }
    if (write.resource === "sshkeys" && write.subresource === "status" && byOperator(write)) {
      statuses += 1;
      state.checkStatus(write);
    }
  }
  return { breaches: state.breaches, statuses, secrets };
}

interface File extends Holder {
  readonly id: string;
  readonly lines: readonly { readonly base64: string; readonly source: string }[];
}

class State {
  readonly breaches: string[] = [];
  readonly #areRivals: Rivalry;
  readonly #files = new Map<string, File>();

  constructor(areRivals: Rivalry) {
    this.#areRivals = areRivals;
  }

  takeSecret({ namespace, name, answered, resourceVersion }: Write): void {
    const { metadata, data } = answered as { metadata?: Metadata; data?: { authorized_keys?: string } };
    const text = Buffer.from(data?.authorized_keys ?? "", "base64").toString("utf8");
    const lines = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ base64: line.split(" ").at(-2) ?? "", source: line.split(" ").at(-1) ?? "" }));
    const user = metadata?.annotations?.["sshkey-operator.dev/user"] ?? "";
    const file = { id: `${namespace}/${name}`, namespace, user, lines };
    this.#files.set(file.id, file);
    for (const other of this.#files.values()) {
      if (other === file || !this.#areRivals(file, other)) continue;
      const shared = lines.find(({ base64 }) => other.lines.some((line) => line.base64 === base64));
      if (shared === undefined) continue;
      this.breaches.push(
        `at ${resourceVersion} ${file.id} and ${other.id} hold one key, from ${shared.source}`,
      );
    }
  }

  checkStatus({ namespace, name, sent, resourceVersion }: Write): void {
    const status = statusIn(sent);
    const reason = status?.conditions?.find(({ type }) => type === "Ready")?.reason;
    const source = `${namespace}/${name}`;
    const holders = [...this.#files.values()].filter(({ lines }) =>
      lines.some((line) => line.source === source),
    );
    const said = reason === "Projected" ? [`${namespace}/${status?.secretName}`] : [];
    const held = holders.map(({ id }) => id);
    if (said.join() === held.join()) return;
    this.breaches.push(
      `at ${resourceVersion} ${source} was said to be ${reason} while it stood in [${held}]`,
    );
  }
}

interface Status {
  readonly secretName?: string;
  readonly conditions?: readonly Condition[];
}

/** What a JSON Patch sets the status to. */
function statusIn(sent: unknown): Status | undefined {
  const operations = Array.isArray(sent) ? (sent as { path?: string; value?: Status }[]) : [];
  return operations.find(({ path }) => path === "/status")?.value;
}

interface Metadata {
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Condition {
  readonly type: string;
  readonly reason: string;
}
