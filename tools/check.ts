import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";

/**
 * Runs every check, goes on after a failed one, and ends with the line `N passed, N failed`. A check that is not a
 * test counts as one. `--all` adds the tests that need a control plane. With FILE in the environment it runs the tests
 * of these files or folders alone, with NAME those whose title has these words.
 */
const isAll = process.argv.includes("--all");
const { FILE = "", NAME = "" } = process.env;

interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface Check {
  readonly name: string;
  readonly run: () => Count;
}

const withoutAPIServer: Check[] = [
  { name: "Format, lint and layering", run: () => command("biome", ["check", "--error-on-warnings", "."]) },
  { name: "Types", run: () => command("tsc", ["--noEmit"]) },
  { name: "No unused files, exports and dependencies", run: () => command("knip", ["--no-progress"]) },
  {
    name: "No regular expression backtracks super-linearly",
    run: () => command("node", ["--disable-warning=ExperimentalWarning", "tools/check-regexps.ts"]),
  },
  {
    name: "Generated files are up to date",
    run: () => command("node", ["tools/generate-api.ts", "--check"]),
  },
  {
    name: "docs/errors.md is up to date",
    run: () => command("node", ["tools/generate-errors.ts", "--check"]),
  },
  {
    name: "docs/plugin.md is up to date",
    run: () => command("node", ["tools/generate-plugin-page.ts", "--check"]),
  },
  {
    name: "The chart has what its sources say",
    run: () => command("node", ["tools/generate-chart.ts", "--check"]),
  },
];

// What comes after the bundle takes this one.
const everything: Check[] = [
  ...withoutAPIServer,
  { name: "Bundle", run: () => command("node", ["tools/build.ts"]) },
  { name: "Control plane", run: () => command("node", ["controlplane/main.ts", "--prebuilt"]) },
  { name: "Helm", run: () => command("node", ["controlplane/gotool.ts", "helm"]) },
  { name: "krew", run: () => command("node", ["controlplane/gotool.ts", "krew"]) },
  { name: "Chromium", run: () => command("node", ["test/portal/browser/findchromium.ts"]) },
  { name: "Tests", run: () => tests([], { BUNDLE: "built" }) },
  {
    name: "Performance guard",
    run: () => command("node", ["bench/main.ts", "--quick"], { BUNDLE: "built" }),
  },
];

function chosen(): readonly Check[] {
  const project = isAll ? [] : ["--project", "pure"];
  if (FILE !== "" || NAME !== "") {
    const title = NAME === "" ? [] : ["--testNamePattern", NAME.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")];
    return [
      {
        name: `Tests: ${FILE} ${NAME}`.trimEnd(),
        run: () => tests([...FILE.split(" "), ...title, ...project]),
      },
    ];
  }
  if (isAll) return everything;
  return [...withoutAPIServer, { name: "Tests without an API server", run: () => tests(project) }];
}

let passed = 0;
let failed = 0;
for (const { name, run } of chosen()) {
  process.stdout.write(`${styleText("bold", `== ${name}`)}\n`);
  const started = performance.now();
  const count = run();
  passed += count.passed;
  failed += count.failed;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${count.failed === 0 ? "ok" : "FAILED"} (${seconds} s)\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function command(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Count {
  const { status } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A skipped test counts as failed: nothing is left out but what NAME leaves out. */
function tests(args: readonly string[], env: NodeJS.ProcessEnv = {}): Count {
  const folder = mkdtempSync(join(tmpdir(), "sshkey-operator-check-"));
  const report = join(folder, "report.json");
  try {
    const reporters = ["--reporter", "default", "--reporter", "json", "--outputFile.json", report];
    // Hundreds of test files and thousands of processes that they start load the same code: it is compiled once.
    const { failed } = command("vitest", ["run", ...reporters, ...args.filter((arg) => arg !== "")], {
      ...env,
      NODE_COMPILE_CACHE: join(folder, "compiled"),
    });
    if (!existsSync(report)) return { passed: 0, failed: 1 };
    const { numTotalTests, numPassedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"));
    const missed = numTotalTests - numPassedTests - (NAME === "" ? 0 : numPendingTests);
    // A file that cannot be loaded, an error outside of tests or a run without any fails the run and no test.
    const isFailed = failed > 0 || numPassedTests === 0;
    return { passed: numPassedTests, failed: missed === 0 && isFailed ? 1 : missed };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
