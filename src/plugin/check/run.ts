import type { Knowledge } from "../../claims/judgement.ts";
import type { Settings } from "../../config/settings.ts";
import { printable } from "../../ssh/unprintable.ts";
import { type FileChoice, type FileText, fileTexts, isManifestFile } from "../manifests/files.ts";
import { type Found, isOurs, type Manifest, manifestsIn } from "../manifests/objects.ts";
import { counted } from "../output/counted.ts";
import type { Session } from "../session/session.ts";
import { turnsOf } from "../session/turns.ts";
import type { Base } from "./base.ts";
import { compare } from "./comparison.ts";
import { type Checked, type Finding, UNREADABLE } from "./finding.ts";
import { Judge } from "./judge.ts";
import { checkKeyLines, isKeyFile } from "./keylines.ts";

export interface CheckOptions {
  /** Folders below folders, too. */
  readonly recursive: boolean;
  readonly settings: Settings;
  readonly knowledge: Knowledge;
  /** What they are compared with. */
  readonly base?: Base | undefined;
  /** ms since the epoch. */
  readonly now: number;
}

/** Reads and judges all files in one pass; of each only what is found is kept. */
export async function checkFiles(
  session: Session,
  names: readonly string[],
  { recursive, settings, knowledge, base, now }: CheckOptions,
): Promise<Checked> {
  const judge = new Judge(settings, now, knowledge, base);
  const findings: Finding[] = [];
  const files: string[] = [];
  const objects: Pick<Manifest, "object">[] = [];
  const turns = turnsOf(session);
  let keyLines = 0;
  const choice: FileChoice = { recursive, takes: (name) => isManifestFile(name) || isKeyFile(name, "") };
  const told = () =>
    `checking: ${counted(judge.judged + keyLines, "object or key", "objects and keys")} in ${counted(files.length, "file", "files")}`;
  await session.during(told, async () => {
    for await (const read of fileTexts(session, names, choice)) {
      files.push(read.file);
      if (read.text === undefined) findings.push(unreadable(read));
      else if (isKeyFile(read.file, read.text)) {
        const checked = checkKeyLines(read.file, read.text, settings.policy, knowledge);
        findings.push(...checked.findings);
        keyLines += checked.judged;
      } else {
        for (const found of manifestsIn(read.text)) {
          findings.push(...checkManifest(judge, read.file, found, base && objects));
          if (turns.areOver) await turns.next();
        }
      }
    }
  });
  const comparison = base && compare(base, objects, doubtOf(findings), { settings, knowledge, now });
  for (const finding of judge.together()) findings.push(finding);
  const ordered = inOrder(findings, files);
  return {
    findings: ordered.filter(({ isAdvice }) => !isAdvice),
    advice: ordered.filter(({ isAdvice }) => isAdvice),
    files,
    judged: judge.judged + keyLines,
    comparison,
  };
}

function unreadable({ file, problem = "", isPrivateKey }: FileText): Finding {
  const code = isPrivateKey === true ? "PrivateKey" : UNREADABLE;
  return { file, line: 0, column: 0, code, field: "", object: "", message: problem };
}

/** Why it is not known what the manifests hold. */
function doubtOf(findings: readonly Finding[]): string | undefined {
  const unread = findings.find(({ code, field }) => UNREAD.has(code) && field === "");
  if (unread === undefined) return undefined;
  const { file } = unread;
  return `Who gains and who loses access is not told, since ${printable(file)} cannot be read: correct it first.`;
}

const UNREAD: ReadonlySet<string> = new Set([UNREADABLE, "InvalidYAML", "PrivateKey"]);

/** `objects` takes what matters for a comparison. */
function checkManifest(
  judge: Judge,
  file: string,
  { manifest, fault }: Found,
  objects: Pick<Manifest, "object">[] | undefined,
): Iterable<Finding> {
  if (manifest === undefined)
    return [{ file, ...fault.position, code: "InvalidYAML", field: "", object: "", message: fault.message }];
  if (isOurs(manifest) || manifest.object.kind === "Namespace") objects?.push({ object: manifest.object });
  return judge.judge(file, manifest);
}

/** By file, in the order in which they were read, then by line. */
function inOrder(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const rank = ({ file }: Finding) => order.get(file) ?? 0;
  return findings.toSorted((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}
