import { createHash } from "node:crypto";
import { VERSION } from "../../version.ts";
import { type Checked, type Finding, textOf } from "./finding.ts";
import { uriFrom } from "./path.ts";
import { gravestFirst } from "./severity.ts";

/** GitHub refuses a file with more. */
const MOST_RESULTS = 25_000;

/** One run of SARIF 2.1.0 with every finding and, as notes, the advice; files relative to the root of the repository. */
export function sarif({ findings, advice }: Checked, root: string): string {
  const count = findings.length + advice.length;
  const ordered = count > MOST_RESULTS ? gravestFirst(findings) : findings;
  const kept = [...ordered, ...advice].slice(0, MOST_RESULTS);
  const rules = new Map(kept.map((each) => [each.code, levelOf(each)]));
  const codes = [...rules.keys()];
  const prints = new Fingerprints(root);
  const run = {
    tool: {
      driver: {
        name: "kubectl sshkey check",
        version: VERSION,
        rules: Array.from(rules, ([id, level]) => ({ id, defaultConfiguration: { level } })),
      },
    },
    columnKind: "utf16CodeUnits",
    invocations: [{ executionSuccessful: true, toolExecutionNotifications: leftOut(count - kept.length) }],
    results: kept.map((finding) => ({
      ruleId: finding.code,
      ruleIndex: codes.indexOf(finding.code),
      level: levelOf(finding),
      message: { text: textOf(finding) },
      locations: [location(finding, root)],
      partialFingerprints: { "sshkeyCheck/v1": prints.of(finding) },
    })),
  };
  const log = { $schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function levelOf({ isAdvice }: Finding): "error" | "note" {
  return isAdvice ? "note" : "error";
}

function leftOut(count: number): readonly object[] {
  if (count === 0) return [];
  const text = `${count} more findings are left out, since code scanning takes ${MOST_RESULTS}; -o json has them all.`;
  return [{ level: "warning", message: { text } }];
}

function location({ file, line, column }: Finding, root: string): object {
  const { uri, isRelative } = uriFrom(root, file);
  const artifactLocation = isRelative ? { uri, uriBaseId: "%SRCROOT%" } : { uri };
  const region = line === 0 ? {} : { region: { startLine: line, startColumn: column } };
  return { physicalLocation: { artifactLocation, ...region } };
}

/** Of what and where a finding is, but not on which line: what was put above it makes it no new one. */
class Fingerprints {
  readonly #root: string;
  readonly #seen = new Map<string, number>();

  constructor(root: string) {
    this.#root = root;
  }

  of({ file, code, object, field }: Finding): string {
    const id = JSON.stringify([uriFrom(this.#root, file).uri, code, object, field]);
    const count = this.#seen.get(id) ?? 0;
    this.#seen.set(id, count + 1);
    return createHash("sha256").update(`${id} ${count}`).digest("hex").slice(0, 32);
  }
}
