import { formatRFC3339, parseRFC3339 } from "../../api/time.ts";
import { printable } from "../../ssh/unprintable.ts";
import { type Column, table } from "../output/table.ts";
import { inputName } from "../session/input.ts";
import { EXIT, type ExitCode, PluginError, type Session } from "../session/session.ts";
import { type Access, AccessLog } from "./accesslog.ts";
import { logLines } from "./loglines.ts";

/** Prints who could log in at a time, as the operator's log tells. */
export async function answerAt(
  session: Session,
  o: {
    /** RFC 3339. */
    readonly at: string;
    readonly log: string;
    /** Only this key. */
    readonly fingerprint: string | undefined;
    /** Only Secrets of this namespace. */
    readonly namespace: string | undefined;
    readonly output: "json" | undefined;
  },
): Promise<ExitCode> {
  const at = parseRFC3339(o.at);
  if (at === undefined)
    throw new PluginError(
      `--at ${o.at}: give a date, a time and an offset as RFC 3339 writes them, such as 2027-01-31T18:00:00Z`,
    );
  if (o.fingerprint !== undefined && !o.fingerprint.startsWith("SHA256:"))
    throw new PluginError("the operator's log names keys by SHA256 only: give that fingerprint, or the key");
  const log = new AccessLog(at);
  for await (const line of logLines(session, o.log)) log.add(line);
  if (log.changes === 0)
    throw new PluginError(
      `${inputName(o.log)} has no line AccessChanged: give the operator's own log, as \`kubectl logs\` prints it`,
    );
  const found = log
    .result()
    .filter(({ fingerprint }) => o.fingerprint === undefined || fingerprint === o.fingerprint)
    .filter(({ namespace }) => o.namespace === undefined || namespace === o.namespace);
  if (o.output === "json") await session.print(JSON.stringify({ at: o.at, access: found }, undefined, 4));
  else if (found.length > 0) await session.print(table(COLUMNS, found));
  else session.say("Nobody, as far as the log tells.");
  tellLimits(session, log, at);
  return found.length === 0 ? EXIT.found : EXIT.ok;
}

function tellLimits(session: Session, { firstAt, lastAt, incomplete }: AccessLog, at: number): void {
  if (lastAt < at)
    session.say(`The log ends at ${formatRFC3339(lastAt)}: what changed after that is not in it.`);
  session.say(
    `The log begins at ${formatRFC3339(firstAt)}: keys that were in a Secret before, and have not been taken out, are not in it.`,
  );
  for (const secret of incomplete)
    session.say(
      `Another client changed more keys of Secret ${printable(secret)} than the log names: see the audit log of the API server.`,
    );
}

const COLUMNS: readonly Column<Access>[] = [
  { title: "SECRET", of: ({ namespace, secret }) => `${namespace}/${secret}` },
  { title: "LOGIN", of: ({ login }) => login },
  { title: "USER", of: ({ user }) => user },
  { title: "FINGERPRINT", of: ({ fingerprint }) => fingerprint },
  { title: "SSHKEY", of: ({ sshKeyNamespace, sshKey }) => `${sshKeyNamespace}/${sshKey}` },
  { title: "SINCE", of: ({ since }) => since ?? "before the log" },
];
