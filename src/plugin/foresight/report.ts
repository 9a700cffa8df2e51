import { printable } from "../../ssh/unprintable.ts";
import { counted } from "../output/counted.ts";
import { withoutCommands } from "../output/jobcommands.ts";
import { type Column, table } from "../output/table.ts";
import type { Session } from "../session/session.ts";
import type { Access, Stand } from "./forecast.ts";
import type { OutcomeChange, StandChange } from "./outcomechange.ts";

interface Row {
  readonly sign: string;
  readonly access: Access;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "", of: ({ sign }) => sign },
  { title: "USER", of: ({ access }) => access.user },
  { title: "KEY", of: ({ access }) => access.fingerprint },
  { title: "TITLE", of: ({ access }) => access.title },
  { title: "SSHKEY", of: ({ access }) => access.sshKey },
  { title: "SECRET", of: ({ access }) => access.secret },
  { title: "FILE", of: ({ access }) => access.file },
];

/** What changes, for people: who gains and who loses access, whose options change, and which STATEs do. */
export async function printText(session: Session, change: OutcomeChange): Promise<void> {
  const text = changeText(change);
  if (text === "") session.say("Nothing changes: the same keys log in to the same accounts.");
  else await session.print(painted(session, text));
}

/** The same without colours; empty where nothing changes. */
export function changeText(change: OutcomeChange): string {
  const { gained, lost, altered, stands } = change;
  if (gained.length + lost.length + altered.length + stands.length === 0) return "";
  const rows: readonly Row[] = [
    ...lost.map((access) => ({ sign: "-", access })),
    ...gained.map((access) => ({ sign: "+", access })),
    ...altered.map(({ after }) => ({ sign: "~", access: after })),
  ];
  const options = altered.map(
    ({ before, after }) =>
      `${after.sshKey} in ${after.secret}: ${optionsOf(before)} becomes ${optionsOf(after)}\n`,
  );
  const text = [
    rows.length > 0 ? table(COLUMNS, rows) : "",
    ...options,
    rows.length > 0 && stands.length > 0 ? "\n" : "",
    ...stands.map((stand) => `${sentence(stand)}\n`),
    `\n${changeCounts(change)}\n`,
  ];
  return withoutCommands(text.join(""));
}

/** How many keys gain and lose access, wherever and in however many Secrets, as a sentence. */
export function changeCounts({ gained, lost, altered }: OutcomeChange): string {
  return `${counted(keysOf(lost), "key loses", "keys lose")} access, ${counted(keysOf(gained), "key gains", "keys gain")} access, ${counted(altered.length, "line changes", "lines change")}.`;
}

function keysOf(accesses: readonly Access[]): number {
  return new Set(accesses.map(({ sshKey }) => sshKey)).size;
}

function painted(session: Session, text: string): string {
  const styles = { "-": "red", "+": "green", "~": "yellow" } as const;
  return text
    .split("\n")
    .map((line) => {
      const style = styles[line.charAt(0) as keyof typeof styles];
      return style === undefined ? line : session.styled(style, line);
    })
    .join("\n");
}

function optionsOf({ line, fingerprint }: Access): string {
  const type = /(?:^| )(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ AAAA/.exec(line);
  const options = type === null ? "" : line.slice(0, type.index).trim();
  return options === "" ? `no options (${fingerprint})` : printable(options);
}

function sentence({ kind, id, before, after }: StandChange): string {
  const what = `${kind} ${id}`;
  if (after === undefined) return `${what} is deleted; it was ${before?.state ?? "unknown"}.`;
  const change =
    before === undefined ? `is new and becomes ${after.state}` : `${before.state} → ${after.state}`;
  return `${what}: ${change}. ${printable(after.message)}`;
}

/** The same for programs. */
export function toJSON(
  change: OutcomeChange,
  refused: readonly string[],
  blindSpots: readonly string[],
): string {
  return `${JSON.stringify({ ...changeDocument(change), refused, blindSpots }, undefined, 2)}\n`;
}

/** What changes, as JSON has it. */
export function changeDocument(change: OutcomeChange): object {
  const stand = (given: Stand | undefined) => given && { state: given.state, message: given.message };
  return {
    gained: change.gained,
    lost: change.lost,
    altered: change.altered,
    states: change.stands.map(({ kind, id, before, after }) => ({
      kind,
      id,
      before: stand(before) ?? null,
      after: stand(after) ?? null,
    })),
  };
}
