import type { Cluster } from "../cluster/cluster.ts";
import { nameOf, type SelectionFlags, selectedKeys } from "../cluster/keyselection.ts";
import type { SSHKeyObject } from "../cluster/sshkeys.ts";
import { counted } from "../output/counted.ts";
import { EXIT, type ExitCode, PluginError, type Session } from "../session/session.ts";
import type { GitOpsFlags } from "./gitops.ts";
import type { WaitingFlags } from "./waiting.ts";
import { isJudged, parseTimeout, toldState, untilJudged } from "./waiting.ts";
import { doneTo, type WritingFlags } from "./writing.ts";

export interface ChangeFlags extends SelectionFlags, WritingFlags, WaitingFlags, GitOpsFlags {}

/** What a command does to each of several SSHKeys. */
export interface Change {
  /** As in "sshkey.sshkey-operator.dev/alice-laptop disabled". */
  readonly done: string;
  /** Tells of them all before the first is changed. */
  readonly announce?: (keys: readonly SSHKeyObject[]) => Promise<void>;
  /** Changes it, and gives what it has become; undefined where it was so before. Nothing is stored with a dry run. */
  readonly apply: (key: SSHKeyObject) => Promise<SSHKeyObject | undefined>;
  /** Has it become what the person wanted, once the operator has judged it? */
  readonly isReached: (key: SSHKeyObject) => boolean;
}

/**
 * Changes them all first, then waits for what the operator says of each. What fails of one is told and holds up none of
 * the others; the exit code is that of the worst: 2 if anything could not be done, 1 if one has not become what was wanted.
 */
export async function changeKeys(
  session: Session,
  cluster: Cluster,
  names: readonly string[],
  flags: ChangeFlags,
  { done, announce, apply, isReached }: Change,
): Promise<ExitCode> {
  const timeoutMs = parseTimeout(flags.timeout);
  const { keys, isPartial } = await selectedKeys(session, cluster, names, flags);
  const attempts = new Attempts(session, isPartial);
  const changed: SSHKeyObject[] = [];
  await announce?.(keys);
  const told = () => `changing: ${changed.length} of ${counted(keys.length, "SSHKey", "SSHKeys")}`;
  await session.during(told, async () => {
    for (const key of keys) {
      await attempts.of(key, flags, async () => {
        const after = await apply(key);
        await session.print(doneTo(key, after === undefined ? "unchanged" : done, flags));
        changed.push(after ?? key);
        return EXIT.ok;
      });
    }
  });
  if (!flags.wait || flags.dryRun !== "none") return attempts.code;
  const until = performance.now() + timeoutMs;
  for (const key of changed) {
    await attempts.of(key, flags, async () => {
      const seen = await untilJudged(session, cluster, key, Math.max(1, until - performance.now()));
      session.say(toldState(seen));
      return isReached(seen) ? EXIT.ok : isJudged(seen) ? EXIT.found : EXIT.failed;
    });
  }
  return attempts.code;
}

/** How several attempts have ended together. */
export class Attempts {
  code: ExitCode;
  readonly #session: Session;

  constructor(session: Session, isPartial: boolean) {
    this.#session = session;
    this.code = isPartial ? EXIT.failed : EXIT.ok;
  }

  /** Takes the worse code. What could not be done is told; Ctrl-C, and what nobody foresaw, ends it all. */
  async of(key: SSHKeyObject, flags: SelectionFlags, attempt: () => Promise<ExitCode>): Promise<void> {
    let code: ExitCode = EXIT.failed;
    try {
      code = await attempt();
    } catch (error) {
      if (!(error instanceof PluginError) || this.#session.signal.aborted) throw error;
      const name = nameOf(key, flags);
      this.#session.say(
        `error: ${error.message.includes(key.metadata.name) ? "" : `${name}: `}${error.message}`,
      );
    }
    if (code > this.code) this.code = code;
  }
}
