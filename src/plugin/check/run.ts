import type { Knowledge } from "../../claims/judgement.ts";
import type { Settings } from "../../config/settings.ts";
import { type FileChoice, type FileText, fileTexts, isManifestFile } from "../manifests/files.ts";
import { manifestsIn } from "../manifests/objects.ts";
import type { Session } from "../session.ts";
import { type Checked, type Finding, UNREADABLE } from "./finding.ts";
import { Judge } from "./judge.ts";
import { checkKeyLines, isKeyFile } from "./keylines.ts";

export interface CheckOptions {
  /** Folders below folders, too. */
  readonly recursive: boolean;
  readonly settings: Settings;
  readonly knowledge: Knowledge;
  /** ms since the epoch. */
  readonly now: number;
}

/** Reads and judges all files in one pass; of each only what is found is kept. */
export async function checkFiles(
  session: Session,
  names: readonly string[],
  { recursive, settings, knowledge, now }: CheckOptions,
): Promise<Checked> {
  const judge = new Judge(settings, now, knowledge);
  const findings: Finding[] = [];
  const files: string[] = [];
  let keyLines = 0;
  const choice: FileChoice = { recursive, takes: (name) => isManifestFile(name) || isKeyFile(name, "") };
  for await (const read of fileTexts(session, names, choice)) {
    files.push(read.file);
    if (read.text === undefined) findings.push(unreadable(read));
    else if (isKeyFile(read.file, read.text)) {
      const checked = checkKeyLines(read.file, read.text, settings.policy, knowledge);
      findings.push(...checked.findings);
      keyLines += checked.judged;
    } else findings.push(...checkManifests(judge, read.file, read.text));
  }
  for (const finding of judge.together()) findings.push(finding);
  return { findings: inOrder(findings, files), files, judged: judge.judged + keyLines };
}

function unreadable({ file, problem = "", isPrivateKey }: FileText): Finding {
  const code = isPrivateKey === true ? "PrivateKey" : UNREADABLE;
  return { file, line: 0, column: 0, code, field: "", object: "", message: problem };
}

function checkManifests(judge: Judge, file: string, text: string): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { manifest, fault } of manifestsIn(text)) {
    if (manifest !== undefined) for (const finding of judge.judge(file, manifest)) findings.push(finding);
    else
      findings.push({
        file,
        ...fault.position,
        code: "InvalidYAML",
        field: "",
        object: "",
        message: fault.message,
      });
  }
  return findings;
}

/** By file, in the order in which they were read, then by line. */
function inOrder(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const rank = ({ file }: Finding) => order.get(file) ?? 0;
  return findings.toSorted((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}
