import { printable } from "../../ssh/unprintable.ts";
import type { Position } from "../manifests/document.ts";
import { withoutCommands } from "../output/jobcommands.ts";
import type { Comparison } from "./comparison.ts";

/** One thing that is wrong, or unusual, and where. */
export interface Finding extends Position {
  /** As it was named; `-` is stdin. */
  readonly file: string;
  /** A stable word for programs. */
  readonly code: string;
  /** As the API server names it, `spec.options[0]`; empty where it is no matter of one field. */
  readonly field: string;
  /** What is wrong, then what to do. */
  readonly message: string;
  /** `SSHKey team-a/alice-laptop`; empty where no object can be told. */
  readonly object: string;
  /** Is it unusual only? It then changes neither how the check ends nor what becomes of the key. */
  readonly isAdvice?: true;
}

/** What came of a check. */
export interface Checked {
  /** What is wrong. */
  readonly findings: readonly Finding[];
  /** What is unusual. */
  readonly advice: readonly Finding[];
  /** Every file that was read, in order. */
  readonly files: readonly string[];
  /** How many SSHKeys, AuthorizedKeys and key lines were judged. */
  readonly judged: number;
  /** Who gains and who loses access, where there is something to compare with. */
  readonly comparison?: Comparison | undefined;
}

/** The code of a file that could not be read. */
export const UNREADABLE = "Unreadable";

/** What the finding is about, as a text in front of its message. */
export function textOf({ object, field, message }: Finding): string {
  const what = [object, field].filter((part) => part !== "").join(" ");
  return printable(what === "" ? message : `${what}: ${message}`);
}

/** The code, behind a word that tells advice from what is wrong. */
export function wordsOf({ code, isAdvice }: Finding): string {
  return isAdvice ? `advice: ${code}` : code;
}

/** One finding on one line, without anything that a terminal obeys. */
export function lineOf(finding: Finding): string {
  const { file, line, column } = finding;
  // At the beginning of a line :: is a command to GitHub.
  const path = printable(file).replace(/^(?=:)/, "./");
  const place = line === 0 ? path : `${path}:${line}:${column}`;
  return withoutCommands(`${place}: ${wordsOf(finding)}: ${textOf(finding)}`);
}
