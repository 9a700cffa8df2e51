import { describe, expect, test } from "vitest";
import type { Checked, Finding } from "../../../../src/plugin/check/finding.ts";
import { github } from "../../../../src/plugin/check/github.ts";
import { junit } from "../../../../src/plugin/check/junit.ts";
import { sarif } from "../../../../src/plugin/check/sarif.ts";

const ROOT = "/repository";

function finding(part: Partial<Finding> = {}): Finding {
  return {
    file: `${ROOT}/keys/alice.yaml`,
    line: 3,
    column: 7,
    code: "WrongType",
    field: "spec.user",
    object: "SSHKey alice",
    message: "put quotes around it",
    ...part,
  };
}

function checked(...findings: readonly Finding[]): Checked {
  const files = [...new Set(findings.map(({ file }) => file))];
  return { findings, advice: [], files, judged: findings.length };
}

/** A finding, and so many pieces of advice. */
function withAdvice(count: number): Checked {
  const advice = finding({ code: "UnusualSize", field: "spec.key", message: "it works", isAdvice: true });
  return { ...checked(finding()), advice: Array(count).fill(advice) };
}

describe("for GitHub", () => {
  test("what would end a property or a command is escaped", () => {
    const out = github(
      checked(finding({ file: `${ROOT}/keys/a,b:c 50%.yaml`, message: "50%0A\n::warning::x" })),
      ROOT,
    );
    expect(out.split("\n").filter((line) => line.startsWith("::"))).toEqual([
      "::error file=keys/a%2Cb%3Ac 50%25.yaml,line=3,col=7,title=WrongType::SSHKey alice spec.user: 50%250A::warning::x",
    ]);
  });

  test("the name of a file moves nothing where the log is read", () => {
    const file = `${ROOT}/keys/a\u001b[31m\u202e\r##[add-mask]b.yaml`;
    const out = github(checked(finding({ file })), ROOT);
    expect(out).toContain("::error file=keys/a[31m# #[add-mask]b.yaml,");
    expect(out).not.toMatch(/[\u001b\u202e\r]|##\[/);
  });

  test("ten annotations are the gravest, all stand in the log, and the last line counts them", () => {
    const many = Array.from({ length: 12 }, (_, line) => finding({ line: line + 1 }));
    const lines = github(checked(...many, finding({ line: 99, code: "PrivateKey" })), ROOT)
      .trimEnd()
      .split("\n");
    expect(lines.filter((line) => line.startsWith("error: "))).toHaveLength(13);
    const annotations = lines.filter((line) => line.startsWith("::error "));
    expect([annotations.length, annotations[0]]).toEqual([10, expect.stringContaining("line=99,")]);
    expect(lines.at(-1)).toBe("13 findings, the gravest 10 as annotations");
  });
});

describe("advice", () => {
  test("is a notice for GitHub, of as many as it shows beside what changes in access", () => {
    const lines = github(withAdvice(12), ROOT).trimEnd().split("\n");
    const notices = lines.filter((line) => line.startsWith("::notice "));
    expect([notices.length, notices[0]]).toEqual([
      9,
      "::notice file=keys/alice.yaml,line=3,col=7,title=UnusualSize::SSHKey alice spec.key: it works",
    ]);
    expect(lines.filter((line) => line.startsWith("notice: "))).toHaveLength(12);
    expect(lines.at(-1)).toBe("1 finding; 12 pieces of advice");
  });

  test("is a note in SARIF", () => {
    const [run] = JSON.parse(sarif(withAdvice(1), ROOT)).runs;
    const levels = run.results.map(({ ruleId, level }: Record<string, string>) => [ruleId, level]);
    expect(levels).toEqual([
      ["WrongType", "error"],
      ["UnusualSize", "note"],
    ]);
    expect(
      run.tool.driver.rules.map((rule: { defaultConfiguration: object }) => rule.defaultConfiguration),
    ).toEqual([{ level: "error" }, { level: "note" }]);
  });

  test("fails no case of JUnit", () => {
    const out = junit({ ...withAdvice(1), findings: [] });
    expect(out).toContain('tests="1" failures="0"');
    expect(out).toContain("<system-out>/repository/keys/alice.yaml:3:7: advice: UnusualSize: SSHKey alice");
  });
});

describe("as SARIF", () => {
  const run = (...findings: readonly Finding[]) => JSON.parse(sarif(checked(...findings), ROOT)).runs[0];
  const uri = (file: string) =>
    run(finding({ file })).results[0].locations[0].physicalLocation.artifactLocation;

  test.each([
    [
      `${ROOT}/team a/über#1 100%.yaml`,
      { uri: "team%20a/%C3%BCber%231%20100%25.yaml", uriBaseId: "%SRCROOT%" },
    ],
    [`${ROOT}/a:b.yaml`, { uri: "a%3Ab.yaml", uriBaseId: "%SRCROOT%" }],
    ["/elsewhere/a b.yaml", { uri: "file:///elsewhere/a%20b.yaml" }],
    ["-", { uri: "stdin", uriBaseId: "%SRCROOT%" }],
  ])("%s is a URI", (file, location) => {
    expect(uri(file)).toEqual(location);
  });

  test("nothing found is an empty list, which closes what was open", () => {
    expect(run().results).toEqual([]);
  });

  test("10,000 findings are 10,000 results", () => {
    expect(run(...Array(10_000).fill(finding())).results).toHaveLength(10_000);
  });

  test("of more than code scanning takes, the gravest are kept and the rest is told", () => {
    const { results, invocations } = run(...Array(25_001).fill(finding()), finding({ code: "PrivateKey" }));
    expect([results.length, results[0].ruleId]).toEqual([25_000, "PrivateKey"]);
    expect(invocations[0].toolExecutionNotifications[0].message.text).toMatch(
      /^2 more findings are left out/,
    );
  });

  test("a finding that moved is the same one, and two of a kind are two", () => {
    const prints = (line: number) =>
      run(finding({ line }), finding({ line: line + 1 })).results.map(
        (result: { partialFingerprints: object }) => result.partialFingerprints,
      );
    expect(prints(1)).toEqual(prints(11));
    expect(prints(1)[0]).not.toEqual(prints(1)[1]);
  });
});

describe("as JUnit", () => {
  test("what no XML may hold is shown as text", () => {
    const out = junit(checked(finding({ object: 'a\u001b\0\ufffe\ud800]]>"&', message: "x" })));
    expect(out).toContain("a\\u001b\\u0000\\ufffe\\ud800]]&gt;&quot;&amp;");
    expect(out).not.toMatch(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/);
  });

  test("a file without findings is one case that passed", () => {
    const out = junit({ findings: [], advice: [], files: ["a.yaml"], judged: 1 });
    expect(out).toContain('<testsuite name="a.yaml" tests="1" failures="0">');
  });
});
