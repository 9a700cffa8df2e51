import { type Checked, type Finding, lineOf } from "./finding.ts";

/** A suite for each file: a failed case for each finding, or one that passed. Advice is what the suite says. */
export function junit({ findings, advice, files }: Checked): string {
  const byFile = new Map<string, Finding[]>(files.map((file) => [file, []]));
  for (const finding of findings) {
    const known = byFile.get(finding.file);
    if (known === undefined) byFile.set(finding.file, [finding]);
    else known.push(finding);
  }
  const adviceIn = Map.groupBy(advice, ({ file }) => file);
  // Tools take a report without cases for one of tests that did not run.
  const suites =
    byFile.size === 0
      ? [suite("check", [])]
      : Array.from(byFile, ([file, its]) => suite(file, its, adviceIn.get(file)));
  const tests = Math.max(
    1,
    [...byFile.values()].reduce((sum, its) => sum + Math.max(1, its.length), 0),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="kubectl sshkey check" tests="${tests}" failures="${findings.length}">
${suites.join("")}</testsuites>
`;
}

function suite(file: string, findings: readonly Finding[], advice: readonly Finding[] = []): string {
  const cases =
    findings.length === 0 ? [`<testcase name="check" classname=${quoted(file)}/>`] : findings.map(failed);
  const head = `<testsuite name=${quoted(file)} tests="${cases.length}" failures="${findings.length}">`;
  const said =
    advice.length === 0 ? [] : [`<system-out>${escaped(advice.map(lineOf).join("\n"))}</system-out>`];
  return `  ${head}\n${[...cases, ...said].map((each) => `    ${each}\n`).join("")}  </testsuite>\n`;
}

function failed(finding: Finding): string {
  const { file, line, column, code, object, field, message } = finding;
  const name = [`${line}:${column}`, code, object, field].filter((part) => part !== "").join(" ");
  const failure = `<failure type=${quoted(code)} message=${quoted(message)}>${escaped(lineOf(finding))}</failure>`;
  return `<testcase name=${quoted(name)} classname=${quoted(file)} file=${quoted(file)} line="${line}">${failure}</testcase>`;
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', "&quot;")}"`;
}

/** Characters that no XML 1.0 may hold, not even as a reference, are shown as JSON writes them. */
function escaped(text: string): string {
  return text
    .replace(NO_XML, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

const NO_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
