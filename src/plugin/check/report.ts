import { printable } from "../../ssh/unprintable.ts";
import { changeDocument, changeText, printText } from "../foresight/report.ts";
import { counted } from "../output/counted.ts";
import { withoutCommands } from "../output/jobcommands.ts";
import { EXIT, type Session } from "../session/session.ts";
import type { Comparison } from "./comparison.ts";
import { type Checked, type Finding, lineOf, UNREADABLE, wordsOf } from "./finding.ts";
import { github } from "./github.ts";
import { junit } from "./junit.ts";
import { sarif } from "./sarif.ts";

/** How findings are printed. */
export type Format = "text" | "json" | "github" | "sarif" | "junit";

/** People read so many findings; programs get all. */
const MOST_SHOWN = 50;

/** Prints what was found, the findings to stdout and how many there are to stderr. */
export async function report(
  session: Session,
  checked: Checked,
  format: Format,
  root: string,
): Promise<void> {
  switch (format) {
    case "json":
      await session.print(json(checked));
      break;
    case "github":
      await session.print(github(checked, root));
      break;
    case "sarif":
      await session.print(sarif(checked, root));
      break;
    case "junit":
      await session.print(junit(checked));
      break;
    default:
      await session.print(
        [checked.findings, checked.advice]
          .flatMap((each) => each.slice(0, MOST_SHOWN))
          .map((each) => shown(session, each))
          .join(""),
      );
  }
  if (checked.comparison !== undefined) await reportComparison(session, checked, checked.comparison, format);
  session.say(summary(checked, format === "text" ? MOST_SHOWN : Number.POSITIVE_INFINITY));
}

/** After the findings, for people; what is not known is said in any format. */
async function reportComparison(
  session: Session,
  { findings, advice }: Checked,
  { name, change, notes }: Comparison,
  format: Format,
): Promise<void> {
  if (format !== "json") for (const note of notes) session.say(`note: ${printable(note)}`);
  if (format !== "text" || change === undefined) return;
  if (changeText(change) !== "")
    await session.print(
      `${findings.length + advice.length > 0 ? "\n" : ""}Access, compared with ${withoutCommands(printable(name))}:\n`,
    );
  await printText(session, change);
}

/** How it ended: what could not be read weighs more than what was found, and advice nothing. */
export function exitCode({ findings }: Checked): (typeof EXIT)["ok" | "found" | "failed"] {
  if (findings.some(({ code }) => code === UNREADABLE)) return EXIT.failed;
  return findings.length > 0 ? EXIT.found : EXIT.ok;
}

function shown(session: Session, finding: Finding): string {
  const line = lineOf(finding);
  const end = line.indexOf(`: ${wordsOf(finding)}: `);
  return end === -1 ? `${line}\n` : `${session.styled("bold", line.slice(0, end))}${line.slice(end)}\n`;
}

function summary({ findings, advice, files, judged }: Checked, shownAtMost: number): string {
  const where = `${counted(judged, "object or key", "objects and keys")} in ${counted(files.length, "file", "files")}`;
  const number = (of: readonly Finding[], one: string, many: string) => {
    const more = of.length - shownAtMost;
    const hidden = more > 0 ? `, of which ${more} are not shown: -o json has them all` : "";
    return `${counted(of.length, one, many)}${hidden}`;
  };
  const found = findings.length === 0 ? "nothing found" : number(findings, "finding", "findings");
  const unusual = advice.length === 0 ? [] : [number(advice, "piece of advice", "pieces of advice")];
  return [`${where}: ${found}`, ...unusual].join("; ");
}

function json({ findings, advice, files, judged, comparison }: Checked): string {
  const listed = (of: readonly Finding[]) =>
    of.map(({ file, line, column, code, object, field, message }) => ({
      file,
      line,
      column,
      code,
      object,
      field,
      message,
    }));
  const base = comparison && {
    name: comparison.name,
    changes: comparison.change === undefined ? null : changeDocument(comparison.change),
    notes: comparison.notes,
  };
  const found = { findings: listed(findings), advice: listed(advice) };
  return `${JSON.stringify({ files: files.length, judged, ...found, base }, undefined, 2)}\n`;
}
