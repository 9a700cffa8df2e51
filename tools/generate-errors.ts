import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ErrorMeaning, KEY_ERRORS, LOG_EVENTS, REQUEST_ERRORS } from "../src/api/errors.ts";

/** Writes docs/errors.md from the tables of codes; with --check only compares. */
const FILE = "docs/errors.md";
const file = new URL(`../${FILE}`, import.meta.url);
const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const page = errorsPage();
if (!values.check) writeFileSync(file, page);
else if (!existsSync(file) || readFileSync(file, "utf8") !== page) {
  console.error(`${FILE} is not what src/api/errors.ts says: run \`make generate\` and commit it.`);
  process.exitCode = 1;
}

function errorsPage(): string {
  return `<!-- Generated from src/api/errors.ts by \`make generate\`. Do not edit. -->
# Errors

Each code is one word that does not change, for programs and for searching. The STATEs of an SSHKey are in the [README](../README.md#what-each-state-means), exit codes too.

## A key that is refused

The reason of the condition \`Valid\` is the first of these that applies, and that of \`Proven\` one of the last five; the log line \`StateChanged\` has all of them as \`codes\`. The message on the status names the place and what to do.

${table("code", KEY_ERRORS)}

## Log events

Each line of the log has one of these words as its \`event\`. Lines of the level \`info\` need no action.

| event | level | meaning | what to do |
| --- | --- | --- | --- |
${Object.entries<ErrorMeaning & { level: string }>(LOG_EVENTS)
  .map(([event, { level, meaning, whatToDo }]) => `| \`${event}\` | ${level} | ${meaning} | ${whatToDo} |\n`)
  .join("")}
## Requests to the API server

\`err.code\` of a log line, and the label \`code\` of the metric \`rest_client_requests_total\` where no response came. The operator retries each automatically with growing pauses.

${table("code", REQUEST_ERRORS)}`;
}

function table(head: string, rows: Readonly<Record<string, ErrorMeaning>>): string {
  const lines = Object.entries(rows).map(
    ([code, { meaning, whatToDo }]) => `| \`${code}\` | ${meaning} | ${whatToDo} |\n`,
  );
  return `| ${head} | meaning | what to do |\n| --- | --- | --- |\n${lines.join("")}`;
}
