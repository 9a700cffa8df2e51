import { printable } from "../../ssh/unprintable.ts";
import { changeCounts, changeText } from "../foresight/report.ts";
import { counted } from "../output/counted.ts";
import { withoutCommands } from "../output/jobcommands.ts";
import type { Comparison } from "./comparison.ts";
import { type Checked, type Finding, lineOf, textOf } from "./finding.ts";
import { pathFrom } from "./path.ts";
import { gravestFirst } from "./severity.ts";

/** GitHub shows as many annotations of a kind in each step. */
const MOST_ANNOTATIONS = 10;

/** A notice may have 64 KiB, and people read less. */
const MOST_NOTICE_LINES = 30;

/**
 * Workflow commands that make annotations of the gravest findings, below the plain text of all of them, since GitHub shows ten
 * annotations and drops the others. Files are named as seen from the root of the repository.
 */
export function github({ findings, advice, comparison }: Checked, root: string): string {
  // No line of others' text may begin with ::, which GitHub would obey.
  const log = [
    ...findings.map((finding) => `error: ${lineOf(finding)}\n`),
    ...advice.map((each) => `notice: ${lineOf(each)}\n`),
  ];
  // What changes in access is a notice, too.
  const notices = advice.slice(0, MOST_ANNOTATIONS - 1);
  const annotations = [...gravestFirst(findings).slice(0, MOST_ANNOTATIONS), ...notices].map((finding) =>
    annotation(finding, root),
  );
  const count = counted(findings.length, "finding", "findings");
  const shown = findings.length > MOST_ANNOTATIONS ? `, the gravest ${MOST_ANNOTATIONS} as annotations` : "";
  const unusual =
    advice.length === 0 ? "" : `; ${counted(advice.length, "piece of advice", "pieces of advice")}`;
  const access = comparison === undefined ? "" : notice(comparison);
  return `${log.join("")}${annotations.join("")}${access}${count}${shown}${unusual}\n`;
}

/** Of who gains and who loses access, the whole in the log and its beginning as a notice. */
function notice({ name, change, notes }: Comparison): string {
  const title = property(withoutCommands(printable(`Access, compared with ${name}`)));
  if (change === undefined)
    return `::notice title=${title}::${data(withoutCommands(printable(notes.at(-1) ?? "")))}\n`;
  const text = changeText(change);
  if (text === "") return `::notice title=${title}::Nothing changes.\n`;
  // The counts, which stand below, are above in a notice.
  const lines = text.trimEnd().split("\n").slice(0, -2);
  const shown = lines.slice(0, MOST_NOTICE_LINES);
  const more = lines.length > shown.length ? ["(The log has the rest.)"] : [];
  // No name begins with a colon, and nothing else stands first on a line.
  return `${text}::notice title=${title}::${data([changeCounts(change), ...shown, ...more].join("\n"))}\n`;
}

function annotation(finding: Finding, root: string): string {
  const { file, line, column, code, isAdvice } = finding;
  const path = pathFrom(root, file) ?? file;
  const place = line === 0 ? "" : `,line=${line},col=${column}`;
  return `::${isAdvice ? "notice" : "error"} file=${property(withoutCommands(printable(path)))}${place},title=${property(code)}::${data(withoutCommands(textOf(finding)))}\n`;
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
