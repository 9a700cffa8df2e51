import { printable } from "../../ssh/unprintable.ts";
import { withoutCommands } from "./jobcommands.ts";

/** One column of a table: what stands above it, and in it for each item. */
export interface Column<T> {
  readonly title: string;
  readonly of: (item: T) => string | undefined;
}

const GAP = "   ";

/**
 * The items as kubectl shows them: a line each below a line of titles. Of what others wrote nothing but what can be seen
 * reaches the terminal.
 */
export function table<T>(columns: readonly Column<T>[], items: readonly T[]): string {
  const rows = [
    columns.map(({ title }) => title),
    ...items.map((item) => columns.map(({ of }) => cellOf(of(item) ?? ""))),
  ];
  const widths = columns.map((_, i) =>
    rows.reduce((widest, row) => Math.max(widest, [...(row[i] ?? "")].length), 0),
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => padded(cell, widths[i] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join("");
}

/**
 * In characters: no field of an SSHKey has more. A longer one, such as a list of files, would stretch every row.
 */
const LONGEST_CELL = 255;

/** Several spaces would look like the gap to the next column. */
function cellOf(text: string): string {
  const whole = withoutCommands(
    printable(text.slice(0, 4 * LONGEST_CELL)).replaceAll(/\s{2,}|[^\S ]/gu, " "),
  );
  const characters = [...whole];
  return characters.length <= LONGEST_CELL && text.length <= 4 * LONGEST_CELL
    ? whole
    : `${characters.slice(0, LONGEST_CELL - 1).join("")}…`;
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(width - [...cell].length);
}

/** How long ago that was, as kubectl says it: 5s, 3m, 7h, 12d, 2y. */
export function age(since: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  if (Number.isNaN(seconds)) return "<unknown>";
  const [value, unit] = AGES.find(([, , below]) => seconds < below)?.slice(0, 2) ?? [YEAR, "y"];
  return `${Math.floor(seconds / Number(value))}${unit}`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Seconds of the unit, and up to how many seconds it is used. */
const AGES = [
  [1, "s", 2 * MINUTE],
  [MINUTE, "m", 3 * HOUR],
  [HOUR, "h", 2 * DAY],
  [DAY, "d", 2 * YEAR],
] as const;
